"""The events that a provider's stream of an answer has, whatever its API."""

from collections.abc import Iterator

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    CallBegun,
    CallEnd,
    Cited,
    Event,
    RefusalPiece,
    Refused,
    SaidText,
    Stopped,
    TextEnd,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.usage import Usage


def _pieces(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]] if text else [""]


def events_of(answer: Answer) -> Iterator[Event]:
    """The events, each block in two pieces."""
    yield Begun("msg_1", Usage(input_tokens=10))
    for key, block in enumerate(answer.blocks):
        if isinstance(block, SaidText):
            yield from map(TextPiece, _pieces(block.text))
            yield from map(Cited, block.citations)
            yield TextEnd()
        elif isinstance(block, Refused):
            yield from map(RefusalPiece, _pieces(block.text))
        elif isinstance(block, Thought):
            yield from map(ThoughtPiece, _pieces(block.text))
            yield ThoughtEnd(block.opaque)
        else:
            yield CallBegun(key, block.id, block.name, is_custom=block.is_custom, group=block.group)
            yield from (ArgumentsPiece(key, piece) for piece in _pieces(block.arguments))
            yield CallEnd(key, block.opaque)
    yield Stopped(answer.stop)
    if answer.usage is not None:
        yield UsageStated(answer.usage)
