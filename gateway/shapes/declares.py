"""What the requests of an API declare, and where: the types of the tables, and the one reader of them.

Each API's module has its table, from its own reference, and the rooms above ask the tables. A table says at which
members of the body something is declared (`Place`), and of which types the items, blocks and tools there are (`Kind`).
What is not looked for stays undecoded: objects are opened one depth at a time, and a conversation only where it holds a
member by which something could be declared.
"""

import enum
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import re2

from gateway.any_of import any_of
from gateway.errors import GatewayError
from gateway.turns import paced
from gateway.wire.json_members import find_members
from gateway.wire.multipart import FormFields
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
_SHORT = 4096
"""Bytes of a text that is short."""
_REMEMBERED = 256
_LONGEST_REMEMBERED: Final = 32_768
"""Characters of paths and names: a client may write a body of nothing else."""

_UNKNOWN = "\0"
"""Stands for every type that a table does not have."""

_NULL = b"null"
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
# Letters may be written as \u0061, and some servers take U+017F for an s and U+212A for a k (simple case folding).
_ESCAPED_LETTER = r"\\u(?:00[4-7][0-9a-fA-F]|017[fF]|212[aA])"
_OPTIONS = re2.Options()
_OPTIONS.never_capture = True
_ESCAPES = re2.compile(_ESCAPED_LETTER, _OPTIONS)
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

    telling: bool | None
    """Whether its conversation may declare anything; `None` until somebody has asked."""

    def fingerprint(self, names: Mapping[str, bytes]) -> Hashable | None:
        """What stands under these names, `None` where that is not plain to see; equal bytes have equal fingerprints."""

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

    steps: tuple[str, ...] = field(init=False)
    """The names on the way, and `[]` for every element of a list."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(_STEP.findall(self.path)))


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
        output_caps: Names of the output tokens of one answer at most, at the top or, behind a dot, in an object there;
            the largest counts.
        choices: Likewise of how many answers are made.
        end_user: Where the person behind a request is named, in the order in which the names are asked; a dot leads
            into an object.
        search_caps: Where a request bounds how often a tool of the provider may run.
        routing: Further top-level names by which requests are routed or metered.
        refused: Top-level switches that are not served, with the reason.
        lists_of_one: Whether one object may stand in the place of a list.
    """

    places: tuple[Place, ...] = ()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    output_caps: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    end_user: tuple[str, ...] = ()
    search_caps: tuple[str, ...] = ()
    routing: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    lists_of_one: bool = False

    names_of_end_users: frozenset[str] = field(init=False)
    """The top-level members below which the person behind a request may be named."""

    judged: frozenset[str] = field(init=False)
    """Top-level names that may stand only once and in their own case, whoever asks.

    Limits are not among them: one that cannot be read is refused only where money depends on it.
    """
    lasting: Mapping[str, bytes] = field(init=False)
    """The model, and the top-level members that declare something: they stay mostly the same from body to body.

    Each with its quotes.
    """
    form_fields: FormFields = field(init=False)
    """The same names where a request is a form."""
    bulk: tuple[str, ...] = field(init=False)
    """The top-level members that are long and mostly without any declaration, as a conversation is."""

    _reach: Mapping[Says | str, frozenset[Says]] = field(init=False)
    _readers: dict[frozenset[Says], "_Reader"] = field(init=False, default_factory=dict)
    _finders: list["_Finder"] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        end_users = frozenset(path.partition(".")[0] for path in self.end_user)
        first = [(place.steps[0], place.bulk) for place in self.places]
        names = ("model", *(name for name, bulk in first if not bulk))
        judged = frozenset(("model", *self.routing, *self.refused, *end_users, *(name for name, _ in first)))
        object.__setattr__(self, "names_of_end_users", end_users)
        object.__setattr__(self, "judged", judged)
        object.__setattr__(self, "form_fields", self._found_form_fields())
        object.__setattr__(self, "lasting", {name: f'"{name}"'.encode() for name in names})
        object.__setattr__(self, "bulk", tuple(dict.fromkeys(name for name, bulk in first if bulk)))
        object.__setattr__(self, "_reach", self._found_reach())

    def _found_form_fields(self) -> FormFields:
        texts = frozenset(path for path in self.end_user if "." not in path)
        numbers = frozenset(path for path in (*self.output_caps, *self.choices) if "." not in path)
        return FormFields(texts, numbers, self.judged - texts - numbers - {"model", "stream"})

    def leads_to(self, place: Place, wanted: frozenset[Says]) -> bool:
        """Whether something that is wanted can stand at a place, at whatever depth."""
        return not wanted.isdisjoint(self._reach[place.holds])

    def _found_reach(self) -> dict[Says | str, frozenset[Says]]:
        reach: dict[Says | str, frozenset[Says]] = {says: frozenset((says,)) for says in Says}
        for name, kind in self.kinds.items():
            # An object of a type that is not known may turn out to say anything.
            reach[name] = frozenset() if kind.tag == "" else frozenset(Says)
        for _ in self.kinds:  # A fixed point, since each round leads one kind further.
            for name, kind in self.kinds.items():
                text = () if kind.text is None else reach[kind.text]
                reach[name] = reach[name].union(text, *(reach[place.holds] for place in kind.places))
        return reach

    def reader(self, wanted: frozenset[Says]) -> "_Reader":
        """The table as it is read for what is wanted."""
        reader = self._readers.get(wanted)
        if reader is None:
            reader = self._readers[wanted] = _Reader(self, wanted)
        return reader

    def last_names(self, says: Says) -> list[str]:
        """The members that say it in objects of known types."""
        places = [place for kind in self.kinds.values() if kind.tag for place in kind.places if place.holds is says]
        return sorted({next(step for step in reversed(place.steps) if step != "[]") for place in places})

    def conversation_tells(self, body: Body) -> bool:
        """Whether anything can be declared in the conversation of a body, by whatever is looked for.

        PERF: asked once for a body, and one search of it answers for tools, servers and models.
        """
        if body.telling is None:
            body.telling = False
            for name in self.bulk:
                raw = body.raw(name)
                if raw is not None and self._finder.found(raw):
                    body.telling = True
                    break
        return body.telling

    @property
    def names_that_declare(self) -> tuple[str, ...]:
        """Every member by which something could be declared in a conversation."""
        last = (*self.last_names(Says.MCP), *self.last_names(Says.MODEL))
        return (*NAMES_OF_TOOLS, *NAMES_OF_MODELS, *last)

    @property
    def _finder(self) -> "_Finder":
        if not self._finders:
            self._finders.append(_Finder(self.names_that_declare))
        return self._finders[0]


NOTHING: Final = Declares()
"""What the requests of an API declare that have none of it."""


def declared(table: Declares, body: Body, wanted: frozenset[Says], *, bulk: bool | None = None) -> Iterable[Declared]:
    """All that a body declares of what is wanted, in its conversation (`bulk`), outside of it, or both (`None`).

    Raises `bad_request` for what cannot be judged for certain (no list, no text, a member that stands twice or in
    another case), and `unsupported_parameter` for an object of an unknown type that could declare what is wanted.
    """
    reader = table.reader(wanted)
    lasting = () if bulk is True else reader.lasting(body)
    if bulk is False or not table.conversation_tells(body):
        return lasting
    return chain(lasting, reader.declared(body, bulk=True))


class _View(NamedTuple):
    """How an object is read: the places where something wanted can stand, the names judged, what it has to say."""

    places: tuple[Place, ...]
    names: frozenset[str]
    needs: tuple[tuple[str, ...], ...]
    is_known: bool


class _Reader:
    """One table, read for what is wanted."""

    __slots__ = ("_find", "_known", "_names", "_plan", "_table", "_views", "_wanted")

    def __init__(self, table: Declares, wanted: frozenset[Says]) -> None:
        self._table = table
        self._wanted = wanted
        self._views: dict[tuple[str, tuple[str | None, ...]], _View] = {}
        of_models = wanted == OF_MODELS
        self._names: tuple[str, ...] = NAMES_OF_MODELS if of_models else NAMES_OF_TOOLS
        names = (*self._names, *table.last_names(Says.MODEL if of_models else Says.MCP))
        self._find = _Finder(names)
        self._plan = {bulk: self._planned(bulk) for bulk in (False, True)}
        self._known: dict[Hashable, tuple[Declared, ...]] = {}

    def lasting(self, body: Body) -> tuple[Declared, ...]:
        """What is declared outside of the conversation.

        PERF: applications declare the same in every request, so what was read once is known by its fingerprint.
        """
        fingerprint = body.fingerprint(self._table.lasting)
        if fingerprint is None:
            return tuple(self.declared(body, bulk=False))
        known = self._known.get(fingerprint)
        if known is None:
            known = tuple(self.declared(body, bulk=False))
            if sum(len(one.path) + len(one.value) for one in known) <= _LONGEST_REMEMBERED:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[fingerprint] = known
        return known

    def declared(self, body: Body, *, bulk: bool) -> Iterator[Declared]:
        """What is declared, read anew."""
        for name, is_scanned, places in self._plan[bulk]:
            raw = body.raw(name)
            if raw is not None and raw != _NULL and not (is_scanned and not self._find.found(raw)):
                for place in places:
                    yield from self.at(place, raw)

    def _planned(self, bulk: bool) -> tuple[tuple[str, bool, tuple[Place, ...]], ...]:
        """The top-level names to look at, whether it has to be worth it, and the places there.

        PERF: found once, for most requests have none of the names.
        """
        plan: dict[tuple[str, bool], list[Place]] = {}
        for place in self._table.places:
            if place.bulk is bulk and self._table.leads_to(place, self._wanted):
                plan.setdefault((place.steps[0], self._skips(place)), []).append(place)
        return tuple((name, is_scanned, tuple(places)) for (name, is_scanned), places in plan.items())

    def _skips(self, place: Place) -> bool:
        """Whether nothing can stand there unless one of the names does that declare."""
        if place.bulk or isinstance(place.holds, Says) or self._wanted != OF_MODELS:
            return place.bulk
        return self._table.kinds[place.holds].text is not Says.MODEL

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
            _check_names(members, raw, path, frozenset((step,)))
            value = members.get(step)
            if value is not None and not _is_null(value):
                yield from self._along(following, f"{path}.{step}", bytes(value))
        elif raw.startswith(b"["):
            for index, element in enumerate(paced(_elements(raw, path))):
                inner = bytes(element)
                if sees or self._find.found(inner):
                    yield from self._along(following, f"{path}[{index}]", inner)
        elif raw.startswith(b'"') or (self._table.lists_of_one and raw.startswith(b"{")):
            yield from self._along(following, path, raw)
        else:
            raise unreadable(path, "it is not a list")

    def _say(self, place: Place, path: str, raw: bytes, depth: int) -> Iterator[Declared]:
        holds = place.holds
        if isinstance(holds, str):
            yield from self._object(holds, path, raw, depth)
        elif place.said is None:
            yield Declared(holds, path, text_at(path, raw))
        elif raw != b"false":
            yield Declared(holds, path, place.said)

    def _object(self, holds: str, path: str, raw: bytes, depth: int) -> Iterator[Declared]:
        if depth > _MAX_DEPTH:
            raise unreadable(path, "it is nested too deep")
        kind = self._table.kinds[holds]
        if raw.startswith(b'"') and kind.text is not None:
            if kind.text in self._wanted:
                yield Declared(kind.text, path, text_at(path, raw))
            return
        members = _opened(raw, path)
        types = _types(kind, members, path)
        view = self._view(holds, kind, types)
        _check_names(members, raw, path, view.names)
        said: set[str] = set()
        for place in view.places:
            value = members.get(place.steps[0])
            if value is None or _is_null(value):
                continue
            at = f"{path}.{place.steps[0]}"
            for inner, found in self._along(place.steps[1:], at, bytes(value), sees=not place.bulk):
                said.add(place.path)
                yield from self._say(place, inner, found, depth + 1)
        for needs in view.needs:
            if said.isdisjoint(needs):
                raise unreadable(path, f"it has none of {', '.join(needs)}")
        if not view.is_known and self._holds_name(raw):
            raise _unsupported(path, next((type_ or "" for type_ in types if type_ not in kind.known), ""))

    def _view(self, holds: str, kind: Kind, types: list[str | None]) -> "_View":
        """How objects of these types are read. PERF: put together once; all unknown types are read alike."""
        key = (holds, tuple([type_ if type_ in kind.known else _UNKNOWN for type_ in types]))
        view = self._views.get(key)
        if view is None:
            rows = [kind.known.get(type_, kind.other) for type_ in types]
            own = [place for row in rows for place in row.places]
            paths = {place.path for place in own}
            places = [*(place for place in kind.every if place.path not in paths), *own]
            names = {place.steps[0] for place in places} | ({kind.tag} if kind.tag else set())
            if kind.tag is None:
                names |= {type_ for type_ in kind.known if type_}
            view = self._views[key] = _View(
                tuple(place for place in places if self._table.leads_to(place, self._wanted)),
                frozenset(names),
                tuple(row.needs for row in rows if row.needs and not self._wanted.isdisjoint(row.needs_for)),
                all(type_ in kind.known for type_ in types),
            )
        return view

    def _holds_name(self, raw: bytes) -> bool:
        """Whether an object holds, at any depth, a member by which it could declare something."""
        if not self._find.found(raw):
            return False
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
    return [None if stated is None or _is_null(stated) else text_at(f"{path}.{kind.tag}", bytes(stated))]


def _is_null(value: msgspec.Raw) -> bool:
    return len(value) == len(_NULL) and bytes(value) == _NULL


def _opened(raw: bytes, path: str) -> dict[str, msgspec.Raw]:
    """The members of the object that has to stand here."""
    try:
        return _OBJECT.decode(raw)
    except UNREADABLE:
        raise unreadable(path, "it is not an object") from None


def _check_names(members: dict[str, msgspec.Raw], raw: bytes, path: str, judged: frozenset[str]) -> None:
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


class _Finder:
    """Looks for a member of one of some names, in whatever case, or one whose name is hard to see.

    PERF: two searches take a fifth of the time of one for both; most bodies have no backslash at all. For a short text,
    `re` takes half the time of RE2, which is linear in whatever is long.
    """

    __slots__ = ("_long", "_short")

    def __init__(self, names: tuple[str, ...]) -> None:
        member = f'(?i:{"|".join(dict.fromkeys(names))})"[ \\t\\r\\n]*:'
        first = "".join(sorted({letter for name in names for letter in (name[0], name[0].upper())}))
        self._long = re2.compile(f'"{member}', _OPTIONS)
        self._short = re.compile(f'"(?=[{first}])(?i:{any_of(dict.fromkeys(names))})"[ \\t\\r\\n]*:'.encode())

    def found(self, raw: bytes) -> bool:
        """Whether a member of one of the names stands there, or a letter of a name may be written as an escape."""
        find = self._short if len(raw) < _SHORT and raw.isascii() else self._long
        return find.search(raw) is not None or (b"\\" in raw and _ESCAPES.search(raw) is not None)


END_USER: Final = ("user", "safety_identifier", "metadata.user_id")
"""The person behind a request: OpenAI's older name, the newer one, and Anthropic's."""
