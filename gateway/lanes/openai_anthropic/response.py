"""A message of Anthropic's becomes a chat completion.

Sources: https://docs.anthropic.com/en/api/messages and https://platform.openai.com/docs/api-reference/chat/object.
Thinking goes into `reasoning_content`, as with other providers of OpenAI's shape, and with its signatures into
`thinking_blocks`, which a client that hands them back may use in the next turn.
"""

from typing import Any

import msgspec

from gateway.lanes.base import Asked, UntranslatableAnswer, said
from gateway.lanes.chat_completion import completion, finish_reason
from gateway.lanes.openai_anthropic.message import BLOCKS, read, refusal_of, usage_of
from gateway.shapes.messages import EVENTS, read_body

_ABSENT = msgspec.Raw()


class _Block(msgspec.Struct):
    """One block; what is needed of the kinds that a completion can hold. Results of server tools are left out."""

    type: str
    text: str | None = None
    thinking: str | None = None
    signature: Any = None
    data: Any = None
    id: str = ""
    name: str = ""
    input: msgspec.Raw = _ABSENT


class _Message(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    stop_details: Any = None


class _Unread(msgspec.Struct):
    """A message whose blocks are to be read one by one."""

    content: list[msgspec.Raw]
    stop_reason: str | None = None
    stop_details: Any = None


class _Typed(msgspec.Struct):
    type: str


_decode = msgspec.json.Decoder(_Message).decode
_decode_unread = msgspec.json.Decoder(_Unread).decode
_decode_typed = msgspec.json.Decoder(_Typed).decode
_decode_block = msgspec.json.Decoder(_Block).decode


def translate_response(body: bytes, asked: Asked) -> bytes:
    """See `Translation.response`."""
    message = _read_message(body)
    stated = read_body(body)
    usage = None if stated is None else usage_of(stated.usage)
    return completion(asked, _chat_message(message), finish_reason(EVENTS.stops.get(message.stop_reason or "")), usage)


def _read_message(body: bytes) -> _Message:
    try:
        return read(_decode, body)
    except UntranslatableAnswer:
        # Blocks of kinds that are not known may have any members (https://docs.anthropic.com/en/api/versioning).
        unread = read(_decode_unread, body)
    blocks = [
        read(_decode_block, block) for block in map(bytes, unread.content) if read(_decode_typed, block).type in BLOCKS
    ]
    return _Message(blocks, unread.stop_reason, unread.stop_details)


def _chat_message(message: _Message) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    kept: list[dict[str, str]] = []
    calls: list[dict[str, Any]] = []
    for block in message.content:
        if block.type == "text":
            texts.append(block.text or "")
        elif block.type == "tool_use":
            written = bytes(block.input).decode()
            written = "{}" if written in ("", "null") else written
            calls.append({"id": block.id, "type": "function", "function": {"name": block.name, "arguments": written}})
        elif block.type == "thinking":
            thoughts.append(block.thinking or "")
            kept.append({"type": "thinking", "thinking": thoughts[-1], "signature": said(block.signature)})
        elif block.type == "redacted_thinking":
            kept.append({"type": "redacted_thinking", "data": said(block.data)})
    chat: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": None}
    if message.stop_reason == "refusal":
        chat["refusal"] = refusal_of(message.stop_details)
    if any(thoughts):
        chat["reasoning_content"] = "".join(thoughts)
    if kept:
        chat["thinking_blocks"] = kept
    if calls:
        chat["tool_calls"] = calls
    return chat
