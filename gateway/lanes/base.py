"""What a pair of shapes offers: how a client's request, an answer, an error and a stream cross from one to the other.

Translations are pure: JSON in, JSON out, no I/O, no clock of their own. They build fresh bodies and never touch the
parsed ones. A parameter without counterpart follows the pair's table: it is mapped, dropped (and reported), or refused.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from gateway.lanes.carried_tools import CarriedTools
from gateway.lanes.losses import LaneTable, Losses
from gateway.lanes.sealing import Seal

ANOTHER_MESSAGE: Final = "another message begins within it"
"""What is wrong with a stream that starts anew: what was said before was never finished."""

_NO_ARGUMENTS: Final = ("", "{}")

Json = Mapping[str, Any]
"""A parsed JSON object. Numbers beyond float's range are the caller's to refuse before translating."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the translator of an answer has to know of the request that it answers.

    `model` is the name that the client sent, which is the one it gets back. `include_usage` says that a client of the
    OpenAI shape asked for usage in its stream. `request_id` seeds ids that the target shape needs and the source has
    none for. `created` is the time of the request in Unix seconds. `provider` is the one that answers, by its name.
    `kept` is what the request's translation remembers. `seal` closes what is opaque; without one it is left out.
    """

    model: str
    include_usage: bool
    request_id: str
    created: int
    provider: str = ""
    kept: "Kept | None" = None
    seal: Seal | None = None


class Target(NamedTuple):
    """Whom a request goes to: the model by the name that it has there, and the provider's name.

    `seal` opens what is opaque in the client's request.
    """

    model: str
    provider: str
    seal: Seal | None = None


class Kept(NamedTuple):
    """What the answer's translation needs of the request's.

    Its tools, `echo`, members that answers repeat, and `stops`, texts at which the gateway ends the answer.
    """

    tools: CarriedTools
    echo: Mapping[str, Any] = {}
    stops: Sequence[str] = ()


class Written(NamedTuple):
    """The upstream's body, and what is kept for the answer."""

    body: dict[str, Any]
    kept: Kept | None = None


class Translated(msgspec.Struct, frozen=True):
    """A request in the upstream's shape, and the parameters that were left out, as JSON paths (`logit_bias`)."""

    body: dict[str, Any]
    dropped: Sequence[str]
    kept: Kept | None = None


class StreamTranslator(Protocol):
    """Turns the server-sent events of one stream into those of the other shape, event by event.

    Holds nothing back that could already be sent. Raises `UntranslatableAnswer` when an event cannot be read.
    """

    @property
    def finished(self) -> bool:
        """Whether the source's stream came to its proper end."""

    def feed(self, event: str, data: bytes) -> bytes:
        """The target's events for one event of the source; `event` is "" where the source names none."""

    def end(self) -> bytes:
        """The source ended properly: what the target's shape still owes, its terminal event included.

        Called at most once, and only when `finished`; a source that broke off is the caller's to report.
        """


def nothing_beside(_member: Callable[[str], Any]) -> int:
    """Of a lane that lets the provider make no more than an ordinary answer."""
    return 0


class Translation(NamedTuple):
    """One pair, in the direction client -> upstream for requests and upstream -> client for answers.

    `written` makes the upstream's body of the client's, for a target, and tells the losses what it leaves out.
    `response` makes the whole answer in the client's shape and raises `UntranslatableAnswer`. `error` makes an error in
    the client's shape of a status and a body, with type and message kept; for bodies that are no JSON too. `stream`
    makes a translator for one streamed answer. `beside_answer` tells of the top-level members of a request that sets no
    limit how many output tokens the lane lets the provider make beyond those of an ordinary answer.
    """

    table: LaneTable
    written: Callable[[Json, Target, Losses], Written]
    response: Callable[[bytes, Asked], bytes]
    error: Callable[[int, bytes], bytes]
    stream: Callable[[Asked], StreamTranslator]
    beside_answer: Callable[[Callable[[str], Any]], int] = nothing_beside

    def request(
        self, body: Json, *, model: str, strict: bool, provider: str = "", seal: Seal | None = None
    ) -> Translated:
        """The request in the upstream's shape for `model`, at the provider of that name.

        With `strict` (the client's `drop_tuning_params: false`) every parameter that would be dropped is refused.
        Raises `GatewayError` `unsupported_parameter` or `bad_request`, with the JSON path as `param`.
        """
        losses = Losses(self.table, strict=strict)
        losses.judge(body, "", "")
        written = self.written(body, Target(model, provider, seal), losses)
        return Translated(written.body, losses.names, written.kept)


class UntranslatableAnswer(ValueError):  # noqa: N818 - an answer of the other side, not an error of ours
    """The upstream answered something that the pair cannot read, or says that it failed.

    The message says what, as part of a sentence and without a full stop. It holds the provider's own words of an error,
    and nothing of what an answer says.
    """


def said(stated: Any) -> str:
    """A text that an answer states, empty for anything else: what is optional makes no answer unreadable."""
    return stated if isinstance(stated, str) else ""


def event(name: str, data: object) -> bytes:
    """One server-sent event. OpenAI's chat streams name none: pass "" there."""
    head = b"event: " + name.encode() + b"\n" if name else b""
    return head + b"data: " + msgspec.json.encode(data) + b"\n\n"


def identifier(stated: Any) -> str:
    """The id of a call, empty where there is none that can be read; some servers number their calls."""
    return str(stated) if type(stated) is int else said(stated)


def call_id(given: str, asked: Asked, position: int, prefix: str) -> str:
    """The provider's id of a call, so that its result finds it, or one made from the request's."""
    return given or f"{prefix}_{asked.request_id.removeprefix('grq_')}_{position}"


def says_nothing(identifier: str, name: str, arguments: str) -> bool:
    """Whether a call is none, but a placeholder. Raises `UntranslatableAnswer` for a call of no function."""
    if name:
        return False
    if identifier or arguments.strip() not in _NO_ARGUMENTS:
        raise UntranslatableAnswer("a tool call names no function")
    return True


def usable_call_id(given: str, usable: re.Pattern[str]) -> str:
    """The id of a call, or a digest of it where the target's may not be like it."""
    if usable.fullmatch(given):
        return given
    return "call_" + hashlib.sha256(given.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def no_words(status: int) -> str:
    """The message of an error that states none."""
    return f"The provider answered with status {status} and said no more."
