"""Parts of statements: as many values as one may name, and whose rows it is about."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, TypeVar

from sqlalchemy import ColumnElement

_AT_A_TIME: Final = 500

_Any = TypeVar("_Any")


def portions(values: Sequence[_Any]) -> Iterator[Sequence[_Any]]:
    """Values in as many at once as a statement may carry as parameters."""
    return (values[start : start + _AT_A_TIME] for start in range(0, len(values), _AT_A_TIME))


def of_owners(owner: ColumnElement[str], owners: Collection[str] | None) -> list[ColumnElement[bool]]:
    """The conditions that leave what is those owners', by the column that says whose a row is; `None`: everybody's."""
    return [] if owners is None else [owner.in_(owners)]
