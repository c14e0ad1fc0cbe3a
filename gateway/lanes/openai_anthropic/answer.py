"""A message of Anthropic's becomes a chat completion, its events become chunks, and an error one of OpenAI's.

Sources: https://docs.anthropic.com/en/api/messages (response),
https://docs.anthropic.com/en/docs/build-with-claude/streaming, https://docs.anthropic.com/en/api/errors and
https://docs.anthropic.com/en/api/versioning, by which new kinds of events, blocks and deltas may come at any time and
are to be passed over.

Thinking goes into `reasoning_content`, as with other providers of OpenAI's shape, and with its signatures into
`thinking_blocks`, which a client that hands them back may use in the next turn.
"""

from typing import Any, Final

import msgspec

from gateway.lanes.base import Asked, UntranslatableAnswer, identifier, said, says_nothing
from gateway.lanes.call_arguments import is_json_object, written, written_raw
from gateway.lanes.chat_completion import (
    ANOTHER_MESSAGE,
    Chunks,
    completion,
    error_body,
    finish_reason,
    message,
    tool_call,
    usage_of,
)
from gateway.lanes.lenient import Reader
from gateway.lanes.provider_error import failed_within, read_error
from gateway.shapes import messages
from gateway.usage import Stated, Usage

_ABSENT: Final = msgspec.Raw()
_WHAT: Final = "message of Anthropic's"


class _Block(msgspec.Struct):
    """A block, whole or as it begins; its kind says which members it has."""

    type: str
    id: Any = ""
    name: Any = ""
    data: Any = None
    text: Any = None
    thinking: Any = None
    signature: Any = None
    input: msgspec.Raw = _ABSENT

    @property
    def call(self) -> tuple[str, str]:
        """Id and name of a call, empty where they are not there."""
        return identifier(self.id), said(self.name)


class _Message(msgspec.Struct):
    content: list[_Block]
    stop_reason: str | None = None
    stop_details: Any = None


class _Delta(msgspec.Struct):
    """The delta of a block or of the message."""

    type: str = ""
    text: Any = None
    thinking: Any = None
    signature: Any = None
    partial_json: Any = None
    stop_reason: Any = None
    stop_details: Any = None


class _Identified(msgspec.Struct):
    id: Any = None


class _Event(msgspec.Struct):
    """Any event; its type says which members it has."""

    type: str
    index: int = 0
    content_block: _Block | None = None
    delta: _Delta | None = None
    message: _Identified | None = None


_read = Reader(_Message, _WHAT)
_read_event = Reader(_Event, f"event of a {_WHAT}")


def chat_completion(body: bytes, asked: Asked) -> bytes:
    """See `Translation.response`."""
    answer = _read(body)
    stated = messages.read_body(body)
    usage = None if stated is None else _usage(stated.usage)
    answered = _message(answer, asked)
    reason = finish_reason(messages.EVENTS.stops.get(answer.stop_reason or ""), calls="tool_calls" in answered)
    return completion(asked, answered, reason, usage)


def _message(answer: _Message, asked: Asked) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    kept: list[dict[str, str]] = []
    calls: list[dict[str, Any]] = []
    for block in answer.content:
        if block.type == "text":
            texts.append(said(block.text))
        elif block.type == "tool_use":
            arguments = written_raw(block.input)
            if not says_nothing(*block.call, arguments):
                calls.append(tool_call(asked, len(calls), *block.call, arguments))
        elif block.type == "thinking":
            thoughts.append(said(block.thinking))
            kept.append({"type": "thinking", "thinking": thoughts[-1], "signature": said(block.signature)})
        elif block.type == "redacted_thinking":
            kept.append({"type": "redacted_thinking", "data": said(block.data)})
    refusal = _refusal(answer.stop_details) if answer.stop_reason == "refusal" else None
    return message(texts, thoughts, calls, refusal=refusal, thinking_blocks=kept)


def _refusal(stop_details: Any) -> str:
    """Why the model refused, in its own words where it has any."""
    explained = said(stop_details.get("explanation")) if isinstance(stop_details, dict) else ""
    return explained or "The model declined to answer."


def _usage(usage: Usage) -> dict[str, Any]:
    """Usage in OpenAI's form, with what of the output was thinking."""
    return {**usage_of(usage), "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens}}


def chat_error(status: int, body: bytes) -> bytes:
    """See `Translation.error`. Anthropic's type stays as it is, where it states one."""
    stated = read_error(body)
    return error_body(status, stated.message, stated.type)


class _Open:
    """A block that has begun, and what a thought has said so far.

    `signature` is what it began with; it holds unless a delta brings another.
    """

    __slots__ = ("kind", "signature", "thinking")

    def __init__(self, block: _Block) -> None:
        self.kind = block.type
        self.signature = said(block.signature)
        self.thinking: list[str] = []


class ChatStream:
    """See `StreamTranslator`. The stream's proper end is `message_stop`."""

    __slots__ = ("_chunks", "_id", "_open", "_reason", "_stated", "_thoughts", "finished")

    def __init__(self, asked: Asked) -> None:
        self._chunks = Chunks(asked)
        self._open: dict[int, _Open] = {}
        self._thoughts = 0
        self._id: Any = None
        self._reason: str | None = None
        self._stated: Stated | None = None
        self.finished = False

    def feed(self, event: str, data: bytes) -> bytes:  # noqa: ARG002 - the data names its event too
        """See `StreamTranslator.feed`."""
        happened = _read_event(data)
        kind = happened.type
        index = happened.index
        if kind == "content_block_delta":
            return self._delta(index, happened.delta or _Delta())
        if kind == "content_block_start":
            return self._block_start(index, happened.content_block or _Block(""))
        if kind == "content_block_stop":
            return self._block_stop(index)
        if kind == "message_start":
            self._stated = messages.read_event(self._stated, data)
            return self._start(None if happened.message is None else happened.message.id)
        if kind == "message_delta":
            self._stated = messages.read_event(self._stated, data)
            return self._message_delta(happened.delta or _Delta())
        if kind == "message_stop":
            self.finished = True
            return b"" if self._reason is not None else self._chunks.finish(None)
        if kind == "error":
            raise failed_within(data)
        return b""

    def end(self) -> bytes:
        """See `StreamTranslator.end`."""
        return self._chunks.end(_usage(Usage() if self._stated is None else self._stated.usage))

    def _start(self, identifier: Any) -> bytes:
        """The message begins; that it begins once more is passed over, another one is none of this answer's."""
        if self._id and identifier and identifier != self._id:
            raise UntranslatableAnswer(ANOTHER_MESSAGE)
        self._id = identifier
        return self._chunks.begin()

    def _block_start(self, index: int, block: _Block) -> bytes:
        opened = self._open[index] = _Open(block)
        if block.type == "tool_use":
            arguments = written_raw(block.input)
            if says_nothing(*block.call, arguments):
                opened.kind = ""
                return b""
            return self._chunks.call(index, *block.call, arguments if is_json_object(arguments) else "{}")
        if block.type == "redacted_thinking":
            return self._thought({"type": block.type, "data": said(block.data)})
        if block.type == "text" and said(block.text):
            return self._chunks.say({"content": block.text})
        if block.type == "thinking" and said(block.thinking):
            return self._think(opened, block.thinking)
        return b""

    def _delta(self, index: int, delta: _Delta) -> bytes:
        opened = self._open.get(index)
        if opened is None:
            raise UntranslatableAnswer("it has a piece of a block that never began")
        if delta.type == "text_delta" and said(delta.text):
            return self._chunks.say({"content": delta.text})
        if delta.type == "input_json_delta" and opened.kind == "tool_use":
            return self._chunks.arguments(index, written(delta.partial_json))
        if delta.type == "thinking_delta" and said(delta.thinking):
            return self._think(opened, delta.thinking)
        if delta.type == "signature_delta" and said(delta.signature):
            return self._sign(opened, delta.signature)
        return b""

    def _think(self, opened: _Open, piece: str) -> bytes:
        opened.thinking.append(piece)
        return self._chunks.say({"reasoning_content": piece})

    def _sign(self, opened: _Open, signature: str) -> bytes:
        opened.signature = ""
        return self._thought({"type": "thinking", "thinking": "".join(opened.thinking), "signature": signature})

    def _thought(self, block: dict[str, str]) -> bytes:
        """A thinking block in one piece; entries of lists in deltas carry their place, as clients put them together."""
        self._thoughts += 1
        return self._chunks.say({"thinking_blocks": [{"index": self._thoughts - 1, **block}]})

    def _block_stop(self, index: int) -> bytes:
        """What the block began with and no delta brought."""
        opened = self._open.pop(index, None)
        if opened is None:
            return b""
        if opened.kind == "tool_use":
            return self._chunks.end_call(index)
        if opened.kind == "thinking" and opened.signature:
            return self._sign(opened, opened.signature)
        return b""

    def _message_delta(self, delta: _Delta) -> bytes:
        reason = said(delta.stop_reason)
        if not reason or self._reason is not None:
            return b""
        self._reason = reason
        refusal = self._chunks.say({"refusal": _refusal(delta.stop_details)}) if reason == "refusal" else b""
        return refusal + self._chunks.finish(messages.EVENTS.stops.get(reason))
