"""Ending an answer at a text where the model's API cannot: the client gets what stands before it.

What the model writes beyond it is read to its end and given to nobody: it is billed, and only the end of an answer says
how much was.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    Block,
    CallBegun,
    CallEnd,
    Cited,
    Event,
    SaidText,
    Stopped,
    TextPiece,
    UsageStated,
)
from gateway.lanes.conversation import Conversation
from gateway.lanes.losses import Losses
from gateway.shapes.ending import Stop

_MOST_STOPS: Final = 64
_MOST_CHARACTERS: Final = 4096
"""Of all texts together. Each piece of an answer is compared with all of them, while others wait."""

_FIGURES: Final = (Begun, UsageStated)


def texts_to_stop_at(conversation: Conversation, losses: Losses) -> list[str]:
    """Those of a request; raises `unsupported_parameter` for more than the gateway can look for."""
    if conversation.stops is None:
        return []
    stops, path = conversation.stops
    if len(stops) > _MOST_STOPS or sum(map(len, stops)) > _MOST_CHARACTERS:
        raise losses.table.unsupported(
            path, f"{_MOST_STOPS} texts of {_MOST_CHARACTERS} characters in all are the most."
        )
    return list(stops)


class _Found(NamedTuple):
    """Where a text to stop at begins, and which one it is."""

    start: int
    stop: str


def _first(text: str, stops: Sequence[str]) -> _Found | None:
    """The first that is whole, as a model that writes from left to right comes to it; of those the longest."""
    found = [(start + len(stop), start, stop) for stop in stops if (start := text.find(stop)) >= 0]
    return _Found(*min(found)[1:]) if found else None


def stopped_answer(answer: Answer, stops: Sequence[str]) -> Answer:
    """A whole answer up to the first of the texts; without what came after it, calls too."""
    blocks: list[Block] = []
    for block in answer.blocks:
        found = _first(block.text, stops) if isinstance(block, SaidText) else None
        if found is None or not isinstance(block, SaidText):
            blocks.append(block)
            continue
        citations = tuple(one for one in block.citations if (one.end or 0) <= found.start)
        if found.start:
            blocks.append(SaidText(block.text[: found.start], citations))
        return answer._replace(blocks=blocks, stop=Stop.FINISHED, stopped_at=found.stop)
    return answer


class StoppedEvents:
    """The same for the events of one stream. What may be the beginning of a text to stop at waits for what follows."""

    __slots__ = ("_held", "_is_told", "_open", "_stopped_at", "_stops")

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self._open: set[int] = set()
        self._stopped_at: str | None = None
        self._is_told = False

    def cut(self, events: Iterable[Event]) -> list[Event]:
        """The events that the client gets."""
        said: list[Event] = []
        for event in events:
            if self._stopped_at is not None:
                self._after(event, said)
            elif isinstance(event, TextPiece):
                self._text(event.text, said)
            else:
                self._beside_text(event, said)
        return said

    def _text(self, piece: str, said: list[Event]) -> None:
        text = self._held + piece
        found = _first(text, self._stops)
        if found is None:
            kept = _kept(text, self._stops)
            self._held = text[len(text) - kept :]
            text = text[: len(text) - kept]
        else:
            self._held, self._stopped_at = "", found.stop
            text = text[: found.start]
        if text:
            said.append(TextPiece(text))
        if found is not None and not self._open:
            self._tell(said)

    def _beside_text(self, event: Event, said: list[Event]) -> None:
        if self._held and not isinstance(event, (*_FIGURES, Cited)):
            said.append(TextPiece(self._held))
            self._held = ""
        if isinstance(event, CallBegun):
            self._open.add(event.key)
        elif isinstance(event, CallEnd):
            self._open.discard(event.key)
        said.append(event)

    def _after(self, event: Event, said: list[Event]) -> None:
        """What follows the text: calls that had begun before it come to their end, and figures are told."""
        if isinstance(event, ArgumentsPiece | CallEnd) and event.key in self._open:
            said.append(event)
            if isinstance(event, CallEnd):
                self._open.discard(event.key)
                if not self._open:
                    self._tell(said)
        elif isinstance(event, Stopped):
            self._tell(said)
        elif isinstance(event, _FIGURES):
            said.append(event)

    def _tell(self, said: list[Event]) -> None:
        if not self._is_told:
            self._is_told = True
            said.append(Stopped(Stop.FINISHED, self._stopped_at))


def _kept(text: str, stops: Sequence[str]) -> int:
    """How many of the last characters may be the beginning of a text to stop at."""
    return max(_begun(text, stop) for stop in stops)


def _begun(text: str, stop: str) -> int:
    longest = min(len(stop) - 1, len(text))
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
