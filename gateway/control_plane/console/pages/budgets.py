"""Where budgets stand."""

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final

import falcon.asgi

from gateway import clock
from gateway.control_plane.console.address import Address, path_of
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.known_budgets import known_budgets
from gateway.control_plane.rest.route import owners_of, read_parameters
from gateway.ledger.budget_report import DEFAULT_LIMIT, MAX_LIMIT, BudgetReport, BudgetRow, budget_report
from gateway.ledger.report import read_limit, read_one

STATES: Final = ("exceeded", "warning", "ok")

_SECOND_US: Final = 1_000_000


class BudgetsPage(Page):
    """Every budget in its present window; of those with a counter for everyone, the busiest."""

    place = "budgets"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """What `gateway budgets` shows."""
        parameters = read_parameters(request, ("limit", "state"))
        limit, state = read_limit(parameters, DEFAULT_LIMIT, MAX_LIMIT), read_one(parameters, "state")
        known = await known_budgets(self.services, owners_of(request))
        content: dict[str, Any] = {"address": Address(path_of(request), parameters), "known": known, "state": state}
        if known is not None:
            report = await self.ask(
                lambda connection: budget_report(connection, known.budgets, now=clock.now(), limit=limit)
            )
            content |= {"report": report, "groups": _groups(report, state), "counts": _counts(report)}
        self.show(request, response, "budgets.html", **content, limit=limit, most=MAX_LIMIT, states=STATES)


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The paths of this page."""
    return (("/console/budgets", BudgetsPage(console)),)


def _groups(report: BudgetReport, state: str | None) -> list[tuple[str, list[dict[str, Any]]]]:
    rows = (row for row in report.rows if state is None or row.state == state)
    return [(name, [_told(row) for row in some]) for name, some in groupby(rows, key=lambda row: row.budget.name)]


def _told(row: BudgetRow) -> dict[str, Any]:
    limit = max(row.budget.limit, 1)
    spent = min(row.spent / limit, 1)
    return {
        "row": row,
        "starts_at": row.span.start * _SECOND_US,
        "resets_at": None if row.span.end is None else row.span.end * _SECOND_US,
        "spent_share": spent,
        "held_share": min((row.held or 0) / limit, 1 - spent),
    }


def _counts(report: BudgetReport) -> dict[str, int]:
    return {state: sum(row.state == state for row in report.rows) for state in STATES}
