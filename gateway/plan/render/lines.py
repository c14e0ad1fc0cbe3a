"""A plan as lines of words and styles; a terminal colours them, a file leaves the styles away."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from gateway.config.sections.access import Access
from gateway.keys.digest import shown_hash
from gateway.plan.change import SENSITIVE_CHANGED, Drift, FieldChange, ResourceChange
from gateway.plan.diff import text
from gateway.plan.plan import Guard, Plan, Summary
from gateway.plan.replay import told
from gateway.plan.words import count, moment, names
from gateway.visible import visible

MARKS: Final = {
    Access.WIDENS: "WIDENS ACCESS",
    Access.MAY_WIDEN: "may widen access",
}
_STYLES: Final = {"+": "green", "~": "yellow", "-": "red", "-/+": "magenta"}
_WORDS: Final = {"create": "create", "update": "update", "delete": "remove", "replace": "replace", "move": "rename"}
_KEPT: Final = {
    "virtual_keys": "its secret, its use and what it spent",
    "budgets": "what is spent of it",
    "providers": "its use and what was spent there",
    **dict.fromkeys(("teams", "projects", "principals"), "what was spent under it"),
}
"""What a rename leaves as it is, by kind."""
_WIDTH: Final = 44
_NAME_WIDTH: Final = 24


class Line(msgspec.Struct, frozen=True):
    """One line and how it looks; an empty style is plain."""

    text: str
    style: str = ""


def lines(plan: Plan) -> Iterator[Line]:
    """The whole plan. Nothing in a value can end a line or steer a terminal: what is not printable is an escape."""
    return (Line(visible(one.text), one.style) for one in _lines(plan))


def _lines(plan: Plan) -> Iterator[Line]:
    yield Line(_head(plan), "bold")
    yield Line("")
    yield from _outside(plan.drift)
    for error in plan.errors:
        yield Line(f"error: {error}", "bold red")
    for warning in plan.warnings:
        yield Line(f"warning: {warning}", "yellow")
    if plan.errors or plan.warnings:
        yield Line("")
    yield from _skipped(plan)
    if plan.drift_only:
        yield from () if plan.drift else (Line("Nothing was changed outside the file since the last apply."),)
        return
    if plan.is_empty:
        yield Line(_no_changes(plan))
        yield from _left_alone(plan)
        return
    yield from changed(plan.resource_changes)
    yield Line(summary(plan.summary), "bold")
    yield from _left_alone(plan)
    yield from _guards(plan.requires)
    if plan.replay is not None:
        yield Line("")
        yield from (Line(text, "cyan") for text in told(plan.replay))


def changed(changes: Sequence[ResourceChange]) -> Iterator[Line]:
    """How many there are, and each with its fields and what follows from it."""
    yield Line(f"Changes: {len(changes)}", "bold")
    for change in in_order(changes):
        yield from _change(change)
        yield Line("")


def in_order(changes: Iterable[ResourceChange]) -> list[ResourceChange]:
    """Creates, updates and renames, removals; each by address."""
    rank = {"create": 0, "update": 1, "replace": 1, "move": 1, "delete": 2}
    return sorted(changes, key=lambda one: (rank[one.actions[0]], one.address))


def summary(numbers: Summary, of: str = "Plan") -> str:
    """One line of numbers."""
    changed = numbers.update + numbers.replace
    parts = [f"{numbers.create} to create", f"{changed} to change", f"{numbers.delete} to remove"]
    if numbers.move:
        parts.append(f"{numbers.move} to rename")
    notes = [
        f"{number} {what}"
        for number, what in (
            (numbers.widens, "widens access" if numbers.widens == 1 else "widen access"),
            (numbers.may_widen, "may widen access"),
            (numbers.refuses_traffic, "refuses traffic" if numbers.refuses_traffic == 1 else "refuse traffic"),
            (numbers.skipped, "skipped"),
            (numbers.outside_edits, f"outside edit{'s' if numbers.outside_edits > 1 else ''} overwritten"),
        )
        if number
    ]
    return f"{of}: {', '.join(parts)}." + (f" {', '.join(notes)}." if notes else "")


def value(some: Any) -> str:
    """A value in one line; of the hash of a key's secret, its beginning."""
    if some is None:
        return "(default)"
    if isinstance(some, list) and all(isinstance(one, str) for one in some):
        return f"[{', '.join(some)}]"
    return shown_hash(some) if isinstance(some, str) else text(some)


def name_of(change: FieldChange) -> str:
    """`limits.rpm` for `/limits/rpm`."""
    steps = (step.replace("~1", "/").replace("~0", "~") for step in change.path.split("/")[1:])
    return ".".join(steps)


def field(change: FieldChange) -> str:
    """What happens to one field, in words."""
    if change.added or change.removed:
        members = [f"+{value(one)}" for one in change.added] + [f"-{value(one)}" for one in change.removed]
        return " ".join(members)
    if change.after == SENSITIVE_CHANGED:
        return SENSITIVE_CHANGED
    became = f" (its value {change.value})" if change.value else ""
    if became and change.before == change.after:
        return f"{value(change.after)}{became}"
    return f"{value(change.before)} -> {value(change.after)}{became}"


def verb(change: ResourceChange) -> str:
    """`create`, `update`, `rename and update`."""
    return " and ".join(_WORDS[action] for action in change.actions)


def effects(change: ResourceChange) -> Iterator[str]:
    """Everything to be told beside the fields."""
    if change.previous_address is not None:
        kept = _KEPT.get(change.kind)
        yield f"was {change.previous_address}{f'; keeps {kept}' if kept else ''}"
    if change.mints_secret:
        yield "its secret is made at apply and shown once"
    for follows in change.consequences:
        yield follows.text
    if change.pulled_in_by is not None:
        yield f"needed by {change.pulled_in_by}"


def _head(plan: Plan) -> str:
    source = plan.source.commit or plan.source.digest[:12] or "the file"
    known = f"   use and spend as of {moment(plan.as_of)}" if plan.as_of is not None else ""
    partly = f"   only {', '.join(plan.targets)}" if plan.targets else ""
    return f"{source} -> {plan.where}   revision {plan.revision}   owner {plan.owner}{partly}{known}"


def _no_changes(plan: Plan) -> str:
    partly = ", as far as this partial plan looks" if plan.targets else ""
    if plan.errors:
        return "No changes can be planned until the errors are mended."
    return f"No changes{partly}. {count(plan.matching, 'resource')} {'match' if plan.matching != 1 else 'matches'}."


def _outside(drift: list[Drift]) -> Iterator[Line]:
    if not drift:
        return
    yield Line(f"Changed outside the file since the last apply: {len(drift)}", "bold")
    said = {
        "overwritten": "this plan overwrites it",
        "already_matches": "the file says the same by now",
        "kept": "it stays so: the file says nothing of it",
    }
    for one in drift:
        yield Line(f"  ! {edited(one)}   {one.changed_by}, {moment(one.changed_at)}", "yellow")
        yield Line(f"      {said.get(one.effect, one.effect)}")
    yield Line("")


def edited(one: Drift) -> str:
    """What was changed outside the file, in words."""
    if not one.path:
        return f"{one.address}   {'deleted' if one.live is None else 'made'}"
    path = one.path.lstrip("/").replace("/", ".")
    return f"{one.address}.{path}   {value(one.last_applied)} -> {value(one.live)}"


def _skipped(plan: Plan) -> Iterator[Line]:
    if plan.skipped:
        yield Line(f"Left although the file does not have it (--no-delete): {names(plan.skipped)}.")
        yield Line("")


def _change(change: ResourceChange) -> Iterator[Line]:
    mark = MARKS.get(change.access, "")
    head = f"  {change.symbol} {change.address:<{_WIDTH}} {verb(change)}"
    yield Line(f"{head}{f'   {mark}' if mark else ''}", _STYLES[change.symbol])
    if "create" in change.actions and change.after is not None:
        for name, some in sorted(change.after.items()):
            yield Line(f"      {name:<{_NAME_WIDTH}} {value(some)}")
    for one in change.changes:
        wide = f"   {MARKS[one.access]}" if one.access in MARKS and len(change.changes) > 1 else ""
        yield Line(f"      {name_of(one):<{_NAME_WIDTH}} {field(one)}{wide}")
    for effect in effects(change):
        yield Line(f"      => {effect}", "cyan")


def _left_alone(plan: Plan) -> Iterator[Line]:
    if plan.unmanaged:
        owned = ", ".join(f"{number:,} of {owner}" for owner, number in plan.unmanaged.items())
        yield Line(f"Left alone: {owned}.")


def _guards(guards: list[Guard]) -> Iterator[Line]:
    for one in guards:
        if one.only_if_asked:
            continue
        flag = f" Apply needs {one.flag}." if one.flag else " Nothing lifts this at apply."
        yield Line(f"Guard: {one.text}.{flag}", "bold red")
