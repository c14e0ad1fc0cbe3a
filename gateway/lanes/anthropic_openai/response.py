"""A whole chat completion becomes a Message."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.lanes.anthropic_openai.completion import Choice, ToolCall, read_completion, read_usage
from gateway.lanes.anthropic_openai.message import (
    is_json_object,
    message_id,
    stop_reason,
    tool_use_id,
    usage_of,
)
from gateway.lanes.base import Asked, UntranslatableAnswer


def translate_response(body: bytes, asked: Asked) -> bytes:
    """See `Translation.response`."""
    completion = read_completion(body)
    choice = completion.first
    if choice is None or choice.message is None:
        raise UntranslatableAnswer("The provider's answer holds no message.")
    said = choice.message
    return msgspec.json.encode(
        {
            "id": message_id(completion.id, asked),
            "type": "message",
            "role": "assistant",
            "model": asked.model,
            "content": list(_blocks(choice, asked)),
            "stop_reason": stop_reason(choice.reason, uses_tools=bool(said.calls), refused=bool(said.refused)),
            "stop_sequence": None,
            "usage": usage_of(read_usage(completion)),
        }
    )


def _blocks(choice: Choice, asked: Asked) -> Iterator[dict[str, Any]]:
    said = choice.message
    if said is None:
        return
    for kind, words in said.pieces:
        # Only Anthropic signs reasoning; its types demand the field.
        signed = {"signature": ""} if kind == "thinking" else {}
        yield {"type": kind, kind: words, **signed}
    for position, call in enumerate(said.calls):
        yield _tool_use(call, asked, position)


def _tool_use(call: ToolCall, asked: Asked, position: int) -> dict[str, Any]:
    """A call; arguments that are no JSON object, as models write them now and then, leave its input empty."""
    if not call.name:
        raise UntranslatableAnswer("A tool call of the provider's answer names no function.")
    arguments = call.arguments if is_json_object(call.arguments) else "{}"
    return {
        "type": "tool_use",
        "id": tool_use_id(call.identifier, asked, position),
        "name": call.name,
        "input": msgspec.Raw(arguments.strip().encode()),
    }
