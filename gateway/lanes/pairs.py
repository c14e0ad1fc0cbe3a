"""Which endpoints can be answered through another one, and by which translation."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.lanes.anthropic_openai import answer as message_answers
from gateway.lanes.anthropic_openai import parameters as message_parameters
from gateway.lanes.anthropic_openai.request import chat_request
from gateway.lanes.base import Json, Target, Translation, Written
from gateway.lanes.chat import client as chat
from gateway.lanes.converse import provider as converse
from gateway.lanes.losses import Losses
from gateway.lanes.messages import client as messages_client
from gateway.lanes.messages import provider as messages
from gateway.lanes.responses import client as responses
from gateway.lanes.sides import ClientSide, ProviderSide, joined

CLIENTS: Final[Mapping[str, ClientSide]] = {
    "chat_completions": chat.CLIENT,
    "messages": messages_client.CLIENT,
    "responses": responses.CLIENT,
}
"""By the endpoint that clients call."""

PROVIDERS: Final[Mapping[str, ProviderSide]] = {"messages": messages.PROVIDER, "converse": converse.PROVIDER}
"""By the endpoint that is asked."""


def _alone(write: Callable[[Json, Target, Losses], dict[str, Any]]) -> Callable[[Json, Target, Losses], Written]:
    """A translator of requests that has nothing to keep for the answer."""
    return lambda body, target, losses: Written(write(body, target, losses))


TRANSLATIONS: Final[Mapping[tuple[str, str], Translation]] = {
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
