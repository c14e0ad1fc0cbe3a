"""The content blocks of a streamed Message: one open at a time, with consecutive indexes.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming. OpenAI numbers only tool calls, and nothing
keeps a provider from sending several of them in turns. So blocks wait in a queue: the first is open and its text goes
out at once, those behind it gather theirs until it is their turn. A call's turn ends when its arguments are whole.
"""

from collections import deque
from typing import Any, Final

from gateway.lanes.anthropic_openai.completion import ToolCall
from gateway.lanes.anthropic_openai.message import is_json_object, tool_use_id
from gateway.lanes.base import Asked, UntranslatableAnswer, event

_DELTAS: Final = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


class _Block:
    """One block on its way: what of it waits to go out, and for a call everything that it said."""

    __slots__ = ("closed", "fragments", "id", "index", "kind", "name", "waiting")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.id: str | None = None
        self.name: str | None = None
        self.index: int | None = None
        self.waiting: list[str] = []
        self.fragments: list[str] = []
        self.closed = False

    @property
    def whole(self) -> bool:
        """Whether nothing more can come for a block that has others behind it."""
        if self.kind != "tool_use":
            return True
        # PERF: an object ends in a brace; without one the arguments need not be put together.
        ends = bool(self.fragments) and self.fragments[-1].rstrip().endswith("}")
        return ends and is_json_object("".join(self.fragments))


class ContentBlocks:
    """Turns what the model says into the events of content blocks."""

    __slots__ = ("_asked", "_calls", "_indexes", "_latest", "_queue", "uses_tools")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._queue: deque[_Block] = deque()
        self._calls: dict[int | str, _Block] = {}
        self._latest: _Block | None = None
        self._indexes = 0
        self.uses_tools = False

    def say(self, kind: str, words: str) -> bytes:
        """Text or thinking, which goes on the block before it if that is of its kind."""
        if not words:
            return b""
        block = self._latest
        if block is None or block.kind != kind:
            block = self._add(kind)
        block.waiting.append(words)
        return self._advance()

    def call(self, call: ToolCall) -> bytes:
        """A tool call begins, or goes on."""
        block = self._block_of(call)
        name = call.function.name if call.function else None
        arguments = (call.function.arguments if call.function else None) or ""
        if block.closed and arguments.strip():
            raise UntranslatableAnswer("A tool call goes on behind its end.")
        block.id = block.id or call.id
        block.name = block.name or name
        if arguments and not block.closed:
            block.waiting.append(arguments)
            block.fragments.append(arguments)
        return self._advance()

    def close(self, *, truncated: bool) -> bytes:
        """Nothing more comes: every block goes out and ends. Only a truncated answer may leave a call incomplete."""
        written = []
        while self._queue:
            block = self._queue[0]
            if block.kind == "tool_use" and not block.name:
                raise UntranslatableAnswer("A tool call of the provider's answer names no function.")
            if not truncated and not block.whole and "".join(block.fragments).strip():
                raise UntranslatableAnswer("The arguments of a tool call are no JSON object.")
            written.append(self._write(block))
            written.append(self._end(block))
        self._latest = None
        return b"".join(written)

    def _block_of(self, call: ToolCall) -> _Block:
        """The block of a call, by its index, or by its id where the provider counts none."""
        name = call.function.name if call.function else None
        key: int | str | None = call.index if call.index is not None else call.id
        if key is None:
            latest = self._latest
            if latest is not None and latest.kind == "tool_use" and not (name and latest.whole):
                return latest
            key = len(self._calls)
        known = self._calls.get(key)
        begins = bool(known and known.id and call.id and call.id != known.id and name)
        if known is None or begins:  # some providers give every call the same index
            known = self._calls[key] = self._add("tool_use")
            self.uses_tools = True
        return known

    def _add(self, kind: str) -> _Block:
        block = self._latest = _Block(kind)
        self._queue.append(block)
        return block

    def _advance(self) -> bytes:
        written = []
        while self._queue:
            block = self._queue[0]
            if block.kind == "tool_use" and not block.name:
                break
            written.append(self._write(block))
            if len(self._queue) == 1 or not block.whole:
                break
            written.append(self._end(block))
        return b"".join(written)

    def _write(self, block: _Block) -> bytes:
        """The start of a block that is new, and what waits."""
        written = b""
        if block.index is None:
            block.index = self._indexes
            self._indexes += 1
            start = {"type": "content_block_start", "index": block.index, "content_block": self._head(block)}
            written = event("content_block_start", start)
        words = "".join(block.waiting)
        block.waiting.clear()
        if words:
            kind, member = _DELTAS[block.kind]
            delta = {"type": kind, member: words}
            written += event(
                "content_block_delta", {"type": "content_block_delta", "index": block.index, "delta": delta}
            )
        return written

    def _end(self, block: _Block) -> bytes:
        self._queue.popleft()
        block.closed = True
        return event("content_block_stop", {"type": "content_block_stop", "index": block.index})

    def _head(self, block: _Block) -> dict[str, Any]:
        if block.kind == "text":
            return {"type": "text", "text": ""}
        if block.kind == "thinking":
            # Only Anthropic signs reasoning; its types demand the field.
            return {"type": "thinking", "thinking": "", "signature": ""}
        identifier = tool_use_id(block.id, self._asked, block.index or 0)
        return {"type": "tool_use", "id": identifier, "name": block.name, "input": {}}
