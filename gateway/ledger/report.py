"""Reports of spend: from what was asked, in words, to rows; one composition for the command line and for REST."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, Literal, TypeVar, get_args

import msgspec
from sqlalchemy import Connection

from gateway import clock
from gateway.ledger.period import BadParameterError, Period, moment_text, parse_period
from gateway.ledger.query import FROM_ENTRIES, GroupBy, Scope, Spend, added, spend
from gateway.ledger.retention import pruned_before
from gateway.ledger.rows import HOUR_US
from gateway.money.nano_usd import to_usd
from gateway.money.window import Window
from gateway.usage import FURTHER_KINDS, TOKENS, Usage
from gateway.visible import visible

Sort = Literal["cost", "requests", "name"]
DIMENSIONS: Final[tuple[GroupBy, ...]] = get_args(GroupBy)
FILTERS: Final[Mapping[str, str]] = {
    "key": "virtual_key",
    "principal": "principal",
    "project": "project",
    "team": "team",
    "organization": "organization",
    "provider": "provider",
    "model": "model",
    "end_user": "end_user",
}
"""Parameters that narrow a report down, and the member of `Scope` that each sets."""
SPEND_PARAMETERS: Final = ("by", "from", "to", "timezone", *FILTERS, "sort", "limit")
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 10_000
MOST: Final = 10**18 - 1
"""The largest number of eighteen digits: any of these fits into a column."""

_MOST_DAYS = 400
_MOST_DAYS_OF_HOURS = 31
_MOST_DAYS_OF_ENTRIES = 92
_MOST_GROUPS = 100_000
_BEYOND = _MOST_GROUPS + 1
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_DEFAULT_BY: Final[tuple[GroupBy, ...]] = ("team",)

Parameters = Mapping[str, Sequence[str]]
"""What was asked, in words: the values of each parameter, none empty lists."""
Word = TypeVar("Word", bound=str)


class SpendQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What to report: rows by which dimensions, of which period, of whom, in which order, and at most how many."""

    by: tuple[GroupBy, ...]
    period: Period
    scope: Scope
    sort: Sort
    limit: int


class SpendReport(msgspec.Struct, frozen=True):
    """The answer. `total` is of all rows, also of the `left_out` ones beyond the limit.

    `unpriced` has a row for each provider and model of whose requests something has no price, the most requests first,
    but for the `unpriced_left_out` ones that who told of them left out. `pruned_before` is the moment, in microseconds,
    before which the period has sums alone; `None` where all of its requests have rows.
    """

    question: SpendQuestion
    rows: tuple[Spend, ...]
    left_out: int
    total: Spend
    unpriced: tuple[Spend, ...] = ()
    unpriced_left_out: int = 0
    pruned_before: int | None = None

    @property
    def pruned_told(self) -> str | None:
        """What cannot be said any more of a part of the period, in a sentence; `None` where everything can."""
        if self.pruned_before is None:
            return None
        told = ", ".join(name for name in DIMENSIONS if name in FROM_ENTRIES)
        return (
            f"Requests before {moment_text(self.pruned_before)} are pruned: their sums are in this report, but cannot "
            f"be told apart by {told}."
        )

    @property
    def unpriced_told(self) -> str | None:
        """What the costs leave out, in a sentence; `None` where they leave out nothing."""
        if not self.total.unpriced_requests:
            return None
        models = len(self.unpriced) + self.unpriced_left_out
        return f"{_models_told(models)}, {_requests_told(self.total.unpriced_requests)}."


def read_question(parameters: Parameters, now: datetime, *, owners: tuple[str, ...] | None = None) -> SpendQuestion:
    """The question that parameters in words ask, of the keys of owners perhaps; those of `SPEND_PARAMETERS` are known.

    Raises:
        BadParameterError: One has a value that it cannot have.
    """
    by = _dimensions(parameters.get("by", ()))
    first, last = read_one(parameters, "from"), read_one(parameters, "to")
    period = parse_period(first, last, now=now, zone=read_one(parameters, "timezone") or "UTC")
    _check(by, period)
    chronological = by[0] in ("day", "hour")
    sort = _one_of("sort", read_one(parameters, "sort"), get_args(Sort), "name" if chronological else "cost")
    return SpendQuestion(
        by=by,
        period=period,
        scope=read_scope(parameters, owners=owners),
        sort=sort,
        limit=read_limit(parameters, DEFAULT_LIMIT),
    )


def _check(by: Sequence[GroupBy], period: Period) -> None:
    """Refuses what would take too long, or say the same twice. Raises `BadParameterError`."""
    days = (period.end - period.start) / _DAY_US
    from_entries = [name for name in by if name in FROM_ENTRIES]
    if "day" in by and "hour" in by:
        raise BadParameterError("by", "an hour lies in one day: give `hour` or `day`, not both")
    if "day" in by and period.zone != "UTC" and days > _MOST_DAYS:
        raise BadParameterError("by", f"days of another time zone than UTC are reported for {_MOST_DAYS} days at once")
    if "hour" in by and days > _MOST_DAYS_OF_HOURS:
        raise BadParameterError("by", f"hours are reported for {_MOST_DAYS_OF_HOURS} days at once")
    if from_entries and days > _MOST_DAYS_OF_ENTRIES:
        raise BadParameterError(
            "by", f"{from_entries[0]} is summed request by request, for {_MOST_DAYS_OF_ENTRIES} days at once"
        )


def read_scope(parameters: Parameters, *, owners: tuple[str, ...] | None = None) -> Scope:
    """Whom the filters of `FILTERS` leave, of the keys of owners perhaps. Raises `BadParameterError`."""
    return Scope(**{member: read_one(parameters, name) for name, member in FILTERS.items()}, owners=owners)


def read_limit(parameters: Parameters, default: int, most: int = MAX_LIMIT) -> int:
    """How many rows may come. Raises `BadParameterError`."""
    text = read_one(parameters, "limit")
    if text is None:
        return default
    if not (limit := whole_number(text, most)):
        raise BadParameterError("limit", f"{text!r} is no whole number from 1 to {most}")
    return limit


def whole_number(text: str, most: int = MOST) -> int | None:
    """The number that decimal digits write; `None` where they write none from 0 to `most`."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        return None
    return number if (number := int(text)) <= most else None


def read_one(parameters: Parameters, name: str) -> str | None:
    """The only value of a parameter, `None` where it is absent. Raises `BadParameterError` for several."""
    values = parameters.get(name, ())
    if len(values) > 1:
        raise BadParameterError(name, "this is given once")
    return values[0] if values else None


def spend_report(connection: Connection, question: SpendQuestion) -> SpendReport:
    """Asks the ledger. A period that begins or ends where requests are pruned is widened to whole hours of UTC.

    Raises:
        BadParameterError: There are more groups than anybody could read, or requests are asked for that are pruned.
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    before = pruned_before(connection)
    question = msgspec.structs.replace(question, period=_on_the_hour(question.period, before))
    rows = sorted(_rows(connection, question), key=attrgetter("group"))
    if question.sort != "name":
        figure = attrgetter("cost_nano_usd" if question.sort == "cost" else "requests")
        rows.sort(key=figure, reverse=True)
    kept = tuple(_in_zone(row, question) for row in rows[: question.limit])
    total = _total(connection, question, rows)
    unpriced = unpriced_spend(connection, question.period, question.scope) if total.unpriced_requests else ()
    cut = before if question.period.start < before else None
    return SpendReport(question, kept, len(rows) - len(kept), total, unpriced, pruned_before=cut)


def unpriced_spend(connection: Connection, period: Period, scope: Scope) -> tuple[Spend, ...]:
    """A row for each provider and model of whose requests something has no price, the most requests first.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    found = spend(connection, ("provider", "model"), start=period.start, end=period.end, scope=scope)
    rows = [row for row in found if row.unpriced_requests]
    return tuple(sorted(rows, key=attrgetter("unpriced_requests"), reverse=True))


def told_unpriced(rows: Sequence[Spend]) -> tuple[str, str]:
    """What the costs of `unpriced_spend` leave out: how many models, and how many requests."""
    return _models_told(len(rows)), _requests_told(sum(row.unpriced_requests for row in rows))


def _models_told(models: int) -> str:
    return f"{models:,} {'model' if models == 1 else 'models'} without a price"


def _requests_told(requests: int) -> str:
    return f"{requests:,} {'request' if requests == 1 else 'requests'}: what these cost is in no sum"


def document(report: SpendReport) -> dict[str, Any]:
    """The report for machines, of plain values; money as whole nano-USD and as exact text in US dollars."""
    question = report.question
    period = question.period
    return {
        "from": moment_text(period.start, period.zone),
        "to": moment_text(period.end, period.zone),
        "timezone": period.zone,
        "by": question.by,
        "filters": {
            name: value for name, member in FILTERS.items() if (value := getattr(question.scope, member)) is not None
        },
        "sort": question.sort,
        "rows": [{"group": dict(zip(question.by, row.group, strict=True)), **_figures(row)} for row in report.rows],
        "rows_left_out": report.left_out,
        "pruned_before": None if report.pruned_before is None else moment_text(report.pruned_before),
        "total": _figures(report.total),
        "unpriced": {
            "requests": report.total.unpriced_requests,
            "models": [
                {"provider": row.group[0], "model": row.group[1], "requests": row.unpriced_requests}
                for row in report.unpriced[:DEFAULT_LIMIT]
            ],
            "models_left_out": max(0, len(report.unpriced) - DEFAULT_LIMIT),
        },
    }


def read_document(question: SpendQuestion, told: Mapping[str, Any]) -> SpendReport:
    """The report that somebody else made a document of; of what has no price it has names and numbers of requests."""
    unpriced, cut = told["unpriced"], told.get("pruned_before")
    start, end = (clock.microseconds_of(datetime.fromisoformat(told[name])) for name in ("from", "to"))
    return SpendReport(
        question=msgspec.structs.replace(question, period=Period(start, end, question.period.zone)),
        rows=tuple(_read_figures(tuple(row["group"][name] for name in question.by), row) for row in told["rows"]),
        left_out=told["rows_left_out"],
        total=_read_figures((), told["total"]),
        unpriced=tuple(
            Spend(
                group=(one["provider"], one["model"]),
                requests=one["requests"],
                usage=Usage(),
                cost_nano_usd=0,
                unpriced_requests=one["requests"],
            )
            for one in unpriced["models"]
        ),
        unpriced_left_out=unpriced["models_left_out"],
        pruned_before=None if cut is None else clock.microseconds_of(datetime.fromisoformat(cut)),
    )


def csv_text(report: SpendReport) -> str:
    """The rows as CSV (RFC 4180) with a line of names; without a total, so that a column can be summed."""
    out = io.StringIO()
    writer = csv.writer(out)
    further = further_kinds(report.rows)
    names = [*report.question.by, "requests", *TOKENS, "cost_nano_usd", "cost_usd", "unpriced_requests"]
    writer.writerow([*names, *map(inert, further)])
    for row in report.rows:
        tokens = [getattr(row.usage, kind) for kind in TOKENS]
        cost, others = row.cost_nano_usd, row.usage.further or {}
        figures = [row.requests, *tokens, cost, to_usd(cost), row.unpriced_requests]
        writer.writerow([*map(inert, row.group), *figures, *(others.get(kind, 0) for kind in further)])
    return out.getvalue()


def further_kinds(rows: Iterable[Spend]) -> list[str]:
    """The kinds besides the usual tokens that some row has, in the order of `FURTHER_KINDS`."""
    found = {kind for row in rows for kind in row.usage.further or ()}
    return [*(kind for kind in FURTHER_KINDS if kind in found), *sorted(found - FURTHER_KINDS.keys())]


def inert(text: str) -> str:
    """A text that neither a spreadsheet nor a terminal obeys: names may come from clients (OWASP, CSV injection)."""
    shown = visible(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def _figures(row: Spend) -> dict[str, Any]:
    return {
        "requests": row.requests,
        "tokens": {kind.removesuffix("_tokens"): getattr(row.usage, kind) for kind in TOKENS},
        "further": row.usage.further or {},
        "cost_nano_usd": row.cost_nano_usd,
        "cost_usd": to_usd(row.cost_nano_usd),
        "unpriced_requests": row.unpriced_requests,
    }


def _read_figures(group: tuple[str, ...], told: Mapping[str, Any]) -> Spend:
    tokens = {kind: told["tokens"][kind.removesuffix("_tokens")] for kind in TOKENS}
    return Spend(
        group=group,
        requests=told["requests"],
        usage=Usage(**tokens, further=told["further"] or msgspec.UNSET),
        cost_nano_usd=told["cost_nano_usd"],
        unpriced_requests=told["unpriced_requests"],
    )


def _rows(connection: Connection, question: SpendQuestion) -> list[Spend]:
    period, by = question.period, question.by
    if "day" not in by or period.zone == "UTC":
        return _bounded(spend(connection, by, start=period.start, end=period.end, scope=question.scope, most=_BEYOND))
    place = by.index("day")
    others = tuple(name for name in by if name != "day")
    rows = []
    for day, start, end in _days(period):
        for row in spend(connection, others, start=start, end=end, scope=question.scope, most=_BEYOND):
            group = (*row.group[:place], day, *row.group[place:])
            rows.append(msgspec.structs.replace(row, group=group))
        _bounded(rows)
    return rows


def _on_the_hour(period: Period, before: int) -> Period:
    start = period.start // HOUR_US * HOUR_US if period.start < before else period.start
    end = -(-period.end // HOUR_US) * HOUR_US if period.end < before else period.end
    return Period(start, end, period.zone)


def _bounded(rows: Sequence[Spend]) -> list[Spend]:
    if len(rows) > _MOST_GROUPS:
        message = (
            f"there are more than {_MOST_GROUPS:,} groups; ask for a shorter period, fewer dimensions, or a filter"
        )
        raise BadParameterError("by", message)
    return [*rows]


def _in_zone(row: Spend, question: SpendQuestion) -> Spend:
    """Hours begin where they do in UTC, and are written by the clocks of the zone."""
    if "hour" not in question.by or question.period.zone == "UTC":
        return row
    place = question.by.index("hour")
    moment = int(datetime.fromisoformat(row.group[place]).timestamp()) * _SECOND_US
    text = moment_text(moment, question.period.zone)
    return msgspec.structs.replace(row, group=(*row.group[:place], text, *row.group[place + 1 :]))


def _days(period: Period) -> Iterator[tuple[str, int, int]]:
    """The days of a zone that a period touches, each cut to the period."""
    window, at = Window("day", period.zone), period.start
    while at < period.end:
        span = window.span(at // _SECOND_US)
        behind = min((span.end or 0) * _SECOND_US, period.end)
        yield span.id, at, behind
        at = behind


def _total(connection: Connection, question: SpendQuestion, rows: Sequence[Spend]) -> Spend:
    """Of all requests, each counted once, however many tags it has."""
    if "tag" not in question.by:
        return added(rows)
    period = question.period
    return added(spend(connection, (), start=period.start, end=period.end, scope=question.scope))


def _dimensions(written: Sequence[str]) -> tuple[GroupBy, ...]:
    names = [name.strip() for text in written for name in text.split(",") if name.strip()]
    by = tuple(_one_of("by", name, DIMENSIONS, "team") for name in names)
    return tuple(dict.fromkeys(by)) or _DEFAULT_BY


def _one_of(parameter: str, text: str | None, known: tuple[Word, ...], default: Word) -> Word:
    if text is None:
        return default
    for word in known:
        if text == word:
            return word
    raise BadParameterError(parameter, f"{text!r} is none of {', '.join(known)}")
