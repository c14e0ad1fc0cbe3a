"""What becomes of every parameter of the client's API on a lane, as a table, and what one request loses by it."""

import enum
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.errors import GatewayError
from gateway.lanes.conversation import Feature

_SHOWN: Final = 64
_INDEX: Final = re.compile(r"\[\d+\]")
_UNPRINTABLE: Final = re.compile(r"[^A-Za-z0-9_.-]")


class Treatment(enum.StrEnum):
    """What becomes of a parameter."""

    MAPPED = "mapped"
    """It has a counterpart, or several."""

    IGNORED = "ignored"
    """It is left out without a report: the answer is the same without it."""

    DROPPED = "dropped"
    """It is left out and reported, or refused for a client that sent `drop_tuning_params: false`."""

    REFUSED = "refused"
    """It has no counterpart and the answer would not be the one that was asked for."""


_SILENT: Final = (Treatment.MAPPED, Treatment.IGNORED)


class Parameter(NamedTuple):
    """A row: the treatment, the target or the reason, and the values that ask for nothing (`null` always does)."""

    treatment: Treatment
    note: str
    harmless: tuple[Any, ...] = ()


class LaneTable(NamedTuple):
    """One lane, such as `openai -> anthropic`, and its rows by name.

    A name is the way to the parameter: `tools[].function.strict`, and `messages[].content[type=file]` for a kind of
    part. What stands in no row is treated as `UNKNOWN`.
    """

    lane: str
    rows: Mapping[str, Parameter]

    def unsupported(self, path: str, reason: str) -> GatewayError:
        """The refusal of a parameter that cannot be translated, with the lane and the reason."""
        message = f"`{path}` is not supported on the lane {self.lane}: {reason}"
        return GatewayError("unsupported_parameter", message, param=path)


UNKNOWN = Parameter(Treatment.DROPPED, "This parameter is not known to the lane.")
"""The row of whatever has none."""


class Carried(NamedTuple):
    """A client's parameter that stands for a feature: what becomes of it is the target's to say.

    `harmless` are its values that ask for nothing. `note` is what is to be said of it on every lane.
    """

    feature: Feature
    harmless: tuple[Any, ...] = ()
    note: str = ""


ClientTable = Mapping[str, Carried | Parameter]
"""Every parameter of a client's API by its name: a feature, or what becomes of it whatever the target is."""

TargetTable = Mapping[Feature, Parameter]
"""What becomes of each feature at a provider's API."""


def lane_table(lane: str, client: ClientTable, target: TargetTable) -> LaneTable:
    """The rows of the lane from a client's API to a target's."""
    return LaneTable(lane, {name: _joined(row, target) for name, row in client.items()})


def _joined(row: Carried | Parameter, target: TargetTable) -> Parameter:
    if isinstance(row, Parameter):
        return row
    treated = target[row.feature]
    return Parameter(
        treated.treatment, " ".join(filter(None, (row.note, treated.note))), (*row.harmless, *treated.harmless)
    )


class Losses:
    """Gathers the parameters that one request loses; with `strict` the first one is refused instead."""

    __slots__ = ("_names", "_strict", "table")

    def __init__(self, table: LaneTable, *, strict: bool) -> None:
        self.table = table
        self._strict = strict
        self._names: dict[str, None] = {}

    @property
    def names(self) -> Sequence[str]:
        """What was dropped, each name once, in the order of the request."""
        return tuple(self._names)

    def takes(self, name: str) -> bool:
        """Whether a parameter goes on, so that its members are to be judged as well."""
        return self.table.rows.get(name, UNKNOWN).treatment is Treatment.MAPPED

    def judge(self, members: Mapping[str, Any], name: str, path: str) -> None:
        """Drops, ignores or refuses the members of an object; the mapped ones are left to the caller.

        `name` is the object's in the table (`tools[]`), `path` where it stands in this body (`tools[3]`).
        """
        rows = self.table.rows
        for key, value in members.items():
            row = rows.get(f"{name}.{key}" if name else key, UNKNOWN)
            if row.treatment in _SILENT or _asks_for_nothing(value, row):
                continue
            # A key that the table does not have is the client's own text; names end up in a response header.
            shown = _UNPRINTABLE.sub("?", key[:_SHOWN])
            self._settle(row, f"{name}.{shown}" if name else shown, f"{path}.{shown}" if path else shown)

    def lose(self, path: str, reason: str) -> None:
        """Leaves out what stands at a path, though it is mapped, and reports it by the path without its indexes."""
        self.drop(_INDEX.sub("[]", path), path, reason)

    def drop(self, name: str, path: str, reason: str) -> None:
        """Leaves out a parameter that is mapped, but not for this value or this model."""
        self._settle(Parameter(Treatment.DROPPED, reason), name, path)

    def _settle(self, row: Parameter, name: str, path: str) -> None:
        if row.treatment is Treatment.REFUSED:
            raise self.table.unsupported(path, row.note)
        if self._strict:
            raise self.table.unsupported(path, f"{row.note} `drop_tuning_params` is false, so it is not left out.")
        self._names[name] = None


def _asks_for_nothing(value: Any, row: Parameter) -> bool:
    # Python takes 0 and false for equal; JSON does not.
    return value is None or any(type(value) is type(harmless) and value == harmless for harmless in row.harmless)
