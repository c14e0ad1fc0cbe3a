"""A difference for a terminal and for a pull request, as plans look there."""

from collections.abc import Iterator

import msgspec

from gateway.config.diagnostics import Diagnostic
from gateway.plan.difference import FORMAT_VERSION, Difference
from gateway.plan.render.lines import Line, changed, summary
from gateway.plan.render.markdown import BUDGET, alert, escaped, fitting, rows, size_of, warned
from gateway.plan.words import count
from gateway.visible import visible


class NoDifference(msgspec.Struct, frozen=True, kw_only=True):
    """What `gateway diff --format json` prints where a side is no valid configuration: which, why, and where."""

    format_version: str = FORMAT_VERSION
    errors: list[str]
    diagnostics: list[Diagnostic]


def lines(found: Difference) -> Iterator[Line]:
    """The whole of it; what is not printable is an escape."""
    return (Line(visible(one.text), one.style) for one in _lines(found))


def _lines(found: Difference) -> Iterator[Line]:
    yield Line(f"{found.before} -> {found.after}", "bold")
    yield Line("")
    if owner := _owner(found):
        yield Line(owner, "yellow")
    if not found.resource_changes:
        yield Line(_same(found))
        return
    yield from changed(found.resource_changes)
    yield Line(summary(found.summary, "Difference"), "bold")


def markdown(found: Difference, budget: int = BUDGET) -> str:
    """A comment of at most `budget` characters: warnings and numbers always, then rows."""
    numbers = summary(found.summary, "Difference") if found.resource_changes else _same(found)
    owner = _owner(found)
    head = [
        f"### gateway diff · {escaped(str(found.before))} → {escaped(str(found.after))}",
        "",
        numbers,
        *(["", escaped(owner)] if owner else []),
        *alert([*warned(found.resource_changes)]),
        "",
    ]
    taken, _ = fitting([*rows(found.resource_changes)], budget - size_of(head), "\n_and {} more_")
    return "\n".join([*head, *taken]).rstrip() + "\n"


def _owner(found: Difference) -> str:
    had, has = found.before.owner, found.after.owner
    return "" if had == has else f"owner {had or '(none)'} -> {has or '(none)'}"


def _same(found: Difference) -> str:
    matching = f"{count(found.matching, 'resource')} {'match' if found.matching != 1 else 'matches'}."
    return f"No differences. {matching}" if found.is_empty else matching
