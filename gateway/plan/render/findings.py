"""A plan for those who review a change: what somebody should look at, where the files say it."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from gateway.config.diagnostics import Diagnostic, Severity
from gateway.config.resources import written_at
from gateway.config.sections.access import Access
from gateway.config.source import Path
from gateway.plan.change import ResourceChange
from gateway.plan.plan import FORMAT_VERSION, Plan
from gateway.plan.render.lines import MARKS, field, in_order, name_of, verb

Places = Mapping[Path, tuple[str, int]]
"""File and line, by the path in the files."""

_CODES = {Access.WIDENS: "widens-access", Access.MAY_WIDEN: "may-widen-access"}


class NoPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What `gateway plan --format json` prints where the files cannot be planned: why, and where."""

    format_version: str = FORMAT_VERSION
    applyable: bool = False
    complete: bool = False
    errors: list[str]
    diagnostics: list[Diagnostic]


def places_wanted(plan: Plan) -> Iterator[Path]:
    """The paths of which `findings` tells."""
    yield from places_of(plan.resource_changes)
    yield from (written_at(address, "") for guard in plan.requires for address in guard.addresses[:1])


def places_of(changes: Iterable[ResourceChange]) -> Iterator[Path]:
    """The paths of which `findings_of` tells."""
    for change in changes:
        yield written_at(change.address, "")
        yield from (written_at(change.address, one.path) for one in change.changes)


def findings(plan: Plan, places: Places) -> Iterator[Diagnostic]:
    """Errors; what widens access or may; traffic that is refused; guards that stop an apply."""
    for error in plan.errors:
        yield Diagnostic(code="plan-error", message=error)
    yield from findings_of(plan.resource_changes, places)
    for guard in plan.requires:
        if not guard.only_if_asked:
            lifted = f"Apply needs {guard.flag}." if guard.flag else "Nothing lifts this at apply."
            told = _at(places, guard.addresses[0] if guard.addresses else None, "", "plan-guard", guard.text)
            yield msgspec.structs.replace(told, hint=lifted)


def findings_of(changes: Iterable[ResourceChange], places: Places) -> Iterator[Diagnostic]:
    """What widens access or may; traffic that is refused."""
    for change in in_order(changes):
        yield from _widenings(change, places)
        for one in change.consequences:
            if one.refuses_traffic:
                yield _at(places, change.address, "", "refuses-traffic", f"{change.address}: {one.text}")


def _widenings(change: ResourceChange, places: Places) -> Iterator[Diagnostic]:
    if change.access not in _CODES:
        return
    wide = [one for one in change.changes if one.access in _CODES]
    for one in wide:
        message = f"{change.address}: {name_of(one)} {field(one)}: {MARKS[one.access]}"
        yield _at(places, change.address, one.path, _CODES[one.access], message)
    if not wide:
        message = f"{change.address}: {verb(change)}: {MARKS[change.access]}"
        yield _at(places, change.address, "", _CODES[change.access], message)


def _at(places: Places, address: str | None, path: str, code: str, message: str) -> Diagnostic:
    file, line = (None, None) if address is None else places.get(written_at(address, path), (None, None))
    return Diagnostic(code=code, message=message, severity=Severity.WARNING, file=file, line=line)
