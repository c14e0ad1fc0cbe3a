"""One entry of a long section as a text of its own, which can be read and changed in place of the whole file.

Whether that is the same has to be certain. A text is read from its beginning to its end, so where an entry begins as
one does, and all before it closes what it opens, the entry means by itself what it means in the file. So the section
is cut into entries by lines, and each has to be one whole entry by itself, as the parser reads it. To read twenty
thousand of them takes seconds; those that are alike but for texts within their lines are read once. Entries with
anchors and aliases are read once more with all that stands outside the section. What is not certain has no excerpt.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import yaml
from yaml.events import CollectionEndEvent, CollectionStartEvent, MappingStartEvent, NodeEvent, ScalarEvent

from gateway.config.source import parse

_LETTER: Final = r"[\w./$~@+*%()=;!-]"
_PLAIN: Final = rf"[\w./$~](?:{_LETTER}++|:(?=[\w/])| ++(?={_LETTER}))*+"
"""A text without quotes that is one in braces too, and that nothing on its line ends early."""
_TEXT: Final = rf"""(?:{_PLAIN}|"(?:[^"\\\r\n]++|\\["\\/nt])*+"|'(?:[^'\r\n]++|'')*+')"""
_NAME: Final = r"""(?:\w(?:[\w./@+-]++|:(?=\w))*+|"[\w./@+: -]*+"|'[\w./@+: -]*+')"""
_COMMENT: Final = r"#[^\r\n]*+"


def _value(depth: int) -> str:
    """A text, or a list or a mapping between brackets on one line."""
    if not depth:
        return _TEXT
    item = _value(depth - 1)
    listed, field = (rf"(?:{one}(?:\ *+,\ *+|(?=\ *+[\]}}])))*+" for one in (item, rf"{_NAME}:\ ++{item}"))
    return rf"(?:{_TEXT}|\[\ *+{listed}\ *+\]|\{{\ *+{field}\ *+\}})"


_LINES: Final = re.compile(
    rf"(?:\ *+(?:(?:{_NAME}:|-)(?:\ ++{_value(3)})?(?:\ ++{_COMMENT}|\ *+)|(?:{_COMMENT})?)(?:\r?\n|\Z))*+"
)
"""Lines of which each closes what it opens: no text in quotes and no block of text goes on in the next."""
_TEXTS: Final = re.compile(rf"(:\ ++|-\ ++|,\ *+|\[\ *+){_TEXT}(?=\ *+(?:[,\]}}\r\n#]|\Z))")
_COMMENTS: Final = re.compile(rf"(?:^| ) *{_COMMENT}", re.MULTILINE)
_OWN_MARK: Final = re.compile(r"""(?:^|[\s\[{,]|["']:)[&*]""", re.MULTILINE)
"""Where an anchor or an alias may stand: behind a name in quotes no blank is needed."""
_ALIAS: Final = re.compile(r"\*([\w-]+)")
_ODD: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What the parser refuses, or takes for the end of a line although it seldom is one."""
_NEXT_SECTION: Final = re.compile(r"\n[^ #\r\n]")
_FIRST_ENTRY: Final = re.compile(rf"(?:\ *+(?:{_COMMENT})?\r?\n)*+(\ ++)")
_LONGEST_NAME: Final = 1000
"""A few less than the parser reads as the name of something."""
_ENTRY_NAME: Final = re.compile(rf"\ ++({_NAME}):(?=[ \r\n]|\Z)")


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A text with one entry of a section, and what stands before and behind that entry in the file."""

    heading: str
    entry: str
    before: str
    behind: str
    names: Sequence[str]
    """Of all entries of the section."""

    @property
    def text(self) -> str:
        """The section with this entry alone."""
        return self.heading + self.entry

    def put_back(self, changed: str) -> str | None:
        """The file with a changed excerpt, which is still a mapping of whole entries; `None` where it does not fit."""
        indent = len(self.entry) - len(self.entry.lstrip(" "))
        first_letter = len(self.heading) + indent + 1
        entry = changed[len(self.heading) :]
        if changed[:first_letter] != self.text[:first_letter] or (self.behind and not entry.endswith("\n")):
            return None
        return f"{self.before}{entry}{self.behind}"


def excerpt(text: str, section: str, name: str) -> Excerpt | None:
    """The excerpt with an entry, or with the last one where the section has none of that name.

    `None` where the entry may mean another thing by itself than in the file, or where the file may be at fault.
    """
    found = re.compile(rf"^{section}:(?=(?:\ ++{_COMMENT}|\ *+)\r?\n)", re.MULTILINE).search(text)
    if found is None or _ODD.search(text) or text.count("\r") != text.count("\r\n"):
        return None
    start = text.index("\n", found.end()) + 1
    after = _NEXT_SECTION.search(text, start - 1)
    end = len(text) if after is None else after.start() + 1
    first = _FIRST_ENTRY.match(text, start, end)
    if first is None:
        return None
    beginning = re.compile(rf"\n\ {{{len(first[1])}}}(?![ #\r\n])")
    starts = [one.start() + 1 for one in beginning.finditer(text, first.start(1) - 1, end)]
    entries = [text[one:following] for one, following in pairwise([*starts, end])]
    heading = f"{section}:" + ("\r\n" if text[text.index("\n") - 1] == "\r" else "\n")
    names = [own for one in entries if (own := _name(one)) is not None]
    if len({*names}) < len(entries):
        return None
    at = names.index(name) if name in names else len(names) - 1
    if _OWN_MARK.search(entries[at]) or _only_name(heading + entries[at]) != names[at]:
        return None
    others = _sharing(entries, heading)
    if others is None:
        return None
    inner = "".join(entries[one] for one in others)
    rest = (text[:start] + inner if inner else f"{text[: found.end()]} {{}}{text[found.end() : start]}") + text[end:]
    if not _is_whole(rest, found.start(), section, [names[one] for one in others]):
        return None
    return Excerpt(heading, entries[at], text[: starts[at]], text[starts[at] + len(entries[at]) :], names)


def _is_whole(text: str, at: int, section: str, names: Sequence[str]) -> bool:
    """Whether a text is not at fault and has, at a place, a section of a block with entries of these names."""
    tree, problems = parse(text, "")
    entries = tree.get(section) if isinstance(tree, dict) else None
    return not problems and isinstance(entries, dict) and [*entries] == names and _has_block_key(text, at)


def _has_block_key(text: str, at: int) -> bool:
    """Whether the document is a mapping by lines, and what stands at a place is a key of it."""
    depth = 0
    is_root = True
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if is_root and isinstance(event, NodeEvent):
            if not isinstance(event, MappingStartEvent) or event.flow_style:
                return False
            is_root = False
        if isinstance(event, ScalarEvent) and event.start_mark.index == at:  # type: ignore[union-attr] # the loader sets it
            return depth == 1
        depth += isinstance(event, CollectionStartEvent)
        depth -= isinstance(event, CollectionEndEvent)
    return False


def _name(entry: str) -> str | None:
    found = _ENTRY_NAME.match(entry)
    return None if found is None or len(found[1]) > _LONGEST_NAME else found[1].strip("\"'")


def _sharing(entries: Sequence[str], heading: str) -> list[int] | None:
    """Which entries may share something by an anchor; `None` where one is not one whole entry by itself."""
    found = []
    known: set[str] = set()
    for number, entry in enumerate(entries):
        name = _ENTRY_NAME.match(entry)
        if name is not None and _LINES.fullmatch(entry):
            # PERF: a template in place of the function takes twice as long
            rest = _TEXTS.sub(_without_text, entry[name.end(1) :])
            shape = entry[: name.start(1)] + "x" + (_COMMENTS.sub("", rest) if "#" in rest else rest)
            if shape in known:
                continue
            if _only_name(heading + shape) == "x":
                known.add(shape)
                continue
        anchors = ""
        if _OWN_MARK.search(entry):
            found.append(number)
            anchors = "".join(f"  {one}: &{one} 0\n" for one in sorted({*_ALIAS.findall(entry)}))
        if _only_name(heading + entry, anchors and f"anchors:\n{anchors}") != _name(entry):
            return None
    return found


def _without_text(found: re.Match[str]) -> str:
    return f"{found[1]}''"


def _only_name(text: str, anchors: str = "") -> Any:
    """The name of the one entry in the one section of a text that is not at fault, below the anchors that it takes."""
    tree, problems = parse(anchors + text, "")
    if problems or not isinstance(tree, dict) or len(tree) != 1 + bool(anchors):
        return None
    section = [*tree.values()][-1]
    return next(iter(section)) if isinstance(section, dict) and len(section) == 1 else None
