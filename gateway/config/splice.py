"""Fields of one mapping in a YAML text, set and taken out: every other letter stays as it was.

What comes in is written in the manner of what stands around it: a line each, or between the braces, and quoted where
the key beside it is, so that JSON stays JSON. Places come from the events of the parser and not from composed nodes,
in which an alias stands where its anchor does.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, MappingStartEvent, NodeEvent, ScalarEvent

from gateway.config.source import plain_scalar

Changes = Mapping[str, str | None]
"""Fields by name: the text that each is set to, `None` where it is taken out."""
_Tree = Mapping[str, Any]

_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./@+-]|:(?=[A-Za-z0-9]))*")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
"""What other readers of YAML take for something else than text."""
_NOTHING: Final = frozenset(("", "~", "null", "Null", "NULL"))
_QUOTES: Final = ("'", '"')
_LINE_ENDS: Final = ("\n", "\r")
_LINE_END: Final = re.compile(r"\r?\n|\r|\Z")
_COLON: Final = re.compile(r"[ \t]*:")
_COMMA: Final = re.compile(r"(?:\s++|#[^\r\n]*+)*+,")
_BLANK: Final = re.compile(r"[ \t]*")
_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:#[^\r\n]*)?(?=[\r\n]|\Z)")
_STEP: Final = 2


class LayoutError(Exception):
    """A text is laid out in a way that cannot be changed in place."""


class _Splice(NamedTuple):
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class _Node:
    """What stands between two places; what follows a block, blank lines and comments, is not of it."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Scalar(_Node):
    column: int
    text: str
    style: str

    @property
    def is_nothing(self) -> bool:
        return not self.style and self.text in _NOTHING

    @property
    def is_quoted(self) -> bool:
        return self.style == '"'

    @property
    def is_text(self) -> bool:
        """Whether JSON has it in quotes."""
        return self.style in _QUOTES if self.style else isinstance(plain_scalar(self.text), str)


class _Field(NamedTuple):
    key: _Scalar
    value: _Node


@dataclass(frozen=True, slots=True)
class _Mapping(_Node):
    is_flow: bool
    fields: tuple[_Field, ...]

    def field(self, name: str) -> _Field | None:
        return next((field for field in self.fields if field.key.text == name), None)


def with_fields(text: str, path: Sequence[str], changes: Changes) -> str:
    """A text with fields of the mapping at a path changed; what is missing on the way there is made.

    Raises `LayoutError`. Whoever calls compares what comes of it: a mapping that other places share by an alias is
    changed there too.
    """
    editor = _Editor(text)
    node = editor.root(path)
    wanted: _Tree = {name: value for name, value in changes.items() if value is not None}
    is_quoted = node.is_flow
    for depth, name in enumerate(path):
        field = node.field(name)
        below = _nested(path[depth + 1 :], wanted)
        if field is None:
            return editor.spliced(editor.added(node, {name: below}, is_quoted=is_quoted))
        key, value = field
        is_quoted = key.is_quoted
        if isinstance(value, _Scalar) and value.is_nothing:
            return editor.spliced(editor.filled(node, field, below))
        if not isinstance(value, _Mapping):
            msg = f"{name} is written in a way that cannot be changed in place, by hand it can: it is no mapping there"
            raise LayoutError(msg)
        node = value
    new: _Tree = {name: value for name, value in wanted.items() if node.field(name) is None}
    if not new:
        return editor.spliced(editor.changed(node, changes))
    there = {name: value for name, value in changes.items() if name not in new}
    if any(node.field(name) for name in there):
        # Places of new fields hang on what becomes of those that are there.
        return with_fields(with_fields(text, path, there), path, new)
    return editor.spliced(editor.added(node, new, is_quoted=is_quoted))


def _nested(path: Sequence[str], fields: _Tree) -> _Tree:
    for name in reversed(path):
        fields = {name: fields}
    return fields


class _Editor:
    def __init__(self, text: str) -> None:
        self._text = text
        found = _LINE_END.search(text)
        self._line_end = found.group() if found is not None and found.group() else "\n"

    def root(self, path: Sequence[str]) -> _Mapping:
        """The one document, which has to be a mapping, with what mappings have on the way to a path and at it."""
        events = yaml.parse(self._text, Loader=yaml.CSafeLoader)
        first = next((event for event in events if isinstance(event, NodeEvent)), None)
        node = None if first is None else self._node(first, events, path)
        if not isinstance(node, _Mapping):
            raise LayoutError("it is not a mapping")
        return node

    def spliced(self, splices: Iterator[_Splice]) -> str:
        """The text with all of them, of which none reaches into another."""
        text = self._text
        for one in sorted(splices, key=lambda one: one.start, reverse=True):
            text = text[: one.start] + one.text + text[one.end :]
        return text

    def changed(self, node: _Mapping, changes: Changes) -> Iterator[_Splice]:
        """Values that are replaced, and fields that go."""
        gone = [field for field in node.fields if changes.get(field.key.text, "") is None]
        for key, value in node.fields:
            written = changes.get(key.text)
            if written is not None:
                style = value.style if isinstance(value, _Scalar) and value.is_text else _style(key)
                yield self._replaced(value, _in_style(written, style))
        if node.is_flow:
            yield from self._without(node, gone)
            return
        if gone and len(gone) == len(node.fields):
            key, value = gone.pop(0)
            yield self._replaced(_Node(key.start, value.end), "{}")
        for key, value in gone:
            yield _Splice(self._line_start(key.start), self._past_line(value.end), "")

    def added(self, node: _Mapping, items: _Tree, *, is_quoted: bool) -> Iterator[_Splice]:
        """Items after those that are there; with none there, quoted as whoever calls says."""
        if not node.fields:
            yield _Splice(node.end - 1, node.end - 1, _flow(items, is_quoted=is_quoted))
            return
        key, value = node.fields[-1]
        if not node.is_flow:
            yield self._lines(node.end, _block(items, key.column, is_quoted=key.is_quoted))
            return
        indent = self._text[self._line_start(key.start) : key.start]
        has_own_line = _BLANK.fullmatch(indent) and self._text.startswith(_LINE_ENDS, value.end)
        separator = f",{self._line_end}{indent}" if has_own_line else ", "
        # libyaml takes a comma right behind a colon for a fault.
        before = " " if self._text[value.end - 1] == ":" else ""
        yield _Splice(value.end, value.end, before + separator + _flow(items, separator, is_quoted=key.is_quoted))

    def filled(self, parent: _Mapping, field: _Field, items: _Tree) -> Iterator[_Splice]:
        """A mapping in place of nothing."""
        key, nothing = field
        if parent.is_flow:
            yield self._replaced(nothing, f"{{{_flow(items, is_quoted=key.is_quoted)}}}")
            return
        if nothing.start < nothing.end:
            yield _Splice(len(self._text[: nothing.start].rstrip(" \t")), nothing.end, "")
        yield self._lines(nothing.end, _block(items, key.column + _STEP, is_quoted=key.is_quoted))

    def _node(self, first: Any, events: Iterator[Any], path: Sequence[str] | None) -> _Node:
        """What begins with an event; beside the path (`None`) only where it stands."""
        start, end, column = first.start_mark.index, first.end_mark.index, first.start_mark.column
        if isinstance(first, ScalarEvent):
            return _Scalar(start, end, column, first.value, first.style or "")
        if not isinstance(first, CollectionStartEvent):
            return _Node(start, end)
        is_flow = bool(first.flow_style)
        if isinstance(first, MappingStartEvent):
            fields, end = self._fields(events, path)
            end = fields[-1].value.end if fields and not is_flow else end
            return _Node(start, end) if path is None else _Mapping(start, end, is_flow, tuple(fields))
        last: _Node | None = None
        while not isinstance(event := next(events), CollectionEndEvent):
            last = self._node(event, events, None)
        return _Node(start, last.end if last is not None and not is_flow else _end(event))

    def _fields(self, events: Iterator[Any], path: Sequence[str] | None) -> tuple[list[_Field], int]:
        """What stands in a mapping, beside the path the last field alone, and where the parser says that it ends."""
        fields: list[_Field] = []
        while not isinstance(event := next(events), CollectionEndEvent):
            key = self._node(event, events, None)
            if not isinstance(key, _Scalar):
                raise LayoutError("a key of a mapping is no text")
            below = path[1:] if path and path[0] == key.text else None
            if path is None:
                fields.clear()
            fields.append(self._field(key, self._node(next(events), events, below)))
        return fields, _end(event)

    def _field(self, key: _Scalar, value: _Node) -> _Field:
        """A value that is not written stands at its colon, and not at whatever comes next."""
        if isinstance(value, _Scalar) and value.start == value.end:
            colon = _COLON.match(self._text, key.end)
            at = key.end if colon is None else colon.end()
            value = _Scalar(at, at, value.column, "", "")
        return _Field(key, value)

    def _replaced(self, value: _Node, text: str) -> _Splice:
        before = ""
        if isinstance(value, _Scalar) and value.start == value.end:
            before = " " if self._text[value.start - 1] == ":" else ": "
        after = self._line_end if self._text[value.start : value.end].endswith(_LINE_ENDS) else ""
        return _Splice(value.start, value.end, f"{before}{text}{after}")

    def _without(self, node: _Mapping, gone: Sequence[_Field]) -> Iterator[_Splice]:
        """Fields between braces go with their commas, and with the lines that they have for themselves."""
        commas = [self._comma_after(value.end) for _, value in node.fields]
        kept = [at for at, field in enumerate(node.fields) if field not in gone]
        if kept and node.fields[-1] in gone and commas[-1] is None:
            yield from _dropped(commas[kept[-1]])
        done = 0
        for (key, value), comma in zip(node.fields, commas, strict=True):
            if (key, value) not in gone:
                continue
            end = value.end
            if comma is not None and not self._text[end:comma].strip(" \t"):
                end = comma + 1
            else:
                yield from _dropped(comma)
            start, end = self._with_blanks(key.start, end)
            yield _Splice(max(start, done), end, "")
            done = end

    def _with_blanks(self, start: int, end: int) -> tuple[int, int]:
        """The whole line, and its comment, of what stands alone on it; else the blanks on one side."""
        line = self._line_start(start)
        before, rest = self._text[line:start].rstrip(" \t"), _REST_OF_LINE.match(self._text, end)
        if rest is not None and not before:
            return line, self._past_line(rest.end())
        after = self._text[end:].lstrip(" \t")
        if rest is None and not after.startswith("}"):
            return start, len(self._text) - len(after)
        return line + len(before) if before else start, end

    def _comma_after(self, at: int) -> int | None:
        found = _COMMA.match(self._text, at)
        return None if found is None else found.end() - 1

    def _lines(self, after: int, lines: Sequence[str]) -> _Splice:
        """Lines below the one in which something ends."""
        text = self._line_end.join(lines)
        if self._text[:after].endswith(_LINE_ENDS):
            return _Splice(after, after, text + self._line_end)
        found = _LINE_END.search(self._text, after)
        at = len(self._text) if found is None else found.start()
        return _Splice(at, at, self._line_end + text)

    def _line_start(self, at: int) -> int:
        return max(self._text.rfind(one, 0, at) for one in _LINE_ENDS) + 1

    def _past_line(self, at: int) -> int:
        if self._text[:at].endswith(_LINE_ENDS):
            return at
        found = _LINE_END.search(self._text, at)
        return len(self._text) if found is None else found.end()


def _end(event: Any) -> int:
    at: int = event.end_mark.index
    return at


def _dropped(comma: int | None) -> Iterator[_Splice]:
    if comma is not None:
        yield _Splice(comma, comma + 1, "")


def _block(items: _Tree, indent: int, *, is_quoted: bool) -> list[str]:
    lines: list[str] = []
    for name, value in items.items():
        head = f"{' ' * indent}{_written(name, is_quoted=is_quoted)}:"
        if isinstance(value, str):
            lines.append(f"{head} {_written(value, is_quoted=is_quoted)}")
        else:
            lines += [head, *_block(value, indent + _STEP, is_quoted=is_quoted)]
    return lines


def _flow(items: _Tree, separator: str = ", ", *, is_quoted: bool) -> str:
    return separator.join(
        f"{_written(name, is_quoted=is_quoted)}: "
        + (
            _written(value, is_quoted=is_quoted)
            if isinstance(value, str)
            else f"{{{_flow(value, is_quoted=is_quoted)}}}"
        )
        for name, value in items.items()
    )


def _written(text: str, *, is_quoted: bool) -> str:
    return _in_style(text, '"' if is_quoted else "")


def _style(key: _Scalar) -> str:
    """That of a value beside a key."""
    return '"' if key.is_quoted else ""


def _in_style(text: str, style: str) -> str:
    """In the quotes that are asked for, or in none where it needs none."""
    if style == '"':
        # A string of JSON is one of YAML in double quotes.
        return json.dumps(text, ensure_ascii=False)
    is_plain = not style and _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if is_plain else "'{}'".format(text.replace("'", "''"))
