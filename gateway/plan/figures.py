"""What the live state knows of use and spend, handed in: a plan asks no database."""

from collections.abc import Mapping, Sequence

import msgspec


class BudgetFigures(msgspec.Struct, frozen=True):
    """One counter of a budget in its present window; `keys` are the active virtual keys that spend from it.

    `spent`, and what is `raised` of the limit for a while, are in what the budget counts: nano-USD, tokens or requests.
    `whose` names whom the counter is for where each has one of their own. `ends_at` is microseconds since the epoch.
    """

    spent: int
    keys: Sequence[str]
    ends_at: int | None = None
    whose: str = ""
    raised: int = 0


class KeyFigures(msgspec.Struct, frozen=True):
    """How a virtual key was used. `requests` are those of the last 7 days that a provider served, by provider/model."""

    requests: Mapping[str, int] = {}
    requests_last_day: int = 0
    last_used_at: int | None = None


class Figures(msgspec.Struct, frozen=True):
    """Everything that is known; what is not there is unknown, not zero.

    Args:
        as_of: When it was read, in microseconds since the epoch.
        budgets: By name.
        keys: By name.
        asked: Requests of the last 24 hours by the model name that clients sent.
        prices: Nano-USD per million input and output tokens, by provider/model.
    """

    as_of: int
    budgets: Mapping[str, Sequence[BudgetFigures]] = {}
    keys: Mapping[str, KeyFigures] = {}
    asked: Mapping[str, int] = {}
    prices: Mapping[str, tuple[int, int]] = {}
