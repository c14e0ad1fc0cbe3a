"""Reading the events of a streamed message.

Sources: https://docs.anthropic.com/en/docs/build-with-claude/streaming and
https://docs.anthropic.com/en/api/versioning, by which new kinds of events, blocks and deltas may come at any time and
are to be passed over.
"""

from typing import Any, Final

import msgspec

from gateway.lanes.base import UntranslatableAnswer
from gateway.lanes.openai_anthropic.message import BLOCKS, read
from gateway.shapes.messages import EVENTS

_ABSENT: Final = msgspec.Raw()
_DELTAS: Final = ("text_delta", "input_json_delta", "thinking_delta", "signature_delta")


class StartedBlock(msgspec.Struct):
    """A block that begins; it may say something already."""

    type: str = ""
    id: str = ""
    name: str = ""
    data: Any = None
    text: str | None = None
    thinking: str | None = None
    signature: Any = None
    input: msgspec.Raw = _ABSENT


class Delta(msgspec.Struct):
    """The delta of a block or of the message."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: Any = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_details: Any = None


class Event(msgspec.Struct):
    """Any event; its type says which members it has."""

    type: str
    index: int = 0
    content_block: StartedBlock | None = None
    delta: Delta | None = None


class _Typed(msgspec.Struct):
    type: str


class _Outline(msgspec.Struct):
    """An event that may hold something of an unknown kind."""

    index: int = 0
    content_block: _Typed | None = None
    delta: _Typed | None = None


_decode = msgspec.json.Decoder(Event).decode
_decode_typed = msgspec.json.Decoder(_Typed).decode
_decode_outline = msgspec.json.Decoder(_Outline).decode


def read_event(data: bytes) -> Event:
    """The event; what is of an unknown kind has nothing but that kind. Raises `UntranslatableAnswer`."""
    try:
        return read(_decode, data)
    except UntranslatableAnswer:
        outline = _outline(data)
        if outline is None:
            raise
        return outline


def _outline(data: bytes) -> Event | None:
    kind = read(_decode_typed, data).type
    if kind not in EVENTS.rows:
        return Event(kind)
    if kind not in ("content_block_start", "content_block_delta"):
        return None
    outline = read(_decode_outline, data)
    block, delta = outline.content_block, outline.delta
    if kind == "content_block_start" and block is not None and block.type not in BLOCKS:
        return Event(kind, outline.index, content_block=StartedBlock(block.type))
    if kind == "content_block_delta" and delta is not None and delta.type not in _DELTAS:
        return Event(kind, outline.index, delta=Delta(delta.type))
    return None
