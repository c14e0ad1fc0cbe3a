"""YAML text -> a plain tree, fast; and, when there is something to report, the places of its values.

The tree is built from the events of PyYAML's safe C loader, by the core schema of YAML 1.2 (section 10.3.2): `on`,
`yes` and dates are strings, and numbers with a fraction are `Decimal`, so that money never becomes a float. The fast
path keeps no marks: `places` reads the text a second time for the few pointers that a diagnostic needs.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from sys import intern
from typing import Any, Final, NamedTuple

import yaml
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gateway.config.diagnostics import Diagnostic

Path = tuple[str | int, ...]
Place = tuple[int, int]
Mark = Callable[[str, Place], str]

ASIDE: Final = "x-"
"""How the names of sections begin that hold what others share by anchors, and mean nothing themselves."""
_MAX_DEPTH = 50
_MAX_ALIASED_NODES = 1_000_000
_MAY_NOT_BE_TEXT = frozenset("0123456789+-.~nNtTfF")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NAME_HINT = "Write the name itself; $${ is a literal ${."
_STRING_TAG = "tag:yaml.org,2002:str"

_CONFLICT = re.compile(r"^(?:<{7}|={7}|>{7})(?: |$)", re.MULTILINE)
_REFERENCE_IN_BRACES = re.compile(r"[{\[,:]\s*\$\{")
_BARE_STAR = re.compile(r"(?:^|[\s\[,{:])\*(?=[\s\],}]|$)")
_LONGEST_INTEGER = 18
"""Digits."""


class _Unreadable(Exception):  # noqa: N818 - carries a finding out of the recursion
    def __init__(self, message: str, place: Place, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.place, self.hint = message, place, hint


class _Anchor(NamedTuple):
    value: Any
    nodes: int


def parse(text: str, file: str, mark: Mark | None = None) -> tuple[Any, list[Diagnostic]]:
    """The tree of one document and what is wrong with it; the tree is `None` when it could not be read to its end.

    `mark` is called for every string with `${` in it, with its place, and returns what to put there. An alias repeats
    that.
    """
    builder = _Builder(text, file, mark)
    try:
        tree = builder.document()
    except _Unreadable as error:
        builder.report("yaml-syntax", error.message, error.place, (), error.hint)
        return None, builder.findings
    except yaml.YAMLError as error:
        message, place, hint = _problem(error, text)
        builder.report("yaml-syntax", message, place, (), hint)
        return None, builder.findings
    return tree, builder.findings


class _Builder:
    def __init__(self, text: str, file: str, mark: Mark | None) -> None:
        self._next: Callable[[], Any] = yaml.CSafeLoader(text).get_event
        self._file = file
        self._mark = mark
        self._path: list[str | int] = []
        self._anchors: dict[str, _Anchor] = {}
        self._nodes = 0
        self._aliased = 0
        self.findings: list[Diagnostic] = []

    def document(self) -> Any:
        self._next()
        event = self._next()
        if isinstance(event, StreamEndEvent):
            return None
        tree = self._value(self._next())
        self._next()
        end = self._next()
        if isinstance(end, DocumentStartEvent):
            raise _Unreadable(
                "a second document begins here", _place(end), "Keep one document a file; give several files instead."
            )
        return tree

    def report(self, code: str, message: str, place: Place, path: Iterable[str | int], hint: str | None = None) -> None:
        self.findings.append(
            Diagnostic(
                code=code,
                message=message,
                file=self._file,
                line=place[0],
                column=place[1],
                pointer=pointer(path),
                hint=hint,
            )
        )

    def _value(self, event: Any) -> Any:
        kind = type(event)
        if kind is ScalarEvent:
            value = self._scalar(event)
            self._anchor(event.anchor, value, 1)
            return value
        if kind is AliasEvent:
            return self._alias(event)
        if event.tag is not None:
            raise _Unreadable(f"the tag {event.tag} has no meaning here", _place(event), "Leave the tag out.")
        if len(self._path) >= _MAX_DEPTH:
            raise _Unreadable(f"nested more than {_MAX_DEPTH} deep", _place(event))
        before = self._nodes
        value = self._mapping() if kind is MappingStartEvent else self._sequence()
        self._nodes += len(value) + 1
        self._anchor(event.anchor, value, self._nodes - before)
        return value

    def _anchor(self, name: str | None, value: Any, nodes: int) -> None:
        if name is not None:
            self._anchors[name] = _Anchor(value, nodes)

    def _mapping(self) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        next_event, path = self._next, self._path
        while type(event := next_event()) is not MappingEndEvent:
            if type(event) is not ScalarEvent:
                raise _Unreadable("a key has to be a plain word or a string", _place(event))
            key = intern(event.value)
            if key == "<<" and event.implicit[0]:
                hint = "Share a whole value by an anchor (`&name`, then `*name`), or write the fields at each place."
                raise _Unreadable("merge keys (`<<`) are not supported", _place(event), hint)
            if "${" in key and self._mark is not None and "$${" not in key:
                self.report("reference-in-name", "a name cannot come from a reference", _place(event), path, _NAME_HINT)
            path.append(key)
            item = next_event()
            # PERF: most values are plain scalars, and a file has hundreds of thousands of them
            value = self._scalar(item) if type(item) is ScalarEvent and item.anchor is None else self._value(item)
            if key in mapping:
                message = f"{key!r} is written a second time"
                self.report("duplicate-key", message, _place(event), path, "Keep one of them.")
            else:
                mapping[key] = value
            path.pop()
        return mapping

    def _sequence(self) -> list[Any]:
        items: list[Any] = []
        next_event, path = self._next, self._path
        while type(event := next_event()) is not SequenceEndEvent:
            path.append(len(items))
            value = self._scalar(event) if type(event) is ScalarEvent and event.anchor is None else self._value(event)
            items.append(value)
            path.pop()
        return items

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            msg = f"the alias *{event.anchor} has no anchor before it"
            raise _Unreadable(msg, _place(event))
        anchor = self._anchors[event.anchor]
        self._nodes += anchor.nodes
        self._aliased += anchor.nodes
        if self._aliased > _MAX_ALIASED_NODES:
            msg = "aliases expand to too much"
            raise _Unreadable(msg, _place(event))
        return anchor.value

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.tag is not None and event.tag not in (_STRING_TAG, "!"):
            msg = f"the tag {event.tag} has no meaning here"
            raise _Unreadable(msg, _place(event), "Leave the tag out.")
        if event.implicit[0] and event.tag is None and (not text or text[0] in _MAY_NOT_BE_TEXT):
            return plain_scalar(text)
        if "${" in text and self._mark is not None:
            return self._mark(text, _place(event))
        return intern(text) if len(text) < 64 else text  # noqa: PLR2004 - long strings seldom repeat


def plain_scalar(text: str) -> Any:
    """What a plain scalar means by the core schema. Infinity and NaN stay text: no field takes them."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) <= 400:  # noqa: PLR2004 - longer is refused by every field, and slow
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text) and len(text) <= 400:  # noqa: PLR2004
        number = Decimal(text)
        # JSON Schema 2020-12, 6.1.1: a number without a fraction is an integer, however it is written.
        return int(number) if number.adjusted() < _LONGEST_INTEGER and number == number.to_integral_value() else number
    return text


def places(text: str, wanted: Iterable[Path]) -> dict[Path, tuple[Place, Place]]:
    """Where keys and values stand: path -> (place of the key or item, place of the value).

    For the wanted paths and what leads to them; reading ends when all are found. Only for text that `parse` could read.
    What a path has below an alias is not found.
    """
    places_ = _Places(text, wanted)
    with suppress(_AllFound):
        places_.read()
    return places_.found


class _AllFound(Exception):  # noqa: N818 - nothing went wrong
    pass


class _Places:
    def __init__(self, text: str, wanted: Iterable[Path]) -> None:
        self._next: Callable[[], Any] = yaml.CSafeLoader(text).get_event
        self._missing = set(wanted)
        self._ways = {path[:length] for path in self._missing for length in range(len(path) + 1)}
        self.found: dict[Path, tuple[Place, Place]] = {}

    def read(self) -> None:
        self._next()
        if isinstance(self._next(), DocumentStartEvent):
            first = self._next()
            self._value(first, (), _place(first))

    def _value(self, event: Any, path: Path, key_place: Place) -> None:
        if path not in self._ways:
            self._skip(event)
            return
        if path not in self.found:
            self.found[path] = (key_place, _place(event))
            self._missing.discard(path)
            if not self._missing:
                raise _AllFound
        if isinstance(event, MappingStartEvent):
            while not isinstance(key := self._next(), MappingEndEvent):
                self._value(self._next(), (*path, key.value), _place(key))
        elif isinstance(event, SequenceStartEvent):
            index = 0
            while not isinstance(item := self._next(), SequenceEndEvent):
                self._value(item, (*path, index), _place(item))
                index += 1

    def _skip(self, event: Any) -> None:
        depth = 0
        while True:
            if isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth == 0:
                return
            event = self._next()


def value_at(tree: Any, path: Iterable[str | int]) -> Any:
    """What stands at a path of plain data; `None` where nothing does."""
    for step in path:
        if isinstance(tree, Mapping):
            tree = tree.get(step)
        elif isinstance(tree, list) and str(step).isdigit() and int(step) < len(tree):
            tree = tree[int(step)]
        else:
            return None
    return tree


def with_value(tree: Any, path: Sequence[str | int], value: Any) -> Any:
    """Plain data with another value at a path that leads somewhere."""
    if not path:
        return value
    first, *rest = path
    if isinstance(tree, list):
        at = int(first)
        return [*tree[:at], with_value(tree[at], rest, value), *tree[at + 1 :]]
    return {**tree, first: with_value(tree[first], rest, value)}


def pointer(path: Iterable[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def steps(text: str) -> list[str]:
    """The steps of a JSON pointer."""
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]


def _place(event: Any) -> Place:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _problem(error: yaml.YAMLError, text: str) -> tuple[str, Place, str | None]:
    """What the parser found, in words of ours where its own do not say what to do, and where."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    message = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML")
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        return "this is the mark of a conflict that git left", (text.count("\n", 0, conflict.start()) + 1, 1), None
    if mark is None:
        return message, (1, 1), None
    lines = text.split("\n")
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = None
    if line[mark.column : mark.column + 1] == "\t":
        message = "a tab stands where YAML takes spaces only"
    elif _REFERENCE_IN_BRACES.search(line):
        hint = 'Within {...} and [...] a reference stands in quotes: "${env:NAME}".'
    elif _BARE_STAR.search(line):
        hint = 'A text that begins with * stands in quotes: "*".'
    return message, (mark.line + 1, mark.column + 1), hint
