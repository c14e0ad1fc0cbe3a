"""In which direction a field widens: does a change of it let somebody do more than before?

Each field of a model names one of these orders in its annotation; a test sees to it that none is forgotten. Plans, the
widening guard and confined tokens ask them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from json import dumps
from typing import Any, Final


class Access(StrEnum):
    """What a change does to what somebody may do."""

    SAME = "same"
    NARROWS = "narrows"
    GRANTS = "grants"
    """Something new can be used; marked apart, so that WIDENS keeps its force."""
    MAY_WIDEN = "may_widen"
    WIDENS = "widens"


FROM_LEAST: Final = (Access.SAME, Access.NARROWS, Access.GRANTS, Access.MAY_WIDEN, Access.WIDENS)
"""From what nobody needs to see to what a reviewer has to."""


def widest(found: Iterable[Access]) -> Access:
    """The one that a reviewer has to see."""
    return max(found, key=FROM_LEAST.index, default=Access.SAME)


Compare = Callable[[Any, Any], Access]


@dataclass(frozen=True)
class Order:
    """How a field is compared before and after; `None` is a field that is not there.

    It holds for all that stands below the field too, unless that names an order of its own. Where `is_of_whole` says
    so, what differs below is handed to it as it stands in the field; else by itself. Without a comparison it is what
    most widens of the section's members.
    """

    compare: Compare | None
    is_of_whole: bool = False


def _ceiling(before: Any, after: Any) -> Access:
    if before is None or after is None:
        return Access.WIDENS if after is None else Access.NARROWS
    return Access.WIDENS if Decimal(str(after)) > Decimal(str(before)) else Access.NARROWS


def _end(before: Any, after: Any) -> Access:
    if before is None or after is None:
        return Access.WIDENS if after is None else Access.NARROWS
    return Access.WIDENS if datetime.fromisoformat(after) > datetime.fromisoformat(before) else Access.NARROWS


def _allowed(before: Any, after: Any) -> Access:
    if before is None and after is None:
        return Access.SAME
    if before is None or after is None:
        return Access.WIDENS if after is None else Access.NARROWS
    if _members(after) - _members(before):
        return Access.WIDENS
    return Access.NARROWS if _members(before) - _members(after) else Access.SAME


def _allowed_by_list(before: Any, after: Any) -> Access:
    """A list of what is allowed, or a section that has one under `allow`; what only warns allows everything."""
    return _allowed(_enforced_list(before), _enforced_list(after))


def _enforced_list(value: Any) -> Any:
    if isinstance(value, dict):
        return None if _only_warns(value) else value.get("allow")
    return value


def _only_warns(value: Any) -> bool:
    return isinstance(value, dict) and value.get("mode") == "warn"


def _section_of(order: "Compare") -> "Compare":
    """The same of a section, which is none while it only warns."""

    def compare(before: Any, after: Any) -> Access:
        had, has = (None if one is None or _only_warns(one) else one for one in (before, after))
        return Access.SAME if had is None and has is None else order(had, has)

    return compare


def _denied(before: Any, after: Any) -> Access:
    return Access.WIDENS if _members(before) - _members(after) else Access.NARROWS


def _reached(before: Any, after: Any) -> Access:
    had, has = _members(before), _members(after)
    return Access.WIDENS if has - had else Access.NARROWS if had - has else Access.SAME


def _arms(before: Any, after: Any) -> Access:
    if before is None or after is None:
        return Access.NARROWS if after is None else Access.WIDENS
    return Access.SAME


def _shared(before: Any, after: Any) -> Access:
    had, has = _members(before), _members(after)
    return Access.WIDENS if has - had and dumps("*") not in had else Access.NARROWS


def _members(value: Any) -> set[str]:
    return {dumps(one, sort_keys=True) for one in value or ()}


NO_MATTER: Final = Order(lambda _before, _after: Access.SAME)
"""Whatever it is, nobody may do more or less."""
UNKNOWN: Final = Order(lambda _before, _after: Access.MAY_WIDEN)
"""Who may do more depends on what else there is."""
ANOTHER: Final = Order(lambda _before, _after: Access.WIDENS)
"""Whoever has what belongs to the new value gets in, and did not before."""
NOTHING_MORE: Final = Order(lambda _before, after: Access.NARROWS if after is None else Access.WIDENS)
"""What is there lets somebody in."""
RESTRICTION: Final = Order(
    _section_of(
        lambda before, after: Access.WIDENS if after is None else Access.NARROWS if before is None else Access.MAY_WIDEN
    )
)
"""Something that only ever forbids, as a whole."""
CEILING: Final = Order(_ceiling)
"""A limit; without one, everything passes."""
END: Final = Order(_end)
"""A moment at which something stops; without one, it never does."""
LIMITS: Final = Order(_section_of(_ceiling))
"""A section of limits as it comes or goes; without one, everything passes."""
ALLOWED: Final = Order(_allowed)
"""A list of what is allowed; without one, everything is."""
ALLOW_LIST: Final = Order(_allowed_by_list)
"""The same, which may be a section that says whether it is enforced."""
DENIED: Final = Order(_denied)
"""A list of what is refused; without one, nothing is."""
REACHED: Final = Order(_reached)
"""A list of what is led to, in order; without one, nothing more is."""
ARMS: Final = Order(_arms)
"""Weights by the names of what is led to: another name leads elsewhere, another weight there more or less often."""
RAISES: Final = Order(_reached, is_of_whole=True)
"""What is on top of a limit for a while: another one widens, one that is gone narrows."""
SHARED: Final = Order(_shared)
"""Owners whose files may name something; without any, nobody's else."""
EACH_MEMBER: Final = Order(None)
"""A section that comes or goes as a whole."""
OTHER_READERS: Final = Order(lambda _before, after: Access.MAY_WIDEN if after is None else Access.WIDENS)
"""Where traces go: to somebody else, or, where nothing is said, to whoever reads the next wider collector."""


def steps(*narrow_to_wide: Any, default: Any) -> Order:
    """A choice, from the narrowest to the widest; the default is what counts where the field is not there."""

    def compare(before: Any, after: Any) -> Access:
        had = narrow_to_wide.index(default if before is None else before)
        has = narrow_to_wide.index(default if after is None else after)
        return Access.WIDENS if has > had else Access.NARROWS if has < had else Access.SAME

    return Order(compare)


ENFORCED: Final = steps("enforce", "warn", default="enforce")
"""Whether something that forbids is enforced or only warns."""


def more(default: float) -> Order:
    """An amount of which more is seen; the default counts where the field is not there."""

    def compare(before: Any, after: Any) -> Access:
        had, has = (Decimal(str(default if one is None else one)) for one in (before, after))
        return Access.WIDENS if has > had else Access.NARROWS if has < had else Access.SAME

    return Order(compare)
