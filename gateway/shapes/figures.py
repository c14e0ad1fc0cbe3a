"""Single figures as providers state them: read when they are plausible, else as if they were not there."""

from typing import Any

_ABSURD = 10**12


def count(stated: Any) -> int | None:
    """A number of tokens, `None` for anything else."""
    if type(stated) is int and 0 <= stated < _ABSURD:
        return stated
    return None


def detail(details: Any, name: str) -> int:
    """A number of tokens inside an object of details, 0 when it is not stated."""
    return (count(details.get(name)) or 0) if isinstance(details, dict) else 0


def first(*stated: Any) -> int | None:
    """The first of several spellings that is a number of tokens."""
    for one in stated:
        figure = count(one)
        if figure is not None:
            return figure
    return None
