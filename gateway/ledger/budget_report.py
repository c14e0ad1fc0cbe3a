"""Where budgets stand: what was spent in the present window by the ledger, and what nodes hold of it now."""

from collections.abc import Sequence
from typing import Any, Final, Literal
from urllib.parse import unquote

import msgspec
from sqlalchemy import Connection

from gateway.ledger import names
from gateway.ledger.counter_states import FRESH_US, latest
from gateway.ledger.period import moment_text
from gateway.ledger.query import busiest, charged
from gateway.ledger.rows import HOUR_US
from gateway.money.budget import CompiledBudget, counter_root, raised
from gateway.money.nano_usd import to_usd
from gateway.money.window import Span
from gateway.telemetry.decision_record import NAMED

State = Literal["ok", "warning", "exceeded"]

WARNING_PERCENT: Final = 80
"""The share of a limit from which a budget is in the state `warning`."""
DEFAULT_LIMIT: Final = 20
MAX_LIMIT: Final = 1_000

_ALL_PERCENT = 100
_SECOND_US = 1_000_000


class BudgetRow(msgspec.Struct, frozen=True, kw_only=True):
    """One counter of a budget in its present window.

    Args:
        budget: What limits it.
        span: The present window.
        who: Whose counter it is where everyone has one of their own; `None` for a budget without `each`, and on the
            only row of one that nobody was charged under yet.
        spent: What the ledger says, in the budget's unit (nano-USD, tokens, requests).
        raised: What is on top of the limit for a while, in that unit.
        held: What requests under way hold, in that unit; `None` where no serving process tells.
    """

    budget: CompiledBudget
    span: Span
    who: str | None
    spent: int
    held: int | None
    raised: int = 0

    @property
    def limit(self) -> int:
        """What may be spent at present."""
        return self.budget.limit + self.raised

    @property
    def ceiling(self) -> int:
        """The limit without what the budget keeps back."""
        return self.budget.ceiling + self.raised

    @property
    def percent(self) -> int:
        """How much is spent of the limit, without what the budget keeps back, rounded down: 100: it is reached."""
        return self.spent * _ALL_PERCENT // self.ceiling if self.ceiling else _ALL_PERCENT

    @property
    def state(self) -> State:
        """`exceeded` once the limit is reached: the next request is refused, or passes with a warning."""
        if self.spent >= self.ceiling:
            return "exceeded"
        return "warning" if self.percent >= WARNING_PERCENT else "ok"


class BudgetReport(msgspec.Struct, frozen=True):
    """All rows, those of one budget together; `left_out` counts the counters beyond the limit, by budget.

    `silent` are the nodes that have not reported lately, so that what they hold is unknown.
    """

    at: int
    rows: tuple[BudgetRow, ...]
    left_out: dict[str, int]
    silent: tuple[str, ...]


def budget_report(
    connection: Connection, budgets: Sequence[CompiledBudget], *, now: float, limit: int = DEFAULT_LIMIT
) -> BudgetReport:
    """Asks the ledger and the counters of serving processes.

    Args:
        connection: To the migrated database.
        budgets: In the order of the report.
        now: Seconds since the epoch.
        limit: How many counters to tell of a budget that has one for everyone, busiest first.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    at = int(now * _SECOND_US)
    spans = {budget.name: budget.window.span(now) for budget in budgets}
    roots = {budget.name: counter_root(budget, spans[budget.name].id) for budget in budgets}
    shared = _spent(connection, [(roots[one.name], spans[one.name]) for one in budgets if one.each is None], at)
    found: list[tuple[CompiledBudget, str, int]] = []
    left_out: dict[str, int] = {}
    for budget in budgets:
        root = roots[budget.name]
        if budget.each is None:
            found.append((budget, root, shared.get(root, 0)))
            continue
        counters, known = busiest(connection, f"{root}:", limit=limit)
        found += [(budget, counter, amount) for counter, amount in counters] or [(budget, root, 0)]
        if known > len(counters):
            left_out[budget.name] = known - len(counters)
    called = names.read(connection)
    states = latest(connection, [counter for _, counter, _ in found], newer_than=at - FRESH_US)
    rows = []
    for budget, counter, spent in found:
        counted_as, who = _whose(counter, roots[budget.name], budget, called)
        rows.append(
            BudgetRow(
                budget=budget,
                span=spans[budget.name],
                who=who,
                spent=spent,
                held=states.held.get(counter, 0) if states.fresh else None,
                raised=raised(budget.raises, counted_as, now),
            )
        )
    return BudgetReport(at, tuple(rows), left_out, states.silent)


def document(report: BudgetReport) -> dict[str, Any]:
    """The report for machines, of plain values; money as whole nano-USD and as exact text in US dollars."""
    return {
        "at": moment_text(report.at),
        "budgets": [record(row) for row in report.rows],
        "counters_left_out": report.left_out,
        "silent_nodes": report.silent,
    }


def record(row: BudgetRow) -> dict[str, Any]:
    """One row, of plain values."""
    budget, span = row.budget, row.span
    zone = budget.window.zone
    return {
        "budget": budget.name,
        "scope": {budget.scope.kind: budget.scope.value},
        "each": budget.each,
        "who": row.who,
        "provider": budget.provider,
        "on_breach": "block" if budget.blocks else "warn",
        "window": budget.window.kind,
        "timezone": zone,
        "window_id": span.id,
        "starts_at": moment_text(span.start * _SECOND_US, zone),
        "resets_at": None if span.end is None else moment_text(span.end * _SECOND_US, zone),
        **_in_usd(row),
        "percent": row.percent,
        "state": row.state,
        "unit": budget.unit,
        "limit": row.limit,
        "raised": row.raised,
        "spent": row.spent,
        "reserved": row.held,
        "model": budget.model,
        "endpoint": budget.endpoint,
    }


def _in_usd(row: BudgetRow) -> dict[str, Any]:
    """Limit, spent and reserved of a budget of money, as whole nano-USD and as exact text; `None` of another."""
    amounts = {"limit": row.limit, "spent": row.spent, "reserved": row.held}
    found: dict[str, Any] = {}
    for name, amount in amounts.items():
        known = amount if row.budget.unit == "usd" else None
        found |= {f"{name}_nano_usd": known, f"{name}_usd": None if known is None else to_usd(known)}
    return found


def _spent(connection: Connection, counters: Sequence[tuple[str, Span]], at: int) -> dict[str, int]:
    """What was added to counters in their windows; those of one window are asked for together."""
    by_span: dict[Span, list[str]] = {}
    for counter, span in counters:
        by_span.setdefault(span, []).append(counter)
    sums: dict[str, int] = {}
    # Sums are kept per hour: a period until the end of this one needs no row of the ledger.
    hour_after = (at // HOUR_US + 1) * HOUR_US
    for span, some in by_span.items():
        end = hour_after if span.end is None else min(span.end * _SECOND_US, hour_after)
        sums |= charged(connection, some, start=span.start * _SECOND_US, end=end)
    return sums


def _whose(counter: str, root: str, budget: CompiledBudget, called: names.Names) -> tuple[str | None, str | None]:
    """What a counter's name ends with, as far as it was not too long; and the person or key as it is called now."""
    if counter == root:
        return None, None
    text = unquote(counter.removeprefix(root).partition("=")[2])
    kind = NAMED.get(budget.each or "")
    return text, text if kind is None else called.name_of(kind, text)
