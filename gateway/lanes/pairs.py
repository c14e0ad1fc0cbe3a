"""Which endpoints can be answered through another one, and by which translation."""

from collections.abc import Mapping
from typing import Final

from gateway.lanes.base import Translation
from gateway.lanes.chat.client import CLIENT as CHAT_CLIENT
from gateway.lanes.chat.provider import PROVIDER as CHAT_PROVIDER
from gateway.lanes.converse.provider import PROVIDER as CONVERSE_PROVIDER
from gateway.lanes.generate_content.client import CLIENT as GENERATE_CONTENT_CLIENT
from gateway.lanes.generate_content.provider import PROVIDER as GENERATE_CONTENT_PROVIDER
from gateway.lanes.messages.client import CLIENT as MESSAGES_CLIENT
from gateway.lanes.messages.provider import PROVIDER as MESSAGES_PROVIDER
from gateway.lanes.responses.client import CLIENT as RESPONSES_CLIENT
from gateway.lanes.responses.provider import PROVIDER as RESPONSES_PROVIDER
from gateway.lanes.sides import ClientSide, ProviderSide, joined

CLIENTS: Final[Mapping[str, ClientSide]] = {
    "chat_completions": CHAT_CLIENT,
    "messages": MESSAGES_CLIENT,
    "responses": RESPONSES_CLIENT,
    "generate_content": GENERATE_CONTENT_CLIENT,
}
"""By the endpoint that clients call."""

PROVIDERS: Final[Mapping[str, ProviderSide]] = {
    "messages": MESSAGES_PROVIDER,
    "generate_content": GENERATE_CONTENT_PROVIDER,
    "chat_completions": CHAT_PROVIDER,
    "converse": CONVERSE_PROVIDER,
    "responses": RESPONSES_PROVIDER,
}
"""By the endpoint that is asked, in the order that a provider which serves several is asked by."""

TRANSLATIONS: Final[Mapping[tuple[str, str], Translation]] = {
    (asked, spoken): joined(client, provider)
    for asked, client in CLIENTS.items()
    for spoken, provider in PROVIDERS.items()
    if asked != spoken
}
"""(the client's endpoint, the provider's endpoint) -> how to cross."""

OPENAI_TO_ANTHROPIC: Final = TRANSLATIONS["chat_completions", "messages"]
ANTHROPIC_TO_OPENAI: Final = TRANSLATIONS["messages", "chat_completions"]
OPENAI_TO_CONVERSE: Final = TRANSLATIONS["chat_completions", "converse"]
