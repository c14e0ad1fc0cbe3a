"""What a change of rules on the fields of requests does: whoever could say less of a field may say more."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from gateway.plan.change import Access
from gateway.shapes.request_rules import EFFORTS

FIELD: Final = "request"
"""The field of a section that holds such rules."""

_WORSE: Final = (Access.SAME, Access.NARROWS, Access.MAY_WIDEN, Access.WIDENS)


def of_rules(path: str, before: Any, after: Any) -> Access:
    """What it does that something at a path below `request` differs; the path is empty for all of the rules."""
    return _worst(_at(path, before), _at(path, after))


def _at(path: str, value: Any) -> Mapping[str, Mapping[str, Any]]:
    """All rules, of which this is what stands at a path."""
    if value is None and path.count("/") < 1:
        return {}
    for step in reversed(path.split("/") if path else ()):
        value = {step: value}
    return value or {}


def _worst(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> Access:
    found = Access.SAME
    for field in {*before, *after}:
        had, has = before.get(field, {}), after.get(field, {})
        for action in {*had, *has}:
            one = _of_action(action, had.get(action), has.get(action))
            found = max(found, one, key=_WORSE.index)
    return found


def _of_action(action: str, before: Any, after: Any) -> Access:
    if before == after or action == "default":  # a client can say it as well
        return Access.SAME
    if action == "rename":
        return Access.MAY_WIDEN
    if after is None:
        return Access.WIDENS
    if action == "drop":
        return Access.NARROWS
    if action == "set":
        return Access.MAY_WIDEN
    if before is None:
        return Access.NARROWS
    if isinstance(before, str) is not isinstance(after, str):
        return Access.MAY_WIDEN
    had, has = (EFFORTS.index(one) if isinstance(one, str) else Decimal(str(one)) for one in (before, after))
    return Access.WIDENS if has > had else Access.NARROWS
