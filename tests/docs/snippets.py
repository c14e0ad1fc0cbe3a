"""The fenced blocks of the pages, and what a comment above one says of it.

A comment `<!-- snippet: ... -->` on the line above a fence has one or more of these, separated by `;`:

- `not run: REASON`: its syntax is checked and no more.
- `background`: it serves until its page ends.
- `prints TEXT`: what it prints has this text in it. May stand several times.
- `file NAME`: what it says is written to this file.
- `merged into NAME`: its sections and their members are put into this YAML file.
- `with NAME`: it runs with the packages of this row of tests/frameworks.
- `of SCHEMA`: YAML of this schema in schema/, such as `gateway-test`.
- `other yaml`: YAML that is none of ours.

Without one, a block of `sh`, `python` or `js` is run, and YAML is a part of gateway.yaml.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = tuple(
    sorted(
        [*(ROOT / "docs").glob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "bench/README.md"))]
    )
)
RUN = frozenset({"sh", "python", "js"})
_MARK = re.compile(r"<!-- snippet: (.+) -->$")
_FENCE = re.compile(r"( *)```(\S*)$")
_KNOWN = re.compile(r"not run: .+|background|prints .+|file \S+|merged into \S+|with \S+|of \S+|other yaml")


@dataclass(frozen=True)
class Snippet:
    """One fenced block."""

    page: Path
    line: int
    language: str
    text: str
    marks: tuple[str, ...]

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_run(self) -> bool:
        """Whether its page runs it."""
        return self.language in RUN and not self.of("not run:") and self.only("file") is None

    def of(self, mark: str) -> list[str]:
        """What stands behind each of these marks."""
        return [one.removeprefix(mark).strip() for one in self.marks if one == mark or one.startswith(f"{mark} ")]

    def only(self, mark: str) -> str | None:
        """What stands behind this mark, if it is there."""
        return next(iter(self.of(mark)), None)


def snippets_of(page: Path) -> Iterator[Snippet]:
    """The blocks of one page.

    Raises:
        ValueError: a mark that is none, or a fence that does not end.
    """
    lines = page.read_text().splitlines()
    number = 0
    while number < len(lines):
        if (fence := _FENCE.match(lines[number])) is None:
            number += 1
            continue
        indent, language = fence.groups()
        end = next((at for at in range(number + 1, len(lines)) if lines[at] == f"{indent}```"), None)
        if end is None:
            raise ValueError(f"{page.name}:{number + 1}: the block does not end")
        text = "".join(f"{line.removeprefix(indent)}\n" for line in lines[number + 1 : end])
        marked = _MARK.match(lines[number - 1].strip()) if number else None
        marks = tuple(one.strip() for one in marked[1].split(";")) if marked else ()
        if unknown := [one for one in marks if not _KNOWN.fullmatch(one)]:
            raise ValueError(f"{page.name}:{number}: {unknown} says nothing of a snippet: see tests/docs/snippets.py")
        yield Snippet(page, number + 1, language, text, marks)
        number = end + 1
