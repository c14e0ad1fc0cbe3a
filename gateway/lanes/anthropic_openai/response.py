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
            "stop_reason": stop_reason(choice.finish_reason, uses_tools=bool(said.calls), refused=bool(said.refusal)),
            "stop_sequence": None,
            "usage": usage_of(read_usage(completion)),
        }
    )


def _blocks(choice: Choice, asked: Asked) -> Iterator[dict[str, Any]]:
    said = choice.message
    if said is None:
        return
    if said.thought:
        # Only Anthropic signs reasoning; its types demand the field.
        yield {"type": "thinking", "thinking": said.thought, "signature": ""}
    for words in (said.content, said.refusal):
        if words:
            yield {"type": "text", "text": words}
    for position, call in enumerate(said.calls):
        yield _tool_use(call, asked, position, truncated=choice.finish_reason == "length")


def _tool_use(call: ToolCall, asked: Asked, position: int, *, truncated: bool) -> dict[str, Any]:
    if call.function is None or not call.function.name:
        raise UntranslatableAnswer("A tool call of the provider's answer names no function.")
    arguments = (call.function.arguments or "").strip() or "{}"
    if not is_json_object(arguments):
        if not truncated:
            raise UntranslatableAnswer("The arguments of a tool call are no JSON object.")
        arguments = "{}"
    return {
        "type": "tool_use",
        "id": tool_use_id(call.id, asked, position),
        "name": call.function.name,
        "input": msgspec.Raw(arguments.encode()),
    }
