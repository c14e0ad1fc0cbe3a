"""A plan as one comment on a pull request, found again by its hidden first line and edited in place."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gateway.config.sections.access import Access
from gateway.plan.change import ResourceChange
from gateway.plan.plan import Plan
from gateway.plan.render.lines import MARKS, edited, effects, field, in_order, name_of, summary, verb
from gateway.plan.replay import told
from gateway.plan.words import count, moment
from gateway.visible import visible

BUDGET: Final = 60_000
"""Characters; GitHub refuses comments of more than 65,536."""
_SPECIAL: Final = str.maketrans(
    {
        "|": "&#124;",
        "`": "&#96;",
        "@": "&#64;",
        "<": "&lt;",
        ">": "&gt;",
        "&": "&amp;",
        "*": "&#42;",
        "_": "&#95;",
        "[": "&#91;",
        "]": "&#93;",
        "\\": "&#92;",
        "#": "&#35;",
        "~": "&#126;",
        "!": "&#33;",
    }
)
_LONGEST = 300


def markdown(plan: Plan, budget: int = BUDGET) -> str:
    """The comment, of at most `budget` characters: warnings and numbers always, then rows, then details."""
    head = [*_head(plan), ""]
    tail = ["", *_tail(plan)]
    left = budget - size_of(head) - size_of(tail)
    found, left = fitting(
        list(rows(plan.resource_changes)), left, "\n_and {} more; see the whole plan in the artifact of this run_"
    )
    details, _ = fitting(list(_details(plan)), left, "")
    return "\n".join([*head, *found, *details, *tail]) + "\n"


def escaped(text: str) -> str:
    """Text that markdown and HTML leave as it is, shortened."""
    short = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
    # Two references would be read as mathematics.
    return visible(short).translate(_SPECIAL).replace("${", "&#36;{")


def _head(plan: Plan) -> Iterator[str]:
    source = plan.source.commit or plan.source.digest[:12]
    yield f"<!-- gateway-plan:{escaped(plan.control_plane or plan.lineage)}:{escaped(plan.owner)} -->"
    yield f"<!-- gateway-commit:{escaped(source)} -->"
    numbers = summary(plan.summary) if not plan.is_empty else "No changes."
    if plan.drift_only:
        numbers = f"{count(len(plan.drift), 'change')} made outside the file since the last apply."
    yield f"### gateway plan · {escaped(plan.where)} · {escaped(plan.owner)} · {escaped(source)}"
    yield ""
    yield f"{numbers}{' **Partial.**' if not plan.complete else ''}"
    yield from alert(list(_warned(plan)))


def alert(said: Sequence[str]) -> Iterator[str]:
    """A box with the first of these lines, where there are any."""
    if said:
        yield ""
        yield "> [!WARNING]"
        yield from (f"> {one}" for one in said[:20])
        if len(said) > 20:  # noqa: PLR2004 - so many fit on a screen
            yield f"> and {len(said) - 20} more"


def _warned(plan: Plan) -> Iterator[str]:
    for error in plan.errors:
        yield f"**Error** {escaped(error)}  "
    yield from warned(plan.resource_changes)
    for guard in plan.requires:
        if not guard.only_if_asked:
            yield f"**Guard** {escaped(guard.text)}  "


def warned(changes: Iterable[ResourceChange]) -> Iterator[str]:
    """What nobody should overlook."""
    for change in in_order(changes):
        address = f"<code>{escaped(change.address)}</code>"
        if change.access is Access.WIDENS:
            why = [name_of(one) for one in change.changes if one.access is Access.WIDENS]
            yield f"**WIDENS ACCESS** {address} {escaped(', '.join(why) or verb(change))}  "
        for follows in change.consequences:
            if follows.refuses_traffic:
                yield f"**Refuses traffic** {address}: {escaped(follows.text)}  "


def rows(changes: Iterable[ResourceChange]) -> Iterator[str]:
    """A table, a row for each change."""
    for index, change in enumerate(in_order(changes)):
        head = "| | Resource | Change | Effect |\n|--|--|--|--|\n" if index == 0 else ""
        address = f"<code>{escaped(change.address)}</code>"
        yield f"{head}| {change.symbol.replace('-', '&#45;')} | {address} | {_what(change)} | {_effect(change)} |"


def _what(change: ResourceChange) -> str:
    if not change.changes:
        return verb(change)
    told = "; ".join(f"{escaped(name_of(one))} {escaped(field(one)).replace('-&gt;', '→')}" for one in change.changes)
    return f"{verb(change)}: {told}" if len(change.actions) > 1 else told


def _effect(change: ResourceChange) -> str:
    marks = [f"**{MARKS[change.access]}**"] if change.access in MARKS else []
    return "<br>".join([*marks, *(escaped(one) for one in effects(change))])


def _details(plan: Plan) -> Iterator[str]:
    if plan.drift:
        found = "\n".join(
            f"- {escaped(edited(one)).replace('-&gt;', '→')} by {escaped(one.changed_by)}, "
            f"{moment(one.changed_at)}; {one.effect.replace('_', ' ')}"
            for one in plan.drift
        )
        number = len(plan.drift)
        head = f"{number} change{'s' if number > 1 else ''} made outside the file"
        yield f"\n<details><summary>{head}</summary>\n\n{found}\n</details>"
    if plan.replay is not None:
        first, *rest = told(plan.replay)
        listed = "\n".join(f"- {escaped(one.strip())}" for one in rest)
        yield f"\n<details><summary>{escaped(first)}</summary>\n\n{listed}\n</details>"
    for warning in plan.warnings:
        yield f"\n{escaped(warning)}"


def _tail(plan: Plan) -> Iterator[str]:
    if plan.unmanaged:
        owned = ", ".join(f"{number:,} of {escaped(owner)}" for owner, number in plan.unmanaged.items())
        yield f"Left alone: {owned}."
        yield ""
    flags = " ".join(one.flag for one in plan.requires if one.flag and not one.only_if_asked)
    as_of = f" · use and spend as of {moment(plan.as_of)}" if plan.as_of is not None else ""
    yield f"`gateway apply{f' {flags}' if flags else ''}` · plan `{plan.plan_id}` · revision {plan.revision}{as_of}"


def fitting(parts: list[str], left: int, more: str) -> tuple[list[str], int]:
    """As many parts as there is room for, and what is left of it."""
    taken: list[str] = []
    left -= len(more) + 8
    for index, one in enumerate(parts):
        if len(one) + 1 > left:
            if more:
                taken.append(more.format(len(parts) - index))
            return taken, 0
        taken.append(one)
        left -= len(one) + 1
    return taken, left


def size_of(parts: list[str]) -> int:
    """Characters, with the ends of lines."""
    return sum(len(one) + 1 for one in parts)
