"""Who sees more than before: what a change of collectors and of content capture shows to whom.

Readers of a collector see whose requests went where and, where content is captured, every prompt and answer.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from gateway.plan.change import Access

Order = Callable[[Any, Any], Access]

_WORSE: Final = (Access.SAME, Access.NARROWS, Access.MAY_WIDEN, Access.WIDENS)


def other_readers(_before: Any, after: Any) -> Access:
    """Traces go to somebody else; without a collector of their own, to whoever reads the next wider one."""
    return Access.MAY_WIDEN if after is None else Access.WIDENS


def more(default: float | str) -> Order:
    """An amount of which more is seen; the default is given where the field is not there."""

    def compare(before: Any, after: Any) -> Access:
        had, has = (Decimal(str(default if one is None else one)) for one in (before, after))
        return Access.WIDENS if has > had else Access.NARROWS if has < had else Access.SAME

    return compare


def _capture(before: Any, after: Any) -> Access:
    """For every key: off where it is not there."""
    had, has = bool(before), bool(after)
    return Access.WIDENS if has > had else Access.NARROWS if has < had else Access.SAME


def _capture_of_key(before: Any, after: Any) -> Access:
    """For one key: as for every key where it is not there."""
    order = (False, None, True)
    had, has = order.index(before), order.index(after)
    if has > had:
        return Access.MAY_WIDEN if after is None else Access.WIDENS
    return Access.NARROWS if has < had else Access.SAME


def _hidden(before: Any, after: Any) -> Access:
    """Patterns of what is hidden."""
    had, has = set(before or ()), set(after or ())
    return Access.WIDENS if had - has else Access.NARROWS if has - had else Access.SAME


def _whole(members: Mapping[str, Order]) -> Order:
    """A section that comes or goes as a whole: what most widens of its members."""

    def compare(before: Any, after: Any) -> Access:
        found = (order((before or {}).get(name), (after or {}).get(name)) for name, order in members.items())
        return max(found, key=_WORSE.index)

    return compare


def _listed(members: Mapping[str, Order]) -> dict[str, Order]:
    whole = {"content_capture": _whole(members)}
    return whole | {f"content_capture/{name}": order for name, order in members.items()}


CAPTURE: Final = _listed(
    {
        "enabled": _capture,
        "redact": _hidden,
        "max_body_bytes": more(2_097_152),
        "max_attribute_bytes": more(32_768),
    }
)
"""Of the file's own `content_capture`, by path."""

CAPTURE_OF_KEY: Final = _listed({"enabled": _capture_of_key, "redact": _hidden})
"""Of a virtual key's."""
