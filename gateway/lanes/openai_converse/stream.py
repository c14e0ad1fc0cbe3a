"""Events of ConverseStream become chunks of a chat completion.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html,
https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from typing import Any

import msgspec

from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.chat_completion import Chunks, finish_reason, usage_of
from gateway.lanes.openai_converse.completion import read
from gateway.shapes import converse
from gateway.usage import Stated


class _ToolUseStart(msgspec.Struct, rename="camel"):
    tool_use_id: str
    name: str


class _Start(msgspec.Struct, rename="camel"):
    tool_use: _ToolUseStart | None = None
    image: Any = None


class _BlockStart(msgspec.Struct, rename="camel"):
    content_block_index: int
    start: _Start = msgspec.field(default_factory=_Start)


class _ToolUseDelta(msgspec.Struct):
    input: str = ""


class _ReasoningDelta(msgspec.Struct):
    """Signatures and redacted reasoning have no place in a chunk."""

    text: str | None = None


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolUseDelta | None = None
    reasoning_content: _ReasoningDelta | None = None


class _BlockDelta(msgspec.Struct, rename="camel"):
    content_block_index: int
    delta: _Delta


class _BlockStop(msgspec.Struct, rename="camel"):
    content_block_index: int


class _MessageStop(msgspec.Struct, rename="camel"):
    stop_reason: str


_decode_start = msgspec.json.Decoder(_BlockStart).decode
_decode_delta = msgspec.json.Decoder(_BlockDelta).decode
_decode_block_stop = msgspec.json.Decoder(_BlockStop).decode
_decode_stop = msgspec.json.Decoder(_MessageStop).decode


class _Call:
    """A call that is being streamed: its place among the calls, and whether any of its arguments came."""

    __slots__ = ("has_arguments", "index")

    def __init__(self, index: int) -> None:
        self.index = index
        self.has_arguments = False


class ConverseStream:
    """See `StreamTranslator`. The stream's proper end is the event `metadata`, which follows `messageStop`."""

    __slots__ = ("_calls", "_chunks", "_stated", "_stopped", "finished")

    def __init__(self, asked: Asked) -> None:
        self._chunks = Chunks(asked)
        self._stopped = False
        self._calls: dict[int, _Call] = {}
        self._stated: Stated | None = None
        self.finished = False

    def feed(self, event: str, data: bytes) -> bytes:
        """See `StreamTranslator.feed`; `event` is the message's `:event-type`, `data` its payload."""
        if event == "contentBlockDelta":
            return self._delta(read(_decode_delta, data))
        if event == "contentBlockStart":
            return self._block_start(read(_decode_start, data))
        if event == "contentBlockStop":
            return self._block_stop(read(_decode_block_stop, data))
        if event == "messageStart":
            return self._chunks.begin()
        if event == "messageStop":
            return self._stop(read(_decode_stop, data))
        if event == "metadata":
            self._stated = converse.read_event(self._stated, data)
            self.finished = self._stopped
        elif event.endswith("Exception"):
            raise UntranslatableAnswer(f"its stream broke off with {event}")
        return b""

    def end(self) -> bytes:
        """See `StreamTranslator.end`."""
        return self._chunks.end(None if self._stated is None else usage_of(self._stated.usage))

    def _block_start(self, block: _BlockStart) -> bytes:
        if block.start.image is not None:
            raise UntranslatableAnswer("it holds an image, which a chat completion cannot hold")
        use = block.start.tool_use
        if use is None:
            return b""
        call = self._calls[block.content_block_index] = _Call(len(self._calls))
        return self._chunks.call(call.index, use.tool_use_id, use.name)

    def _delta(self, block: _BlockDelta) -> bytes:
        delta = block.delta
        if delta.text:
            return self._chunks.say({"content": delta.text})
        if delta.tool_use is not None:
            return self._arguments(block.content_block_index, delta.tool_use.input)
        if delta.reasoning_content is not None and delta.reasoning_content.text:
            return self._chunks.say({"reasoning_content": delta.reasoning_content.text})
        return b""

    def _arguments(self, block: int, piece: str) -> bytes:
        call = self._calls.get(block)
        if call is None:
            raise UntranslatableAnswer("it has arguments of a call that never began")
        if not piece:
            return b""
        call.has_arguments = True
        return self._chunks.arguments(call.index, piece)

    def _block_stop(self, block: _BlockStop) -> bytes:
        """A call without arguments streams none; clients read what they gathered as JSON."""
        call = self._calls.get(block.content_block_index)
        if call is None or call.has_arguments:
            return b""
        return self._arguments(block.content_block_index, "{}")

    def _stop(self, message: _MessageStop) -> bytes:
        self._stopped = True
        return self._chunks.finish(finish_reason(converse.EVENTS.stops.get(message.stop_reason)))
