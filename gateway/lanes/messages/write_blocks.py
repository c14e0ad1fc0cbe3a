"""The content blocks of a streamed Message: one open at a time, with consecutive indexes.

Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from typing import Any, Final

from gateway.lanes.answer import (
    ArgumentsPiece,
    CallBegun,
    CallEnd,
    Event,
    RefusalPiece,
    Stopped,
    TextEnd,
    TextPiece,
    ThoughtEnd,
    ThoughtPiece,
)
from gateway.lanes.base import Asked, UntranslatableAnswer, call_id, event
from gateway.lanes.call_arguments import as_object
from gateway.lanes.messages.opaque import beside_call, redacted, signature_of
from gateway.lanes.one_at_a_time import OneAtATime

TOOL_USE: Final = "toolu"
"""What the ids of calls begin with."""

_TEXT: Final = "text"
_THINKING: Final = "thinking"
_DELTAS: Final = {
    _TEXT: ("text_delta", "text"),
    _THINKING: ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}


class _Call:
    """The call that is open: what it has written, and whether that begins as an object; unknown before it does."""

    __slots__ = ("fragments", "id", "is_object", "name")

    def __init__(self, identifier: str, name: str) -> None:
        self.id = identifier
        self.name = name
        self.fragments: list[str] = []
        self.is_object: bool | None = None


class ContentBlocks:
    """Turns what the model says into the events of content blocks."""

    __slots__ = ("_asked", "_call", "_calls", "_indexes", "_kind", "_order", "_thought", "refuses")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._order = OneAtATime()
        self._kind = ""
        self._indexes = 0
        self._calls = 0
        self._call: _Call | None = None
        self._thought: list[str] = []
        self.refuses = False

    @property
    def uses_tools(self) -> bool:
        """Whether it has called."""
        return self._calls > 0

    def write(self, event: Event) -> bytes:
        """The events for something new; once it has stopped, every block has ended. Raises `UntranslatableAnswer`."""
        return b"".join([self._write(one) for one in self._order.ordered(event)])

    def _write(self, event: Event) -> bytes:
        written = b""
        if isinstance(event, TextPiece):
            written = self._say(_TEXT, event.text)
        elif isinstance(event, ThoughtPiece):
            written = self._say(_THINKING, event.text)
        elif isinstance(event, RefusalPiece):
            self.refuses = self.refuses or bool(event.text)
            written = self._say(_TEXT, event.text)
        elif isinstance(event, CallBegun):
            written = self._begin_call(event)
        elif isinstance(event, ArgumentsPiece):
            written = self._arguments(event.text)
        elif isinstance(event, CallEnd):
            written = self._end_call(event)
        elif isinstance(event, ThoughtEnd):
            written = self._end_thought(event)
        elif isinstance(event, TextEnd | Stopped):
            written = self._close()
        return written

    def _say(self, kind: str, words: str) -> bytes:
        """Text or thinking, which goes on the block before it if that is of its kind."""
        if not words:
            return b""
        written = b""
        if self._kind != kind:
            head = {"type": _TEXT, "text": ""} if kind == _TEXT else {"type": kind, "thinking": "", "signature": ""}
            written = self._close() + self._start(kind, head)
        if kind == _THINKING:
            self._thought.append(words)
        return written + self._delta(words)

    def _begin_call(self, begun: CallBegun) -> bytes:
        if not begun.name:
            raise UntranslatableAnswer("a tool call names no function")
        identifier = call_id(begun.id, self._asked, self._calls, TOOL_USE)
        self._calls += 1
        written = self._close()
        self._call = _Call(identifier, begun.name)
        return written + self._start(
            "tool_use", {"type": "tool_use", "id": identifier, "name": begun.name, "input": {}}
        )

    def _arguments(self, piece: str) -> bytes:
        """More of the call's arguments. What does not begin as an object goes out at the end, inside one."""
        call = self._call
        if call is None or not piece:
            return b""
        call.fragments.append(piece)
        if call.is_object is None:
            piece = "".join(call.fragments).lstrip()
            call.is_object = piece.startswith("{") if piece else None
        return self._delta(piece) if call.is_object else b""

    def _end_call(self, ended: CallEnd) -> bytes:
        call = self._call
        if call is None:
            return b""
        written = self._close()
        held = redacted(ended.opaque, beside_call(call.id, call.name), self._asked.seal)
        return written if held is None else written + self._whole(held)

    def _end_thought(self, ended: ThoughtEnd) -> bytes:
        if self._kind != _THINKING:
            held = redacted(ended.opaque, "", self._asked.seal)
            return b"" if held is None else self._close() + self._whole(held)
        signature = signature_of(ended.opaque, "".join(self._thought), self._asked.seal)
        signed = self._piece({"type": "signature_delta", "signature": signature}) if signature else b""
        return signed + self._close()

    def _close(self) -> bytes:
        """The block that is open ends."""
        if not self._kind:
            return b""
        written = b""
        call, self._call = self._call, None
        if call is not None and call.is_object is False and (held := as_object("".join(call.fragments))) != "{}":
            written = self._delta(held)
        self._kind = ""
        self._thought.clear()
        self._indexes += 1
        return written + event("content_block_stop", {"type": "content_block_stop", "index": self._indexes - 1})

    def _whole(self, block: dict[str, Any]) -> bytes:
        """A block that begins with all that it has."""
        return self._start(str(block["type"]), block) + self._close()

    def _start(self, kind: str, head: dict[str, Any]) -> bytes:
        self._kind = kind
        start = {"type": "content_block_start", "index": self._indexes, "content_block": head}
        return event("content_block_start", start)

    def _delta(self, words: str) -> bytes:
        kind, member = _DELTAS[self._kind]
        return self._piece({"type": kind, member: words})

    def _piece(self, delta: dict[str, str]) -> bytes:
        return event("content_block_delta", {"type": "content_block_delta", "index": self._indexes, "delta": delta})
