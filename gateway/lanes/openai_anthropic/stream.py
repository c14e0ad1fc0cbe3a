"""Events of a streamed message become chunks of a chat completion.

Sources: https://docs.anthropic.com/en/docs/build-with-claude/streaming and
https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from gateway.lanes.base import Asked, UntranslatableAnswer, said
from gateway.lanes.chat_completion import Chunks, finish_reason
from gateway.lanes.openai_anthropic.events import Delta, StartedBlock, read_event
from gateway.lanes.openai_anthropic.message import refusal_of, usage_of
from gateway.shapes import messages
from gateway.shapes.ending import stated_error
from gateway.usage import Stated, Usage


class _Open:
    """A block that has begun: the place of its call, and what a thought has said so far.

    `input` and `signature` are what it began with; they hold unless deltas bring others.
    """

    __slots__ = ("call", "has_arguments", "input", "kind", "signature", "thinking")

    def __init__(self, block: StartedBlock, call: int) -> None:
        self.kind = block.type
        self.call = call
        self.has_arguments = False
        self.input = bytes(block.input).decode()
        self.signature = said(block.signature)
        self.thinking: list[str] = []


class AnthropicStream:
    """See `StreamTranslator`. The stream's proper end is `message_stop`."""

    __slots__ = ("_calls", "_chunks", "_open", "_reason", "_stated", "_thoughts", "finished")

    def __init__(self, asked: Asked) -> None:
        self._chunks = Chunks(asked)
        self._open: dict[int, _Open] = {}
        self._calls = 0
        self._thoughts = 0
        self._reason: str | None = None
        self._stated: Stated | None = None
        self.finished = False

    def feed(self, event: str, data: bytes) -> bytes:  # noqa: ARG002 - the data names its event too
        """See `StreamTranslator.feed`."""
        happened = read_event(data)
        kind = happened.type
        index = happened.index
        if kind == "content_block_delta":
            return self._delta(index, happened.delta or Delta())
        if kind == "content_block_start":
            return self._block_start(index, happened.content_block or StartedBlock())
        if kind == "content_block_stop":
            return self._block_stop(index)
        if kind == "message_start":
            self._stated = messages.read_event(self._stated, data)
            return self._chunks.begin()
        if kind == "message_delta":
            self._stated = messages.read_event(self._stated, data)
            return self._message_delta(happened.delta or Delta())
        if kind == "message_stop":
            self.finished = True
            return b"" if self._reason is not None else self._chunks.finish("stop")
        if kind == "error":
            error = stated_error(data)
            kind = "an error" if error is None or error.type is None else error.type
            raise UntranslatableAnswer(f"its stream broke off with {kind}")
        return b""

    def end(self) -> bytes:
        """See `StreamTranslator.end`."""
        return self._chunks.end(usage_of(Usage() if self._stated is None else self._stated.usage))

    def _block_start(self, index: int, block: StartedBlock) -> bytes:
        opened = self._open[index] = _Open(block, self._calls)
        if block.type == "tool_use":
            self._calls += 1
            return self._chunks.call(opened.call, block.id, block.name)
        if block.type == "redacted_thinking":
            return self._thought({"type": block.type, "data": said(block.data)})
        if block.type == "text" and block.text:
            return self._chunks.say({"content": block.text})
        if block.type == "thinking" and block.thinking:
            return self._think(opened, block.thinking)
        return b""

    def _delta(self, index: int, delta: Delta) -> bytes:
        opened = self._open.get(index)
        if opened is None:
            raise UntranslatableAnswer("it has a piece of a block that never began")
        if delta.type == "text_delta" and delta.text:
            return self._chunks.say({"content": delta.text})
        if delta.type == "input_json_delta" and delta.partial_json and opened.kind == "tool_use":
            opened.has_arguments = True
            return self._chunks.arguments(opened.call, delta.partial_json)
        if delta.type == "thinking_delta" and delta.thinking:
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
        """What the block began with and no delta brought; a call has arguments at any rate, which clients parse."""
        opened = self._open.pop(index, None)
        if opened is None:
            return b""
        if opened.kind == "tool_use" and not opened.has_arguments:
            return self._chunks.arguments(opened.call, opened.input if opened.input.startswith("{") else "{}")
        if opened.kind == "thinking" and opened.signature:
            return self._sign(opened, opened.signature)
        return b""

    def _message_delta(self, delta: Delta) -> bytes:
        reason = delta.stop_reason
        if not reason or self._reason is not None:
            return b""
        self._reason = reason
        refusal = b""
        if reason == "refusal":
            refusal = self._chunks.say({"refusal": refusal_of(delta.stop_details)})
        return refusal + self._chunks.finish(finish_reason(messages.EVENTS.stops.get(reason)))
