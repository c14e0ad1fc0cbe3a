"""What rules and limits that only warn would have refused, by key: what enforcing them comes to."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Text, case, cast, func

from gateway.ledger import by_request, names
from gateway.ledger.by_request import RequestsQuestion
from gateway.ledger.report import Parameters
from gateway.money.nano_usd import to_usd
from gateway.shapes.deferred import KINDS
from gateway.storage.tables import ledger_entries

MOST_MODELS: Final = 20
"""So many models are named of one key and rule, those with the most requests."""


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


def read_question(parameters: Parameters, now: datetime, *, owners: tuple[str, ...] | None = None) -> RequestsQuestion:
    """The question that parameters in words ask, as `by_request.read_question`."""
    return by_request.read_question(parameters, now, "counted", owners=owners)


def warned_requests(connection: Connection, question: RequestsQuestion) -> tuple[WarnedRequests, ...]:
    """What would have been refused, by key and rule, the most requests first. A request counts for each of its rules.

    Raises as `by_request.groups_of`.
    """
    columns, known = ledger_entries.c, names.read(connection)
    figures = (
        func.count().label("entries"),
        # What a request left to go on at its provider has a row of its own, with what that cost.
        func.sum(case((columns.endpoint.in_(sorted(KINDS)), 0), else_=1)).label("requests"),
        func.sum(columns.cost_nano_usd).label("cost_nano_usd"),
        func.max(columns.request_id).label("last_request"),
    )
    by = (columns.virtual_key, columns.provider, columns.model, cast(columns.warnings, Text).label("rules"))
    rows = by_request.groups_of(connection, question, known, by, figures, columns.warnings.is_not(None))
    found: dict[tuple[str, str], _Sums] = {}
    for row in rows:
        key = known.name_of("virtual_keys", row["virtual_key"])
        target = f"{known.name_of('providers', row['provider'])}/{row['model']}" if row["model"] else None
        for rule in json.loads(row["rules"]):
            found.setdefault((key, rule), _Sums()).add({**row}, target)
    told = [sums.told(key, rule) for (key, rule), sums in found.items()]
    return tuple(sorted(told, key=lambda one: (-one.requests, one.virtual_key, one.rule)))


class _Sums:
    """What is known of one key and rule so far."""

    def __init__(self) -> None:
        self._models: Counter[str] = Counter()
        self._requests = 0
        self._cost = 0
        self._moments: list[int] = []
        self._last = ""

    def add(self, row: Mapping[str, Any], target: str | None) -> None:
        """Adds the requests of a row, that went to a model, if to any."""
        if target is not None:
            self._models[target] += int(row["entries"])
        self._requests += int(row["requests"])
        self._cost += int(row["cost_nano_usd"])
        self._moments += int(row["first_at"]), int(row["last_at"])
        self._last = max(self._last, row["last_request"])

    def told(self, key: str, rule: str) -> WarnedRequests:
        """All of it."""
        return WarnedRequests(
            virtual_key=key,
            rule=rule,
            requests=self._requests,
            cost_nano_usd=self._cost,
            models=tuple(model for model, _ in self._models.most_common(MOST_MODELS)),
            first_at=min(self._moments),
            last_at=max(self._moments),
            last_request=self._last,
        )


def document(found: Sequence[WarnedRequests]) -> list[dict[str, Any]]:
    """The rows for machines."""
    return [{**by_request.told(one), "cost_usd": to_usd(one.cost_nano_usd)} for one in found]


def read_document(told: Iterable[Mapping[str, Any]]) -> tuple[WarnedRequests, ...]:
    """The rows that somebody else made a document of."""
    rows = map(by_request.read_told, told)
    return tuple(WarnedRequests(**{name: row[name] for name in WarnedRequests.__struct_fields__}) for row in rows)


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
    return by_request.csv_text(_COLUMNS, document(found))
