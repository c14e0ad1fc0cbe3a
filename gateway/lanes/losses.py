"""What a translation leaves out: every object of the request is judged here, member by member, by the lane's table."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.lanes.parameter import UNKNOWN, LaneTable, Parameter, Treatment

_SHOWN: Final = 64
_UNPRINTABLE: Final = re.compile(r"[^A-Za-z0-9_.-]")


class Losses:
    """Gathers the parameters that one request loses; with `strict` the first one is refused instead."""

    __slots__ = ("_names", "_strict", "_table")

    def __init__(self, table: LaneTable, *, strict: bool) -> None:
        self._table = table
        self._strict = strict
        self._names: dict[str, None] = {}

    @property
    def names(self) -> Sequence[str]:
        """What was dropped, each name once, in the order of the request."""
        return tuple(self._names)

    def judge(self, members: Mapping[str, Any], name: str, path: str) -> None:
        """Drops, ignores or refuses the members of an object; the mapped ones are left to the caller.

        `name` is the object's in the table (`tools[]`), `path` where it stands in this body (`tools[3]`).
        """
        for key, value in members.items():
            row = self._table.rows.get(f"{name}.{key}" if name else key, UNKNOWN)
            if row.treatment in (Treatment.MAPPED, Treatment.IGNORED) or _asks_for_nothing(value, row):
                continue
            # A key that the table does not have is the client's own text; names end up in a response header.
            shown = _UNPRINTABLE.sub("?", key[:_SHOWN])
            self._settle(row, f"{name}.{shown}" if name else shown, f"{path}.{shown}" if path else shown)

    def drop(self, name: str, path: str, reason: str) -> None:
        """Leaves out a parameter that is mapped, but not for this value or this model."""
        self._settle(Parameter(Treatment.DROPPED, reason), name, path)

    def _settle(self, row: Parameter, name: str, path: str) -> None:
        if row.treatment is Treatment.REFUSED:
            raise self._table.unsupported(path, row.note)
        if self._strict:
            raise self._table.unsupported(path, f"{row.note} `drop_tuning_params` is false, so it is not left out.")
        self._names[name] = None


def _asks_for_nothing(value: Any, row: Parameter) -> bool:
    # Python takes 0 and false for equal; JSON does not.
    return value is None or any(type(value) is type(harmless) and value == harmless for harmless in row.harmless)
