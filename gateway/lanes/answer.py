"""What a model answers, whatever API it answers by: readers make it of a provider's bytes, writers make a client's.

A whole answer is an `Answer`. A streamed one is a sequence of events, each said as soon as it is known; a call goes by
the key that its reader gave it, since some providers send several at once.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from gateway.lanes.conversation import Opaque
from gateway.shapes.ending import Stop
from gateway.usage import Usage


class Citation(NamedTuple):
    """Where something that was said comes from. `start` and `end` count characters of the text before, if known."""

    url: str
    title: str = ""
    start: int | None = None
    end: int | None = None


class SaidText(NamedTuple):
    """A block of text, whole."""

    text: str
    citations: tuple[Citation, ...] = ()


class Thought(NamedTuple):
    """A block of thinking, whole; `opaque` proves it, or stands for it where the text is empty."""

    text: str
    opaque: Opaque | None = None


class Called(NamedTuple):
    """A call, whole. `arguments` are the text that the model wrote: for all but custom tools that of a JSON object.

    `group` is the namespace of the tool, where the request had it in one.
    """

    id: str
    name: str
    arguments: str
    opaque: Opaque | None = None
    is_custom: bool = False
    group: str = ""


class Refused(NamedTuple):
    """What the model says in place of an answer."""

    text: str


Block = SaidText | Thought | Called | Refused


class Answer(NamedTuple):
    """A whole answer. `id` is the provider's, empty where it gives none; `stop` is `None` where it does not say why.

    `stopped_at` is the text of the request's that the answer stopped at. `usage` is `None` where none is stated.
    """

    blocks: Sequence[Block]
    id: str = ""
    stop: Stop | None = None
    stopped_at: str | None = None
    usage: Usage | None = None


class Begun(NamedTuple):
    """The answer begins; usage may be known already."""

    id: str = ""
    usage: Usage | None = None


class TextPiece(NamedTuple):
    """More text."""

    text: str


class TextEnd(NamedTuple):
    """The block of text is whole: text that follows is another block."""


class Cited(NamedTuple):
    """A source of the text before."""

    citation: Citation


class ThoughtPiece(NamedTuple):
    """More thinking."""

    text: str


class ThoughtEnd(NamedTuple):
    """The thought is whole, with what proves it; or one that came without a text."""

    opaque: Opaque | None = None


class RefusalPiece(NamedTuple):
    """More of what the model says in place of an answer."""

    text: str


class CallBegun(NamedTuple):
    """A call begins. `id` is empty where the provider gives none."""

    key: int
    id: str
    name: str
    is_custom: bool = False
    group: str = ""


class ArgumentsPiece(NamedTuple):
    """More of a call's arguments."""

    key: int
    text: str


class CallEnd(NamedTuple):
    """A call is whole, with what the provider wants back with it. One without arguments has had none."""

    key: int
    opaque: Opaque | None = None


class Stopped(NamedTuple):
    """The model has stopped; nothing but usage follows."""

    stop: Stop | None
    stopped_at: str | None = None


class UsageStated(NamedTuple):
    """What was consumed so far, in place of what was stated before."""

    usage: Usage


Event = (
    Begun
    | TextPiece
    | TextEnd
    | Cited
    | ThoughtPiece
    | ThoughtEnd
    | RefusalPiece
    | CallBegun
    | ArgumentsPiece
    | CallEnd
    | Stopped
    | UsageStated
)


class StreamReader(Protocol):
    """Reads a provider's stream. Holds nothing back that could be said, and raises `UntranslatableAnswer`."""

    @property
    def finished(self) -> bool:
        """Whether the stream came to its proper end."""

    def feed(self, event: str, data: bytes) -> Sequence[Event]:
        """What one server-sent event says; `event` is "" where the source names none."""


class StreamWriter(Protocol):
    """Writes a client's stream. Raises `UntranslatableAnswer` for what cannot be an answer of its API."""

    def write(self, event: Event) -> bytes:
        """The client's events for something new."""

    def end(self) -> bytes:
        """The stream came to its proper end: what is still owed, the terminal event included."""
