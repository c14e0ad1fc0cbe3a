"""Records as rows of the database, and back. Text that is unknown is empty in a row and `None` in a record."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from gateway import clock
from gateway.ledger.storable import TEXTS
from gateway.storage.tables import SERVED, ledger_entries
from gateway.telemetry.decision_record import AttemptRecord, Charge, DecisionRecord
from gateway.usage import TOKENS, Iteration, Served, Usage

HOUR_US: Final = 3_600_000_000
OPENING_BALANCE: Final = "opening_balance"
"""In place of the endpoint: not a request, but what a counter had when its budget came from another gateway."""
DAY_HOURS: Final = 24
_NO_USAGE: Final = Usage()
_NOT_SAID: Final = Served()
_ATTEMPTS: Final = tuple[AttemptRecord, ...]
_ITERATIONS: Final = tuple[Iteration, ...]
_KEPT_TEXTS: Final = tuple(name for name in TEXTS if name != "time")
_ASIS: Final = (
    "status",
    "occurred_at",
    "streaming",
    "duration_ms",
    "first_byte_ms",
    "first_token_ms",
    "prompt_per_mille",
)
_JSON: Final = ("tags", "price", "budgets", "attempts", "warnings")
COLUMNS: Final = (
    "day",
    *_KEPT_TEXTS,
    *_ASIS,
    *TOKENS,
    "cost_nano_usd",
    *_JSON,
    "further",
    *SERVED,
    "iterations",
    "unreadable",
    "longest_prompt",
)
"""The columns of `ledger_entries`, as `columns_of` has them."""

_texts: Final = tuple(map(attrgetter, _KEPT_TEXTS))
_as_is: Final = tuple(map(attrgetter, _ASIS))
_tokens: Final = tuple(map(attrgetter, TOKENS))
_encode = msgspec.json.Encoder().encode


def columns_of(records: Sequence[DecisionRecord]) -> dict[str, Sequence[Any]]:
    """The rows of records that are `gateway.ledger.storable.kept`: of each column one value per record.

    Values are as databases take them: JSON is text.

    PERF: whole columns are made by loops in C, without an object per row that the garbage collector would look at.
    """
    values: tuple[Sequence[Any], ...] = (
        [day_text(record.occurred_at // (DAY_HOURS * HOUR_US)) for record in records],
        *([text or "" for text in map(get, records)] for get in _texts),
        *([*map(get, records)] for get in _as_is),
        *tokens_of(records),
        [record.cost_nano_usd or 0 for record in records],
        [_json(record.tags) if record.tags else "[]" for record in records],
        [None if record.price is None else _json(record.price) for record in records],
        [_json(_pairs(record.budgets)) if record.budgets else "[]" for record in records],
        [_json(record.attempts) for record in records],
        [_json(record.warnings) if record.warnings else None for record in records],
        [_json(record.usage.further) if record.usage and record.usage.further else None for record in records],
        *_served_columns([record.served or _NOT_SAID for record in records]),
    )
    return dict(zip(COLUMNS, values, strict=True))


def tokens_of(records: Sequence[DecisionRecord]) -> list[list[int]]:
    """What each consumed, one column for each of `TOKENS`; nothing is zero."""
    usages = [record.usage or _NO_USAGE for record in records]
    return [[*map(get, usages)] for get in _tokens]


def _served_columns(answers: Sequence[Served]) -> Iterator[Sequence[Any]]:
    yield [one.model or "" for one in answers]
    yield [one.service_tier or "" for one in answers]
    yield [one.speed or "" for one in answers]
    yield [one.region or "" for one in answers]
    yield [_json(one.iterations) if one.iterations else None for one in answers]
    yield [_json(one.unreadable) if one.unreadable else None for one in answers]
    yield [one.longest_prompt for one in answers]


def entry_of(row: Mapping[str, Any]) -> DecisionRecord:
    """The record that a row of `ledger_entries` was made from."""
    texts: dict[str, Any] = {name: row[name] or _UNKNOWN.get(name) for name in _KEPT_TEXTS}
    return DecisionRecord(
        time=clock.iso_of_microseconds(row["occurred_at"]),
        tags=tuple(row["tags"]),
        usage=Usage(**{name: row[name] for name in TOKENS}, further=row["further"] or msgspec.UNSET),
        served=_served_of(row),
        cost_nano_usd=row["cost_nano_usd"],
        price=row["price"],
        budgets=tuple(Charge(counter, amount) for counter, amount in row["budgets"]),
        attempts=attempts_of(row["attempts"]),
        warnings=tuple(row["warnings"]) if row["warnings"] else msgspec.UNSET,
        **{name: row[name] for name in _ASIS},
        **texts,
    )


def _served_of(row: Mapping[str, Any]) -> Served | None:
    served = Served(
        model=row["served_model"] or None,
        service_tier=row["service_tier"] or None,
        speed=row["speed"] or None,
        region=row["region"] or None,
        iterations=msgspec.convert(row["iterations"] or (), _ITERATIONS),
        unreadable=tuple(row["unreadable"] or ()),
        longest_prompt=row["longest_prompt"],
    )
    return None if served == _NOT_SAID else served


def attempts_of(kept_attempts: object) -> tuple[AttemptRecord, ...]:
    """The attempts that a column holds."""
    return msgspec.convert(kept_attempts, _ATTEMPTS)


_UNKNOWN: Final = {
    field.name: field.default for field in msgspec.structs.fields(DecisionRecord) if isinstance(field.default, str)
}


@lru_cache(maxsize=64)
def day_text(day: int) -> str:
    """The day so many days after 1970-01-01, as `YYYY-MM-DD`."""
    return datetime.fromtimestamp(day * DAY_HOURS * 3600, UTC).strftime("%Y-%m-%d")


def hour_text(hour: int) -> str:
    """The moment at which the hour begins that lies so many hours after 1970-01-01, in UTC."""
    return f"{day_text(hour // DAY_HOURS)}T{hour % DAY_HOURS:02}:00:00Z"


def _pairs(charges: tuple[Charge, ...]) -> list[tuple[str, int]]:
    return [(charge.counter, charge.amount) for charge in charges]


def _json(value: object) -> str:
    return _encode(value).decode()


assert set(COLUMNS) == {column.name for column in ledger_entries.columns}  # noqa: S101 - at import, not at midnight
