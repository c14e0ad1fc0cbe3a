"""What somebody should look at now, the worst first."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from gateway.control_plane.console.address import page_path
from gateway.control_plane.nodes import Node, open_circuits
from gateway.control_plane.services import KnownBudgets
from gateway.control_plane.state import Position
from gateway.ledger.budget_report import BudgetReport
from gateway.ledger.query import Spend
from gateway.ledger.report import told_unpriced
from gateway.ledger.traffic import TrafficPoint
from gateway.plan.words import ago, count, names

SHOWN: Final = 12
"""Matters on the page; the others are counted."""

_WORDS: Final = {
    "behind": "serves revision {node.serving_revision}, not {revision}",
    "refuses": "refuses revision {node.rejected_revision}",
    "silent": "has not reported for a while",
}


class Matter(msgspec.Struct, frozen=True):
    """One of them: how bad, what it is about, what is the matter, and where to look."""

    tone: Literal["bad", "warn"]
    what: str
    said: str
    link: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How things are at this moment."""

    known: KnownBudgets | None
    report: BudgetReport
    nodes: tuple[Node, ...]
    at: Position


class Seen(NamedTuple):
    """What there was in the period of the page, with the addresses of the lists of it."""

    total: TrafficPoint
    requests: str
    unpriced: Sequence[Spend]
    unpriced_link: str


def matters(standing: Standing, seen: Seen, now: int) -> list[Matter]:
    """Circuits, gateways, budgets, prices and requests.

    Args:
        standing: How things are.
        seen: What there was.
        now: Microseconds since the epoch.
    """
    every = [
        *_circuits(standing.nodes, now),
        *_gateways(standing.nodes, standing.at, now),
        *_budgets(standing.known, standing.report),
        *_prices(seen),
        *_requests(seen.total, seen.requests),
    ]
    return sorted(every, key=lambda one: one.tone)


def _circuits(found: Sequence[Node], now: int) -> Iterator[Matter]:
    for provider, where in open_circuits(found, now).items():
        said = f"its calls kept failing; left alone at present by {names(where)}"
        yield Matter("bad", f"Circuit of {provider} is open", said, page_path("providers"))


def _gateways(found: Sequence[Node], at: Position, now: int) -> Iterator[Matter]:
    for node in found:
        state = node.state(at.revision, now)
        if state in _WORDS:
            said = _WORDS[state].format(node=node, revision=at.revision)
            more = f"{said}; reported {ago(node.reported_at, now)}"
            yield Matter("bad" if state == "refuses" else "warn", node.node, more, page_path("configuration"))


def _budgets(known: KnownBudgets | None, report: BudgetReport) -> Iterator[Matter]:
    link = page_path("budgets")
    if known is not None and known.problems:
        yield Matter("bad", "The configuration cannot be read", known.problems[0], link)
    for row in report.rows:
        if row.state == "ok":
            continue
        name = f"Budget {row.budget.name}" + (f" of {row.who}" if row.who else "")
        is_full = row.state == "exceeded"
        said = f"{row.percent} % used" + (", refuses requests" if is_full and row.budget.blocks else "")
        yield Matter("bad" if is_full and row.budget.blocks else "warn", name, said, link)


def _prices(seen: Seen) -> Iterator[Matter]:
    if seen.unpriced:
        what, said = told_unpriced(seen.unpriced)
        yield Matter("warn", what, said, seen.unpriced_link)


def _requests(total: TrafficPoint, requests: str) -> Iterator[Matter]:
    if failed := total.endings.get("server_error", 0):
        said = "ended with a server error in this period"
        yield Matter("bad", count(failed, "request"), said, f"{requests}&status=server_error")
    if refused := total.endings.get("refused", 0):
        said = "refused by the gateway in this period"
        yield Matter("warn", count(refused, "request"), said, f"{requests}&status=refused")
