"""Which endpoints can be answered through another one, and by which translation."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.lanes import chat_parameters
from gateway.lanes.anthropic_openai import answer as message_answers
from gateway.lanes.anthropic_openai import parameters as message_parameters
from gateway.lanes.anthropic_openai.request import chat_request
from gateway.lanes.base import Json, Target, Translation, Written
from gateway.lanes.losses import Losses
from gateway.lanes.messages import provider as messages
from gateway.lanes.openai_anthropic import answer as anthropic_answers
from gateway.lanes.openai_anthropic.reasoning import thinking_budget
from gateway.lanes.openai_anthropic.request import anthropic_request
from gateway.lanes.openai_converse import answer as converse_answers
from gateway.lanes.openai_converse.request import converse_request
from gateway.lanes.responses import client as responses
from gateway.lanes.sides import joined


def _alone(write: Callable[[Json, Target, Losses], dict[str, Any]]) -> Callable[[Json, Target, Losses], Written]:
    """A translator of requests that has nothing to keep for the answer."""
    return lambda body, target, losses: Written(write(body, target, losses))


OPENAI_TO_ANTHROPIC: Final = Translation(
    chat_parameters.TO_ANTHROPIC,
    _alone(anthropic_request),
    anthropic_answers.chat_completion,
    anthropic_answers.chat_error,
    anthropic_answers.ChatStream,
    thinking_budget,
)
OPENAI_TO_CONVERSE: Final = Translation(
    chat_parameters.TO_CONVERSE,
    _alone(converse_request),
    converse_answers.chat_completion,
    converse_answers.chat_error,
    converse_answers.ChatStream,
)
ANTHROPIC_TO_OPENAI: Final = Translation(
    message_parameters.TABLE,
    _alone(chat_request),
    message_answers.message,
    message_answers.message_error,
    message_answers.MessageStream,
)

TRANSLATIONS: Final[Mapping[tuple[str, str], Translation]] = {
    ("chat_completions", "messages"): OPENAI_TO_ANTHROPIC,
    ("messages", "chat_completions"): ANTHROPIC_TO_OPENAI,
    ("chat_completions", "converse"): OPENAI_TO_CONVERSE,
    ("responses", "messages"): joined(responses.CLIENT, messages.PROVIDER),
}
"""(the client's endpoint, the provider's endpoint) -> how to cross."""
