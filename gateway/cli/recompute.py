"""`gateway spend --recompute`: what was charged beside what it would cost at the prices of the file."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway import clock
from gateway.cli.database import database
from gateway.cli.output import print_json, results, say
from gateway.cli.prices import load_config
from gateway.cli.tables import cell, exact_usd, new_table, print_table
from gateway.ledger.period import BadParameterError
from gateway.ledger.recompute import Recomputed, recompute
from gateway.ledger.report import SpendQuestion, inert
from gateway.money.cost import AnswerCost
from gateway.snapshot.answer_costs import cost_of
from gateway.snapshot.prices import Prices
from gateway.telemetry.decision_record import DecisionRecord
from gateway.usage import Usage

_SECOND_US = 1_000_000


def show(question: SpendQuestion, paths: Sequence[Path], prices_at: str, form: str, url: str | None) -> None:
    """Asks the ledger and prints `table`, `csv` or `json`."""
    if "tag" in question.by:
        raise BadParameterError(
            "by", "a request has several tags but one price; --recompute knows all others than `tag`"
        )
    loaded = load_config(paths)
    prices, now = Prices(loaded), clock.now()

    def costs(entry: DecisionRecord, usage: Usage) -> AnswerCost | None:
        at = now if prices_at == "now" else entry.occurred_at / _SECOND_US
        return cost_of(
            prices, entry.provider or "", entry.provider_type or "", entry.model or "", usage, entry.served, at
        )

    period = question.period
    with database(url) as engine, engine.connect() as connection:
        rows = recompute(
            connection, question.by, start=period.start, end=period.end, cost_of=costs, scope=question.scope
        )
    if form == "json":
        document = [
            {**msgspec.structs.asdict(row), "group": dict(zip(question.by, row.group, strict=True))} for row in rows
        ]
        print_json(document)
    elif form == "csv":
        results.out(_csv(question, rows), end="")
    else:
        _print(question, rows, prices_at)


_MEANT = {"now": "at today's prices", "request": "at its day's prices"}


def _csv(question: SpendQuestion, rows: tuple[Recomputed, ...]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(
        [*question.by, "requests", "charged_nano_usd", "recomputed_nano_usd", "unpriced_requests", "stated_requests"]
    )
    for row in rows:
        writer.writerow([*map(inert, row.group), row.requests, row.charged, row.recomputed, row.unpriced, row.stated])
    return out.getvalue()


def _print(question: SpendQuestion, rows: tuple[Recomputed, ...], prices_at: str) -> None:
    table = new_table()
    for dimension in question.by:
        table.add_column(dimension.replace("_", " "))
    for name in ("requests", "charged (USD)", _MEANT[prices_at], "difference"):
        table.add_column(name, justify="right", no_wrap=True)
    total = (sum(row.charged for row in rows), sum(row.recomputed for row in rows))
    amounts = [amount for row in rows for amount in (row.charged, row.recomputed, row.recomputed - row.charged)]
    texts = iter(exact_usd([*amounts, *total, total[1] - total[0]]))
    for row in rows:
        names = [cell(name) if name else cell("(none)", "dim") for name in row.group]
        table.add_row(*names, f"{row.requests:,}", next(texts), next(texts), next(texts))
    table.add_section()
    requests = f"{sum(row.requests for row in rows):,}"
    table.add_row(
        "total", *[""] * (len(question.by) - 1), requests, next(texts), next(texts), next(texts), style="bold"
    )
    print_table(table)
    unpriced = sum(row.unpriced for row in rows)
    if unpriced:
        say(
            f"Requests of which something has no price: {unpriced}; where that is the model, they stay at what "
            "was charged."
        )
    if stated := sum(row.stated for row in rows):
        say(f"Requests that were charged what their answers stated: {stated}; they stay at that.")
