"""Which endpoints can be answered through another one, and by which translation."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.lanes import chat_parameters
from gateway.lanes.anthropic_openai import answer as message_answers
from gateway.lanes.anthropic_openai import parameters as message_parameters
from gateway.lanes.anthropic_openai.request import chat_request
from gateway.lanes.base import Json, Target, Translation, Written
from gateway.lanes.chat import parameters as chat
from gateway.lanes.chat import read_request as chat_requests
from gateway.lanes.chat import write_answer as chat_answers
from gateway.lanes.converse import parameters as converse
from gateway.lanes.converse import read_answer as converse_answers
from gateway.lanes.converse import write_request as converse_requests
from gateway.lanes.losses import Losses
from gateway.lanes.openai_anthropic import answer as anthropic_answers
from gateway.lanes.openai_anthropic.reasoning import thinking_budget
from gateway.lanes.openai_anthropic.request import anthropic_request
from gateway.lanes.sides import ClientSide, ProviderSide, joined

CLIENTS: Final[Mapping[str, ClientSide]] = {
    "chat_completions": ClientSide(
        "openai",
        chat.CLIENT,
        chat_requests.read_request,
        chat_answers.write_answer,
        chat_answers.CompletionStream,
        chat_answers.write_error,
    ),
}
"""By the endpoint that clients call."""

PROVIDERS: Final[Mapping[str, ProviderSide]] = {
    "converse": ProviderSide(
        "bedrock converse",
        converse.TARGET,
        converse_requests.write_request,
        converse_answers.read_answer,
        converse_answers.AnswerStream,
        converse_answers.read_error,
    ),
}
"""By the endpoint that is asked."""


def _alone(write: Callable[[Json, Target, Losses], dict[str, Any]]) -> Callable[[Json, Target, Losses], Written]:
    """A translator of requests that has nothing to keep for the answer."""
    return lambda body, target, losses: Written(write(body, target, losses))


TRANSLATIONS: Final[Mapping[tuple[str, str], Translation]] = {
    ("chat_completions", "messages"): Translation(
        chat_parameters.TO_ANTHROPIC,
        _alone(anthropic_request),
        anthropic_answers.chat_completion,
        anthropic_answers.chat_error,
        anthropic_answers.ChatStream,
        thinking_budget,
    ),
    ("messages", "chat_completions"): Translation(
        message_parameters.TABLE,
        _alone(chat_request),
        message_answers.message,
        message_answers.message_error,
        message_answers.MessageStream,
    ),
    **{
        (asked, spoken): joined(client, provider)
        for asked, client in CLIENTS.items()
        for spoken, provider in PROVIDERS.items()
        if asked != spoken
    },
}
"""(the client's endpoint, the provider's endpoint) -> how to cross."""

OPENAI_TO_ANTHROPIC: Final = TRANSLATIONS["chat_completions", "messages"]
ANTHROPIC_TO_OPENAI: Final = TRANSLATIONS["messages", "chat_completions"]
OPENAI_TO_CONVERSE: Final = TRANSLATIONS["chat_completions", "converse"]
