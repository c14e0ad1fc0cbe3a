"""Entries as rows of the database, and back."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from gateway.ledger.entry import Charge, LedgerEntry
from gateway.ledger.storable import TEXTS, stored_text
from gateway.storage.tables import TOKENS
from gateway.usage import Usage

HOUR_US: Final = 3_600_000_000
DAY_HOURS: Final = 24
_LARGEST = 10**18
_FIGURES: Final = (*TOKENS, "cost_nano_usd")


def row_of(entry: LedgerEntry) -> dict[str, Any]:
    """The entry as a row of `ledger_entries`. Figures that no database could hold are cut to the largest one."""
    row = msgspec.structs.asdict(entry)
    for name in TEXTS:
        row[name] = stored_text(row[name])
    row.update(msgspec.structs.asdict(row.pop("usage")))
    for name in _FIGURES:
        if not -_LARGEST <= row[name] <= _LARGEST:
            row[name] = _bounded(row[name])
    row["day"] = day_text(entry.occurred_at // (DAY_HOURS * HOUR_US))
    row["tags"] = [stored_text(tag) for tag in entry.tags]
    row["budgets"] = [[stored_text(charge.counter), _bounded(charge.amount)] for charge in entry.budgets]
    return row


def entry_of(row: Mapping[str, Any]) -> LedgerEntry:
    """The entry that a row of `ledger_entries` was made from."""
    return LedgerEntry(
        occurred_at=row["occurred_at"],
        tags=tuple(row["tags"]),
        status=row["status"],
        usage=Usage(**{name: row[name] for name in TOKENS}),
        cost_nano_usd=row["cost_nano_usd"],
        price=row["price"],
        budgets=tuple(Charge(counter, amount) for counter, amount in row["budgets"]),
        **{name: row[name] for name in TEXTS},
    )


@lru_cache(maxsize=64)
def day_text(day: int) -> str:
    """The day so many days after 1970-01-01, as `YYYY-MM-DD`."""
    return datetime.fromtimestamp(day * DAY_HOURS * 3600, UTC).strftime("%Y-%m-%d")


def _bounded(figure: int) -> int:
    return max(-_LARGEST, min(figure, _LARGEST))
