"""Which endpoints can be answered through another one, and by which translation.

A shape's folder has the pieces; here they are put together to the sides that it has, a client's or a provider's.
"""

from collections.abc import Mapping
from typing import Final

from gateway.lanes.base import Translation
from gateway.lanes.carried_tools import ToolForms
from gateway.lanes.chat import parameters as chat_parameters
from gateway.lanes.chat import read_answer as chat_answers
from gateway.lanes.chat import read_request as chat_requests
from gateway.lanes.chat import write_answer as to_chat_clients
from gateway.lanes.chat import write_request as to_chat
from gateway.lanes.converse import parameters as converse_parameters
from gateway.lanes.converse import read_answer as converse_answers
from gateway.lanes.converse import write_request as to_converse
from gateway.lanes.generate_content import client_table as google_client_table
from gateway.lanes.generate_content import read_answer as google_answers
from gateway.lanes.generate_content import read_request as google_requests
from gateway.lanes.generate_content import target_table as google_target_table
from gateway.lanes.generate_content import write_answer as to_google_clients
from gateway.lanes.generate_content import write_request as to_google
from gateway.lanes.messages import client_table as messages_client_table
from gateway.lanes.messages import read_answer as messages_answers
from gateway.lanes.messages import read_request as messages_requests
from gateway.lanes.messages import target_table as messages_target_table
from gateway.lanes.messages import write_answer as to_messages_clients
from gateway.lanes.messages import write_request as to_messages
from gateway.lanes.responses import client_parameters as responses_client_parameters
from gateway.lanes.responses import items as response_items
from gateway.lanes.responses import read_answer as responses_answers
from gateway.lanes.responses import read_request as responses_requests
from gateway.lanes.responses import target_parameters as responses_target_parameters
from gateway.lanes.responses import write_answer as to_responses_clients
from gateway.lanes.responses import write_request as to_responses
from gateway.lanes.responses import write_stream as to_responses_streams
from gateway.lanes.sides import ClientSide, ProviderSide, joined

CLIENTS: Final[Mapping[str, ClientSide]] = {
    "chat_completions": ClientSide(
        name="openai",
        table=chat_parameters.CLIENT_TABLE,
        read_request=chat_requests.read_request,
        write_answer=to_chat_clients.write_answer,
        write_stream=to_chat_clients.CompletionStream,
        write_error=to_chat_clients.write_error,
        thinking_budget=chat_requests.thinking_budget,
    ),
    "messages": ClientSide(
        name="anthropic",
        table=messages_client_table.CLIENT,
        read_request=messages_requests.read_request,
        write_answer=to_messages_clients.write_answer,
        write_stream=to_messages_clients.MessageStream,
        write_error=to_messages_clients.write_error,
    ),
    "responses": ClientSide(
        name="openai responses",
        table=responses_client_parameters.CLIENT_TABLE,
        read_request=responses_requests.read_request,
        write_answer=to_responses_clients.write_answer,
        write_stream=to_responses_streams.ResponseStream,
        write_error=to_responses_clients.write_error,
        echo=response_items.echo,
    ),
    "generate_content": ClientSide(
        name="gemini",
        table=google_client_table.CLIENT,
        read_request=google_requests.read_request,
        write_answer=to_google_clients.write_answer,
        write_stream=to_google_clients.ContentStream,
        write_error=to_google_clients.write_error,
        thinking_budget=google_requests.thinking_budget,
    ),
}
"""By the endpoint that clients call."""

PROVIDERS: Final[Mapping[str, ProviderSide]] = {
    "messages": ProviderSide(
        name="anthropic",
        table=messages_target_table.TARGET,
        write_request=to_messages.write_request,
        read_answer=messages_answers.read_answer,
        read_stream=messages_answers.MessageEvents,
        forms=ToolForms(longest_name=128),
        adds_budget=True,
    ),
    "generate_content": ProviderSide(
        name="gemini",
        table=google_target_table.TARGET,
        write_request=to_google.write_request,
        read_answer=google_answers.read_answer,
        read_stream=google_answers.ContentEvents,
        read_error=google_answers.read_error,
    ),
    "chat_completions": ProviderSide(
        name="openai",
        table=chat_parameters.TARGET,
        write_request=to_chat.write_request,
        read_answer=chat_answers.read_answer,
        read_stream=chat_answers.CompletionEvents,
    ),
    "converse": ProviderSide(
        name="bedrock converse",
        table=converse_parameters.TARGET,
        write_request=to_converse.write_request,
        read_answer=converse_answers.read_answer,
        read_stream=converse_answers.AnswerStream,
        read_error=converse_answers.read_error,
    ),
    "responses": ProviderSide(
        name="openai responses",
        table=responses_target_parameters.TARGET_TABLE,
        write_request=to_responses.write_request,
        read_answer=responses_answers.read_answer,
        read_stream=responses_answers.ResponseEvents,
        forms=ToolForms(has_custom=True),
    ),
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
