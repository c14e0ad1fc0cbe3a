"""Fields of one mapping in a YAML text, set and taken out: every other letter stays as it was.

What comes in is written in the manner of what stands around it: a line each, or between the braces.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import yaml
from yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode

Changes = Mapping[str, str | None]
"""Fields by name: the text that each is set to, `None` where it is taken out."""
_Tree = Mapping[str, Any]

_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./@+-]|:(?=[A-Za-z0-9]))*")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))
"""What other readers of YAML take for something else than text."""
_NOTHING: Final = frozenset(("", "~", "null", "Null", "NULL"))
_LINE_END: Final = re.compile(r"\r?\n|\r|\Z")
_STEP: Final = 2


class LayoutError(Exception):
    """A text is laid out in a way that cannot be changed in place."""


class _Splice(NamedTuple):
    start: int
    end: int
    text: str


def with_fields(text: str, path: Sequence[str], changes: Changes) -> str:
    """A text with fields of the mapping at a path changed; what is missing on the way there is made.

    Raises `LayoutError`. Whoever calls compares what comes of it: a mapping that other places share by an alias is
    changed there too.
    """
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    if not isinstance(node, MappingNode):
        raise LayoutError("it is not a mapping")
    editor = _Editor(text)
    wanted: _Tree = {name: value for name, value in changes.items() if value is not None}
    for depth, name in enumerate(path):
        value = _value(node, name)
        below = _nested(path[depth + 1 :], wanted)
        if value is None:
            return editor.spliced(editor.added(node, {name: below}))
        if isinstance(value, ScalarNode) and not value.style and value.value in _NOTHING:
            return editor.spliced(editor.filled(node, value, below))
        if not isinstance(value, MappingNode):
            raise LayoutError(f"{name} is not a mapping")
        node = value
    return editor.spliced(editor.changed(node, changes))


def _nested(path: Sequence[str], fields: _Tree) -> _Tree:
    for name in reversed(path):
        fields = {name: fields}
    return fields


def _value(node: MappingNode, name: str) -> Node | None:
    return next((value for key, value in node.value if key.value == name), None)


class _Editor:
    def __init__(self, text: str) -> None:
        self._text = text
        found = _LINE_END.search(text)
        self._line_end = found.group() if found is not None and found.group() else "\n"

    def spliced(self, splices: Iterator[_Splice]) -> str:
        """The text with all of them, of which none reaches into another."""
        text = self._text
        for one in sorted(splices, key=lambda one: one.start, reverse=True):
            text = text[: one.start] + one.text + text[one.end :]
        return text

    def changed(self, node: MappingNode, changes: Changes) -> Iterator[_Splice]:
        """Values that are replaced, fields that go, and then those that are new."""
        for name, written in changes.items():
            value = _value(node, name)
            if value is not None and written is not None:
                yield self._replaced(value, _scalar(written))
        gone = [at for at, (key, _) in enumerate(node.value) if changes.get(key.value, "") is None]
        if gone and len(gone) == len(node.value) and not node.flow_style:
            yield _Splice(node.value[0][0].start_mark.index, _end(node), "{}")
        else:
            yield from (self._without(node, at) for at in gone)
        new = {name: text for name, text in changes.items() if text is not None and _value(node, name) is None}
        if new:
            yield from self.added(node, new)

    def added(self, node: MappingNode, items: _Tree) -> Iterator[_Splice]:
        """Items after those that are there."""
        if not node.flow_style:
            yield self._lines(_end(node), _block(items, node.value[0][0].start_mark.column))
        elif node.value:
            yield _Splice(end := _end(node.value[-1][1]), end, f", {_flow(items)}")
        else:
            yield _Splice(node.start_mark.index, node.end_mark.index, f"{{{_flow(items)}}}")

    def filled(self, parent: MappingNode, nothing: Node, items: _Tree) -> Iterator[_Splice]:
        """A mapping in place of nothing."""
        start, end = nothing.start_mark.index, nothing.end_mark.index
        if parent.flow_style:
            yield self._replaced(nothing, f"{{{_flow(items)}}}")
            return
        if start < end:
            yield _Splice(len(self._text[:start].rstrip(" \t")), end, "")
        yield self._lines(end, _block(items, parent.value[0][0].start_mark.column + _STEP))

    def _replaced(self, value: Node, text: str) -> _Splice:
        start, end = value.start_mark.index, value.end_mark.index
        before = " " if self._text[start - 1] == ":" else ""
        after = self._line_end if self._text[start:end].endswith(("\n", "\r")) else ""
        return _Splice(start, end, f"{before}{text}{after}")

    def _without(self, node: MappingNode, at: int) -> _Splice:
        key, value = node.value[at]
        start, end = key.start_mark.index, _end(value)
        if not node.flow_style:
            begin = max(self._text.rfind(one, 0, start) for one in "\n\r") + 1
            return _Splice(begin, self._past_line(end), "")
        if at:
            return _Splice(_end(node.value[at - 1][1]), end, "")
        rest = node.value[1][0].start_mark.index if len(node.value) > 1 else end
        return _Splice(start, rest, "")

    def _lines(self, after: int, lines: Sequence[str]) -> _Splice:
        """Lines below the one in which something ends."""
        text = self._line_end.join(lines)
        if self._text[:after].endswith(("\n", "\r")):
            return _Splice(after, after, text + self._line_end)
        found = _LINE_END.search(self._text, after)
        at = len(self._text) if found is None else found.start()
        return _Splice(at, at, self._line_end + text)

    def _past_line(self, at: int) -> int:
        if self._text[:at].endswith(("\n", "\r")):
            return at
        found = _LINE_END.search(self._text, at)
        return len(self._text) if found is None else found.end()


def _end(node: Node) -> int:
    """Where the last letter of a value is: what follows a block, blank lines and comments, is not of it."""
    if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
        index: int = node.end_mark.index
        return index
    last = node.value[-1]
    return _end(last[1] if isinstance(node, MappingNode) else last)


def _block(items: _Tree, indent: int) -> list[str]:
    lines: list[str] = []
    for name, value in items.items():
        head = f"{' ' * indent}{_scalar(name)}:"
        if isinstance(value, str):
            lines.append(f"{head} {_scalar(value)}")
        else:
            lines += [head, *_block(value, indent + _STEP)]
    return lines


def _flow(items: _Tree) -> str:
    written = (
        f"{_scalar(name)}: {_scalar(value) if isinstance(value, str) else f'{{{_flow(value)}}}'}"
        for name, value in items.items()
    )
    return ", ".join(written)


def _scalar(text: str) -> str:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if is_plain else "'{}'".format(text.replace("'", "''"))
