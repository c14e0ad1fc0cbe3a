"""How plans write amounts, moments and numbers of things."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

_NAMES_SHOWN: Final = 3
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def moment(when: datetime) -> str:
    """`1 Dec 2026 00:00 UTC`."""
    return f"{when.day} {when:%b %Y %H:%M} UTC"


def ago(microseconds: int, now: int) -> str:
    """`2 h ago`; `119 min ago` and `47 h ago` before it is two of the next, since what is cut off is half of one."""
    seconds = max(0, (now - microseconds) // 1_000_000)
    for unit, size, least in (("d", _DAY, 2), ("h", _HOUR, 2), ("min", _MINUTE, 1)):
        if seconds >= least * size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def count(number: int, thing: str) -> str:
    """`1 key`, `3 keys`, `2 aliases`, `12 creates`."""
    plural = "es" if thing.endswith("s") else "s"
    return f"{number:,} {thing}{'' if number == 1 else plural}"


def names(some: Sequence[str]) -> str:
    """The first few of them."""
    more = len(some) - _NAMES_SHOWN
    listed = ", ".join(some[:_NAMES_SHOWN])
    return f"{listed} and {more:,} more" if more > 0 else listed
