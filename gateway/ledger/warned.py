"""What rules and limits that only warn would have refused, by key: what enforcing them comes to."""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Text, cast, func, select

from gateway import clock
from gateway.ledger import names
from gateway.ledger.period import BadParameterError, Period, parse_period
from gateway.ledger.report import FILTERS, Parameters, inert, read_one, read_scope
from gateway.ledger.retention import check_kept
from gateway.ledger.scope import Scope
from gateway.money.nano_usd import to_usd
from gateway.storage.tables import ledger_entries

PARAMETERS: Final = ("from", "to", "timezone", *FILTERS)
MOST_MODELS: Final = 20
"""So many models are named of one key and rule, those with the most requests."""

_MOST_DAYS: Final = 92
_MOST_GROUPS: Final = 100_000
_DAY_US: Final = 86_400_000_000


class WarnedQuestion(msgspec.Struct, frozen=True):
    """Which period, and whose requests."""

    period: Period
    scope: Scope


class WarnedRequests(msgspec.Struct, frozen=True, kw_only=True):
    """Requests of one key that one rule or limit would have refused.

    `rule` is its name as `X-LangWatch-Warnings` has it. `models` went by the name of `provider/model`, those with the
    most requests first. Moments are microseconds since the epoch; `last_request` is the id of the latest.
    """

    virtual_key: str
    rule: str
    requests: int
    cost_nano_usd: int
    models: tuple[str, ...]
    first_at: int
    last_at: int
    last_request: str


def read_question(parameters: Parameters, now: datetime, *, owners: tuple[str, ...] | None = None) -> WarnedQuestion:
    """The question that parameters in words ask, of the keys of owners perhaps; those of `PARAMETERS` are known.

    Raises `BadParameterError`.
    """
    first, last = read_one(parameters, "from"), read_one(parameters, "to")
    period = parse_period(first, last, now=now, zone=read_one(parameters, "timezone") or "UTC")
    if period.end - period.start > _MOST_DAYS * _DAY_US:
        raise BadParameterError("from", f"this is counted request by request, for {_MOST_DAYS} days at once")
    return WarnedQuestion(period, read_scope(parameters, owners=owners))


def warned_requests(connection: Connection, question: WarnedQuestion) -> tuple[WarnedRequests, ...]:
    """What would have been refused, by key and rule, the most requests first. A request counts for each of its rules.

    Raises:
        BadParameterError: There are more groups than anybody could read, or requests of the period are pruned.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    check_kept(connection, question.period.start, "this is counted request by request")
    columns, period, known = ledger_entries.c, question.period, names.read(connection)
    warnings = cast(columns.warnings, Text)
    groups = (columns.virtual_key, columns.provider, columns.model)
    statement = (
        select(
            *groups,
            warnings.label("rules"),
            func.count().label("requests"),
            func.sum(columns.cost_nano_usd).label("cost_nano_usd"),
            func.min(columns.occurred_at).label("first_at"),
            func.max(columns.occurred_at).label("last_at"),
            func.max(columns.request_id).label("last_request"),
        )
        .where(columns.occurred_at >= period.start, columns.occurred_at < period.end)
        .where(columns.warnings.is_not(None), *question.scope.conditions(ledger_entries, known))
        .group_by(*groups, warnings)
        .limit(_MOST_GROUPS + 1)
    )
    rows = connection.execute(statement).mappings().all()
    if len(rows) > _MOST_GROUPS:
        raise BadParameterError("from", f"there are more than {_MOST_GROUPS:,} groups; ask for a shorter period")
    found: dict[tuple[str, str], _Sums] = {}
    for row in rows:
        key = known.name_of("virtual_keys", row["virtual_key"])
        target = f"{known.name_of('providers', row['provider'])}/{row['model']}"
        for rule in json.loads(row["rules"]):
            found.setdefault((key, rule), _Sums()).add({**row}, target)
    told = [sums.told(key, rule) for (key, rule), sums in found.items()]
    return tuple(sorted(told, key=lambda one: (-one.requests, one.virtual_key, one.rule)))


class _Sums:
    """What is known of one key and rule so far."""

    def __init__(self) -> None:
        self._models: Counter[str] = Counter()
        self._cost = 0
        self._moments: list[int] = []
        self._last = ""

    def add(self, row: Mapping[str, Any], target: str) -> None:
        """Adds the requests of a row, that went to a model."""
        self._models[target] += int(row["requests"])
        self._cost += int(row["cost_nano_usd"])
        self._moments += int(row["first_at"]), int(row["last_at"])
        self._last = max(self._last, row["last_request"])

    def told(self, key: str, rule: str) -> WarnedRequests:
        """All of it."""
        return WarnedRequests(
            virtual_key=key,
            rule=rule,
            requests=self._models.total(),
            cost_nano_usd=self._cost,
            models=tuple(model for model, _ in self._models.most_common(MOST_MODELS)),
            first_at=min(self._moments),
            last_at=max(self._moments),
            last_request=self._last,
        )


def document(found: Sequence[WarnedRequests]) -> list[dict[str, Any]]:
    """The rows for machines."""
    return [
        {
            **msgspec.structs.asdict(one),
            "cost_usd": to_usd(one.cost_nano_usd),
            "first_at": clock.iso_of_microseconds(one.first_at),
            "last_at": clock.iso_of_microseconds(one.last_at),
        }
        for one in found
    ]


def read_document(told: Iterable[Mapping[str, Any]]) -> tuple[WarnedRequests, ...]:
    """The rows that somebody else made a document of."""
    return tuple(
        WarnedRequests(
            virtual_key=one["virtual_key"],
            rule=one["rule"],
            requests=one["requests"],
            cost_nano_usd=one["cost_nano_usd"],
            models=tuple(one["models"]),
            first_at=clock.microseconds_of(datetime.fromisoformat(one["first_at"])),
            last_at=clock.microseconds_of(datetime.fromisoformat(one["last_at"])),
            last_request=one["last_request"],
        )
        for one in told
    )


_COLUMNS: Final = (
    "virtual_key",
    "rule",
    "requests",
    "cost_nano_usd",
    "cost_usd",
    "models",
    "first_at",
    "last_at",
    "last_request",
)


def csv_text(found: Sequence[WarnedRequests]) -> str:
    """The rows as CSV (RFC 4180) with a line of names."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    for one in document(found):
        texts = {**one, "models": "; ".join(one["models"])}
        writer.writerow([inert(value) if isinstance(value, str) else value for value in map(texts.get, _COLUMNS)])
    return out.getvalue()
