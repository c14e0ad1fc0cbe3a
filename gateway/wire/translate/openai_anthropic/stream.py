"""Events of a streamed message become chunks of a chat completion.

Sources: https://docs.anthropic.com/en/docs/build-with-claude/streaming and
https://platform.openai.com/docs/api-reference/chat-streaming.
"""

import msgspec

from gateway.wire.translate.base import Asked, UntranslatableAnswer
from gateway.wire.translate.chat_completion import Chunks
from gateway.wire.translate.openai_anthropic.message import (
    MessageUsage,
    StopDetails,
    finish_reason,
    read,
    usage_of,
)


class _Started(msgspec.Struct):
    usage: MessageUsage | None = None


class _Block(msgspec.Struct):
    type: str = ""
    id: str = ""
    name: str = ""
    data: str = ""


class _Delta(msgspec.Struct):
    """The delta of a block or of the message."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class _Failure(msgspec.Struct):
    type: str = "an error"


class _Event(msgspec.Struct):
    """Any event; its type says which members it has."""

    type: str
    index: int = 0
    message: _Started | None = None
    content_block: _Block | None = None
    delta: _Delta | None = None
    usage: MessageUsage | None = None
    error: _Failure | None = None


_decode = msgspec.json.Decoder(_Event).decode


class _Open:
    """A block that has begun: its kind, the place of its call, and what a thought has said so far."""

    __slots__ = ("call", "has_arguments", "kind", "thinking")

    def __init__(self, kind: str, call: int) -> None:
        self.kind = kind
        self.call = call
        self.has_arguments = False
        self.thinking: list[str] = []


class AnthropicStream:
    """See `StreamTranslator`. The stream's proper end is `message_stop`."""

    __slots__ = ("_calls", "_chunks", "_open", "_reason", "_thoughts", "_usage", "finished")

    def __init__(self, asked: Asked) -> None:
        self._chunks = Chunks(asked)
        self._open: dict[int, _Open] = {}
        self._calls = 0
        self._thoughts = 0
        self._reason: str | None = None
        self._usage = MessageUsage()
        self.finished = False

    def feed(self, event: str, data: bytes) -> bytes:  # noqa: ARG002 - the data names its event too
        """See `StreamTranslator.feed`."""
        happened = read(_decode, data)
        kind = happened.type
        if kind == "content_block_delta":
            return self._delta(happened.index, happened.delta or _Delta())
        if kind == "content_block_start":
            return self._block_start(happened.index, happened.content_block or _Block())
        if kind == "content_block_stop":
            return self._block_stop(happened.index)
        if kind == "message_start":
            self._count(happened.message.usage if happened.message is not None else None)
            return self._chunks.begin()
        if kind == "message_delta":
            self._count(happened.usage)
            return self._message_delta(happened.delta or _Delta())
        if kind == "message_stop":
            self.finished = True
            return b"" if self._reason is not None else self._chunks.finish("stop")
        if kind == "error":
            failure = happened.error or _Failure()
            raise UntranslatableAnswer(f"its stream broke off with {failure.type}")
        return b""

    def end(self) -> bytes:
        """See `StreamTranslator.end`."""
        return self._chunks.end(usage_of(self._usage))

    def _count(self, usage: MessageUsage | None) -> None:
        if usage is not None:
            self._usage = self._usage.joined(usage)

    def _block_start(self, index: int, block: _Block) -> bytes:
        opened = self._open[index] = _Open(block.type, self._calls)
        if block.type == "tool_use":
            self._calls += 1
            return self._chunks.call(opened.call, block.id, block.name)
        if block.type == "redacted_thinking":
            return self._thought({"type": block.type, "data": block.data})
        return b""

    def _delta(self, index: int, delta: _Delta) -> bytes:
        opened = self._open.get(index)
        if opened is None:
            raise UntranslatableAnswer("it has a piece of a block that never began")
        if delta.type == "text_delta" and delta.text:
            return self._chunks.say({"content": delta.text})
        if delta.type == "input_json_delta" and delta.partial_json and opened.kind == "tool_use":
            opened.has_arguments = True
            return self._chunks.arguments(opened.call, delta.partial_json)
        if delta.type == "thinking_delta" and delta.thinking:
            opened.thinking.append(delta.thinking)
            return self._chunks.say({"reasoning_content": delta.thinking})
        if delta.type == "signature_delta" and delta.signature:
            thinking = "".join(opened.thinking)
            return self._thought({"type": "thinking", "thinking": thinking, "signature": delta.signature})
        return b""

    def _thought(self, block: dict[str, str]) -> bytes:
        """A thinking block in one piece; entries of lists in deltas carry their place, as clients put them together."""
        self._thoughts += 1
        return self._chunks.say({"thinking_blocks": [{"index": self._thoughts - 1, **block}]})

    def _block_stop(self, index: int) -> bytes:
        """A call without arguments streams none; clients read what they gathered as JSON."""
        opened = self._open.pop(index, None)
        if opened is None or opened.kind != "tool_use" or opened.has_arguments:
            return b""
        return self._chunks.arguments(opened.call, "{}")

    def _message_delta(self, delta: _Delta) -> bytes:
        if delta.stop_reason is None:
            return b""
        self._reason = delta.stop_reason
        refusal = b""
        if delta.stop_reason == "refusal":
            explained = None if delta.stop_details is None else delta.stop_details.explanation
            refusal = self._chunks.say({"refusal": explained or "The model declined to answer."})
        return refusal + self._chunks.finish(finish_reason(delta.stop_reason))
