"""What the requests of an API declare, and where: the types of the tables, and the one reader of them.

Each API's module has its table, from its own reference, and the rooms above ask the tables. A table says at which
members of the body something is declared (`Place`), and of which types the items, blocks and tools there are (`Kind`).
What is not looked for stays undecoded: objects are opened one depth at a time, and a conversation only where it holds a
member by which something could be declared.
"""

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

import msgspec
import re2

from gateway.errors import GatewayError
from gateway.wire.json_members import find_members
from gateway.wire.unreadable import UNREADABLE

NAMES_OF_TOOLS: Final = (
    "tools",
    "tool",
    "toolset",
    "toolsets",
    "functions",
    "mcp_servers",
    "definition",
    "input_schema",
    "parameters",
    "server_url",
    "server_label",
    "connector_id",
    "tunnel_id",
)
"""Members by which an object of an unknown type could declare a tool or an MCP server."""

NAMES_OF_MODELS: Final = ("model", "models", "fallbacks")
"""Members by which an object of an unknown type could name a model."""

_MAX_DEPTH = 8
_NULL = b"null"
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
# Letters may be written as \u0061, and some servers take U+017F for an s and U+212A for a k (simple case folding).
_ESCAPED_LETTER = r"\\u(?:00[4-7][0-9a-fA-F]|017[fF]|212[aA])"
_STEP = re.compile(r"\[\]|[^.\[\]]+")


class Says(enum.Enum):
    """What a text in a request says."""

    TOOL = "tool"
    LISTED_TOOL = "listed tool"
    """A tool that an MCP server is said to have: which ones it has is the server's affair, so `allow` is not asked."""
    MCP = "mcp"
    MODEL = "model"
    NOTHING = "nothing"


OF_TOOLS: Final = frozenset((Says.TOOL, Says.LISTED_TOOL))
OF_MCP: Final = frozenset((Says.MCP,))
OF_MODELS: Final = frozenset((Says.MODEL,))


class Body(Protocol):
    """A request body, as far as tables are read on it."""

    def raw(self, name: str) -> bytes | None:
        """The bytes of a top-level value, `None` when it is not there."""


@dataclass(frozen=True)
class Declared:
    """One thing that a request declares: what it is, its JSON path, and the text that says it."""

    says: Says
    path: str
    value: str


@dataclass(frozen=True)
class Place:
    """Where something is declared.

    Args:
        path: From the object that the place belongs to: `function.name`, `tools[]`.
        holds: What a text there says, or the name of the kind of the objects there.
        said: What is judged in the place of the value, where the mere presence of a member declares something.
        bulk: Whether it is long and mostly without any declaration, as a conversation is: then only those of its
            elements are opened that hold a member by which something could be declared.
    """

    path: str
    holds: Says | str
    said: str | None = None
    bulk: bool = False

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The names on the way, and `[]` for every element of a list."""
        return tuple(_STEP.findall(self.path))


@dataclass(frozen=True, kw_only=True)
class Row:
    """One type of a kind: where it declares something, and at which of these places it has to, to be judged."""

    places: tuple[Place, ...] = ()
    needs: tuple[str, ...] = ()
    needs_for: frozenset[Says] = OF_TOOLS


PLAIN: Final = Row()
"""A type that is known and declares nothing."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of objects in a request: input items, content blocks, tools.

    Args:
        known: Every type that the API has, with what it declares. `None` stands for an object that states no type.
        every: What is looked for in each of them, whatever its type; a row of the same path goes before.
        other: What else is looked for in one of an unknown type.
        tag: The member that says the type; empty: there are no types; `None`: each member of the object is one.
        text: What a plain text in the place of such an object says; `None`: none may stand there.
    """

    known: Mapping[str | None, Row] = field(default_factory=lambda: {None: PLAIN})
    every: tuple[Place, ...] = ()
    other: Row = PLAIN
    tag: str | None = "type"
    text: Says | None = None

    @property
    def places(self) -> Iterator[Place]:
        """Every place of every type."""
        yield from self.every
        for row in (*self.known.values(), self.other):
            yield from row.places


@dataclass(frozen=True, kw_only=True)
class Declares:
    """What one API's requests declare.

    Args:
        places: Where tools, MCP servers and models are declared, from the top of the body.
        kinds: The kinds that `places` lead to, by name.
        output_caps: Top-level names of the output tokens of one answer at most; the largest counts.
        choices: Top-level names of how many answers are made; the largest counts.
        end_user: Where the person behind a request is named, in the order in which the names are asked; a dot leads
            into an object.
        search_caps: Where a request bounds how often a tool of the provider may run.
        routing: Further top-level names by which requests are routed or metered.
        refused: Top-level switches that are not served, with the reason.
    """

    places: tuple[Place, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    output_caps: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    end_user: tuple[str, ...] = ()
    search_caps: tuple[str, ...] = ()
    routing: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def judged(self) -> frozenset[str]:
        """Top-level names that may stand only once and in their own case, whoever asks.

        Limits are not among them: one that cannot be read is refused only where money depends on it.
        """
        people = (path.partition(".")[0] for path in self.end_user)
        return frozenset(("model", *self.routing, *self.refused, *people, *(place.steps[0] for place in self.places)))

    def leads_to(self, place: Place, wanted: frozenset[Says]) -> bool:
        """Whether something that is wanted can stand at a place, at whatever depth."""
        return not wanted.isdisjoint(self._reach[place.holds])

    @cached_property
    def _reach(self) -> dict[Says | str, frozenset[Says]]:
        reach: dict[Says | str, frozenset[Says]] = {says: frozenset((says,)) for says in Says}
        for name, kind in self.kinds.items():
            # An object of a type that is not known may turn out to say anything.
            reach[name] = frozenset() if kind.tag == "" else frozenset(Says)
        for _ in self.kinds:  # A fixed point, since each round leads one kind further.
            for name, kind in self.kinds.items():
                text = () if kind.text is None else reach[kind.text]
                reach[name] = reach[name].union(text, *(reach[place.holds] for place in kind.places))
        return reach

    @cached_property
    def find_tools(self) -> Any:
        """What finds the members by which objects of any type declare tools and MCP servers."""
        return _could_declare((*NAMES_OF_TOOLS, *self._last_names(Says.MCP)))

    @cached_property
    def find_models(self) -> Any:
        """What finds the members by which objects of any type name models."""
        return _could_declare((*NAMES_OF_MODELS, *self._last_names(Says.MODEL)))

    def _last_names(self, says: Says) -> list[str]:
        """The members that say it in objects of known types."""
        places = [place for kind in self.kinds.values() if kind.tag for place in kind.places if place.holds is says]
        return sorted({next(step for step in reversed(place.steps) if step != "[]") for place in places})

    @cached_property
    def names_of_lasting(self) -> tuple[str, ...]:
        """The top-level members that declare tools and servers and mostly stay the same from request to request."""
        wanted = OF_TOOLS | OF_MCP
        names = [place.steps[0] for place in self.places if not place.bulk and self.leads_to(place, wanted)]
        return tuple(dict.fromkeys(names))


NOTHING: Final = Declares()
"""What the requests of an API declare that have none of it."""


def declared(table: Declares, body: Body, wanted: frozenset[Says], *, bulk: bool | None = None) -> Iterator[Declared]:
    """All that a body declares of what is wanted, in its conversation (`bulk`), outside of it, or both (`None`).

    Raises `bad_request` for what cannot be judged for certain (no list, no text, a member that stands twice or in
    another case), and `unsupported_parameter` for an object of an unknown type that could declare what is wanted.
    """
    reader = _Reader(table, wanted)
    for place in table.places:
        if (bulk is None or place.bulk is bulk) and table.leads_to(place, wanted):
            raw = body.raw(place.steps[0])
            if raw is not None and raw != _NULL and (not reader.skips(place) or reader.may_declare(raw)):
                yield from reader.at(place, raw)


class _Reader:
    """One table, read for what is wanted."""

    __slots__ = ("_find", "_find_unknown", "_names", "_table", "_wanted")

    def __init__(self, table: Declares, wanted: frozenset[Says]) -> None:
        self._table = table
        self._wanted = wanted
        self._names, self._find_unknown = _FOR_MODELS if wanted == OF_MODELS else _FOR_TOOLS
        self._find = table.find_models if wanted == OF_MODELS else table.find_tools

    def skips(self, place: Place) -> bool:
        """Whether nothing can stand there unless one of the names does that declare."""
        if place.bulk or isinstance(place.holds, Says) or self._wanted != OF_MODELS:
            return place.bulk
        return self._table.kinds[place.holds].text is not Says.MODEL

    def may_declare(self, raw: bytes) -> bool:
        """Whether a member stands there by which something could be declared, or one whose name is hard to see."""
        return self._find.search(raw) is not None

    def at(self, place: Place, raw: bytes) -> Iterator[Declared]:
        """What is declared at a place at the top of the body."""
        name, *steps = place.steps
        for path, value in self._along(steps, name, raw, sees=not place.bulk):
            yield from self._say(place, path, value, 1)

    def _along(
        self, steps: list[str] | tuple[str, ...], path: str, raw: bytes, *, sees: bool = True
    ) -> Iterator[tuple[str, bytes]]:
        """Every value at the end of a way. `sees` is false where elements are left out that cannot declare anything."""
        if not steps:
            yield path, raw
            return
        step, *following = steps
        if step != "[]":
            members = _opened(raw, path)
            _check_names(members, raw, path, {step})
            value = members.get(step)
            if value is not None and bytes(value) != _NULL:
                yield from self._along(following, f"{path}.{step}", bytes(value))
        elif raw.startswith(b"["):
            for index, element in enumerate(_elements(raw, path)):
                inner = bytes(element)
                if sees or self.may_declare(inner):
                    yield from self._along(following, f"{path}[{index}]", inner)
        elif raw.startswith(b'"'):
            yield from self._along(following, path, raw)
        else:
            raise unreadable(path, "it is not a list")

    def _say(self, place: Place, path: str, raw: bytes, depth: int) -> Iterator[Declared]:
        holds = place.holds
        if isinstance(holds, str):
            yield from self._object(self._table.kinds[holds], path, raw, depth)
        elif place.said is None:
            yield Declared(holds, path, text_at(path, raw))
        elif raw != b"false":
            yield Declared(holds, path, place.said)

    def _object(self, kind: Kind, path: str, raw: bytes, depth: int) -> Iterator[Declared]:
        if depth > _MAX_DEPTH:
            raise unreadable(path, "it is nested too deep")
        if raw.startswith(b'"') and kind.text is not None:
            if kind.text in self._wanted:
                yield Declared(kind.text, path, text_at(path, raw))
            return
        members = _opened(raw, path)
        types = _types(kind, members, path)
        rows = [kind.known.get(type_, kind.other) for type_ in types]
        own = [place for row in rows for place in row.places]
        paths = {place.path for place in own}
        places = (*(place for place in kind.every if place.path not in paths), *own)
        _check_names(members, raw, path, {place.steps[0] for place in places} | ({kind.tag} if kind.tag else set()))
        said: set[str] = set()
        for place in places:
            value = members.get(place.steps[0])
            if value is None or not self._table.leads_to(place, self._wanted) or bytes(value) == _NULL:
                continue
            at = f"{path}.{place.steps[0]}"
            for inner, found in self._along(place.steps[1:], at, bytes(value), sees=not place.bulk):
                said.add(place.path)
                yield from self._say(place, inner, found, depth + 1)
        for row in rows:
            if row.needs and not self._wanted.isdisjoint(row.needs_for) and said.isdisjoint(row.needs):
                raise unreadable(path, f"it has none of {', '.join(row.needs)}")
        unknown = next((type_ or "" for type_ in types if type_ not in kind.known), None)
        if unknown is not None and self._holds_name(raw):
            raise _unsupported(path, unknown)

    def _holds_name(self, raw: bytes) -> bool:
        """Whether an object holds, at any depth, a member by which it could declare something."""
        if self._find_unknown.search(raw) is None:
            return False
        if _ESCAPES.search(raw) is None:
            return True
        pending: list[Any] = [_plain(raw)]
        while pending:
            value = pending.pop()
            if isinstance(value, dict):
                if any(name.casefold() in self._names for name in value):
                    return True
                pending += value.values()
            elif isinstance(value, list):
                pending += value
        return False


def unreadable(path: str, why: str) -> GatewayError:
    """The refusal of what the rules cannot judge for certain."""
    return GatewayError("bad_request", f"{path} cannot be judged by this key's rules: {why}.", param=path)


def text_at(path: str, raw: bytes) -> str:
    """The text that has to stand at a path; raises `bad_request`."""
    try:
        return msgspec.json.decode(raw, type=str)
    except UNREADABLE:
        raise unreadable(path, "it is not a string") from None


def _unsupported(path: str, type_: str) -> GatewayError:
    shown = f"of the type {type_[:64]!r}" if type_ else "of no type"
    return GatewayError(
        "unsupported_parameter",
        f"{path} is {shown}, which this gateway does not know, and could declare what this key has rules on.",
        param=path,
    )


def _types(kind: Kind, members: Mapping[str, msgspec.Raw], path: str) -> list[str | None]:
    """The types of an object: one, but for an object whose members say them."""
    if kind.tag is None:
        return list(members)
    stated = members.get(kind.tag)
    return [None if stated is None or bytes(stated) == _NULL else text_at(f"{path}.{kind.tag}", bytes(stated))]


def _opened(raw: bytes, path: str) -> dict[str, msgspec.Raw]:
    """The members of the object that has to stand here."""
    try:
        return _OBJECT.decode(raw)
    except UNREADABLE:
        raise unreadable(path, "it is not an object") from None


def _check_names(members: dict[str, msgspec.Raw], raw: bytes, path: str, judged: set[str]) -> None:
    """Raises `bad_request` where a member that is judged stands twice, or in another case than its own."""
    for key in judged.intersection(find_members(raw, members)[1]):
        raise unreadable(f"{path}.{key}", "it stands there twice")
    for key in members:
        if key not in judged and not (key.islower() and key.isascii()):
            folded = key.casefold()
            if any(name.casefold() == folded for name in judged):
                raise unreadable(f"{path}.{key}", "its name is another spelling of one that is judged")


def _elements(raw: bytes, path: str) -> list[msgspec.Raw]:
    try:
        return _LIST.decode(raw)
    except UNREADABLE:
        raise unreadable(path, "it is not a list") from None


def _plain(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return None


def _could_declare(names: tuple[str, ...]) -> Any:
    options = re2.Options()
    options.never_capture = True
    options.log_errors = False
    return re2.compile(f'(?i:"(?:{"|".join(names)})")[ \\t\\r\\n]*:|{_ESCAPED_LETTER}', options)


_ESCAPES = re2.compile(_ESCAPED_LETTER)
_FOR_TOOLS: Final = (frozenset(NAMES_OF_TOOLS), _could_declare(NAMES_OF_TOOLS))
_FOR_MODELS: Final = (frozenset(NAMES_OF_MODELS), _could_declare(NAMES_OF_MODELS))

END_USER: Final = ("user", "safety_identifier", "metadata.user_id")
"""The person behind a request: OpenAI's older name, the newer one, and Anthropic's."""
