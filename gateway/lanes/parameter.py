"""The form of a lane's table: every parameter of the client's API, and what becomes of it."""

import enum
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway.errors import GatewayError


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
