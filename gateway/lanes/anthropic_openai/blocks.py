"""The content blocks of a streamed Message: one open at a time, with consecutive indexes.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming. OpenAI numbers only tool calls, and nothing
keeps a provider from sending several of them in turns. So blocks wait in a queue: the first is open and its text goes
out at once, those behind it gather theirs until it is their turn. A call's turn ends when its arguments are whole.
"""

from collections import deque
from typing import Any, Final

from gateway.lanes.anthropic_openai.completion import Said, ToolCall
from gateway.lanes.base import Asked, UntranslatableAnswer, call_id, event
from gateway.lanes.call_arguments import as_object, is_json, is_json_object
from gateway.wire.unsigned_thinking import marked

_DELTAS: Final = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}

TOOL_USE: Final = "toolu"
"""What the ids of calls begin with."""


def signature_of(piece: Said, asked: Asked) -> str:
    """The signature of a thought. Only Anthropic signs reasoning, but its types demand the field."""
    return marked(asked.provider) if piece.has_reasoning_content and asked.provider else ""


class _Block:
    """One block on its way: what of it waits to go out, and for a call everything that it said."""

    __slots__ = ("closed", "fragments", "id", "index", "is_object", "kind", "name", "signature", "waiting")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.id = ""
        self.name = ""
        self.signature = ""
        self.index: int | None = None
        self.waiting: list[str] = []
        self.fragments: list[str] = []
        self.is_object: bool | None = None  # whether the arguments begin as an object; unknown before they do
        self.closed = False

    @property
    def whole(self) -> bool:
        """Whether nothing more can come for a block that has others behind it."""
        if self.kind != "tool_use":
            return True
        if self.is_object is False:
            return is_json("".join(self.fragments))
        # PERF: an object ends in a brace; without one the arguments need not be put together.
        ends = bool(self.fragments) and self.fragments[-1].rstrip().endswith("}")
        return ends and is_json_object("".join(self.fragments))

    def write(self, arguments: str) -> None:
        """More of a call's arguments. What does not begin as an object goes out at the end, inside one."""
        self.fragments.append(arguments)
        if self.is_object is None:
            arguments = "".join(self.fragments).lstrip()
            self.is_object = arguments.startswith("{") if arguments else None
        if self.is_object:
            self.waiting.append(arguments)


def _begins(call: ToolCall, arguments: str, known: _Block) -> bool:
    """Whether a call is another one than that which is known under its index, as some providers give every call one.

    What goes on repeats the name at most. Gemini's calls have neither ids nor indexes, and come whole.
    """
    if not call.name:
        return False
    if call.identifier and known.id:
        return call.identifier != known.id
    return call.name != (known.name or call.name) or (known.whole and bool(arguments.strip()))


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

    def say(self, kind: str, words: str, signature: str = "") -> bytes:
        """Text or thinking, which goes on the block before it if that is of its kind."""
        if not words:
            return b""
        block = self._latest
        if block is None or block.kind != kind:
            block = self._add(kind)
            block.signature = signature if kind == "thinking" else ""
        block.waiting.append(words)
        return self._advance()

    def call(self, call: ToolCall) -> bytes:
        """A tool call begins, or goes on."""
        arguments = call.arguments
        block = self._block_of(call, arguments)
        if block.closed and block.is_object and arguments.strip():
            raise UntranslatableAnswer("a tool call goes on behind its end")
        block.id = block.id or call.identifier
        block.name = block.name or call.name
        if arguments and not block.closed:
            block.write(arguments)
        return self._advance()

    def close(self, *, stopped: bool) -> bytes:
        """Nothing more comes: every block goes out and ends.

        Where the model `stopped` a call has whatever it wrote as its arguments; where the stream only ceased they have
        to be whole. Raises `UntranslatableAnswer`.
        """
        written = []
        while self._queue:
            block = self._queue[0]
            if block.kind == "tool_use" and not block.name:
                raise UntranslatableAnswer("a tool call names no function")
            if not stopped and not block.whole and "".join(block.fragments).strip():
                raise UntranslatableAnswer("the arguments of a tool call break off")
            written.append(self._write(block))
            written.append(self._end(block))
        self._latest = None
        return b"".join(written)

    def _block_of(self, call: ToolCall, arguments: str) -> _Block:
        """The block of a call: by its index, by its id where the provider counts none, or the latest without either."""
        key: int | str = call.index if type(call.index) is int else call.identifier
        known = self._latest if key == "" else self._calls.get(key)
        if known is None or known.kind != "tool_use" or _begins(call, arguments, known):
            known = self._calls[key] = self._add("tool_use")
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
            self.uses_tools = self.uses_tools or block.kind == "tool_use"
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
        if block.is_object is False and (held := as_object("".join(block.fragments))) != "{}":
            block.waiting.append(held)
        written = self._write(block)
        if block.signature:
            delta = {"type": "signature_delta", "signature": block.signature}
            written += event(
                "content_block_delta", {"type": "content_block_delta", "index": block.index, "delta": delta}
            )
        return written + event("content_block_stop", {"type": "content_block_stop", "index": block.index})

    def _head(self, block: _Block) -> dict[str, Any]:
        if block.kind == "text":
            return {"type": "text", "text": ""}
        if block.kind == "thinking":
            return {"type": "thinking", "thinking": "", "signature": ""}
        identifier = call_id(block.id, self._asked, block.index or 0, TOOL_USE)
        return {"type": "tool_use", "id": identifier, "name": block.name, "input": {}}
