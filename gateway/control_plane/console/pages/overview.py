"""How it goes: requests, failures, latency and spend over time, and what needs attention."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

import falcon.asgi

from gateway import clock
from gateway.control_plane import nodes, state
from gateway.control_plane.console.address import Address, page_path, path_of
from gateway.control_plane.console.pages.attention import SHOWN, Seen, Standing, matters
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.known_budgets import known_budgets
from gateway.control_plane.rest.route import owners_of, read_parameters
from gateway.ledger.budget_report import budget_report
from gateway.ledger.endings import Ending
from gateway.ledger.period import BadParameterError, Period, moment_text, parse_period
from gateway.ledger.report import read_one, unpriced_spend
from gateway.ledger.scope import Scope
from gateway.ledger.spend_over_time import SpendOverTime, spend_over_time
from gateway.ledger.traffic import Traffic, TrafficPoint, traffic

DEFAULT_FROM: Final = "24h"

_DAY_US: Final = 24 * 3_600 * 1_000_000
_MOST_DAYS: Final = 400
_MOST_BARS: Final = 60
_TROUBLE: Final[tuple[tuple[Ending, str, str], ...]] = (
    ("server_error", "Server error", "bad"),
    ("refused", "Refused", "warn"),
    ("client_error", "Client error", "accent"),
    ("client_left", "Client left", "muted"),
)
"""What did not go well: ending, title and tone."""


class OverviewPage(Page):
    """The first page."""

    place = "overview"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """A period, the last day without one."""
        parameters = read_parameters(request, ("from", "to"))
        now = clock.microseconds()
        first, last = read_one(parameters, "from") or DEFAULT_FROM, read_one(parameters, "to")
        period = parse_period(first, last, now=clock.utc_now())
        if period.end - period.start > _MOST_DAYS * _DAY_US:
            raise BadParameterError("from", f"this page shows {_MOST_DAYS} days at once")
        until = min(period.end, max(now, period.start + 1))
        owners = owners_of(request)
        shown = Period(period.start, until)
        scope = Scope(owners=owners)
        (seen, spent, unpriced), standing = await asyncio.gather(
            self.ask(
                lambda connection: (
                    traffic(connection, start=period.start, end=until, owners=owners),
                    spend_over_time(connection, start=period.start, end=until, owners=owners),
                    unpriced_spend(connection, shown, scope),
                )
            ),
            self._standing(owners),
        )
        around = Address(path_of(request), {"from": [first], **({"to": [last]} if last else {})})
        requests = around.link(page_path("requests"))
        content = {
            "address": Address(path_of(request), parameters),
            "present": first,
            "period": shown,
            "traffic": seen,
            "spent": spent,
            "failed": _count(seen.total, "server_error"),
            "refused": _count(seen.total, "refused"),
            "charts": charts(seen, spent),
            "matters": matters(
                standing,
                Seen(seen.total, requests, unpriced, around.link(page_path("spend", "unpriced"))),
                now,
            ),
            "shown": SHOWN,
            "requests_link": requests,
            "spend_link": around.link(page_path("spend")),
        }
        self.show(request, response, "overview.html", **content)

    async def _standing(self, owners: Collection[str] | None) -> Standing:
        known = await known_budgets(self.services, owners)
        budgets = () if known is None else known.budgets
        return await self.ask(
            lambda connection: Standing(
                known=known,
                report=budget_report(connection, budgets, now=clock.now(), limit=1),
                nodes=nodes.nodes(connection, owners),
                at=state.position(connection),
            )
        )


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The paths of this page."""
    return (("/console", OverviewPage(console)),)


def charts(seen: Traffic, spent: SpendOverTime) -> list[dict[str, Any]]:
    """What the page draws."""
    points = {point.start: point for point in seen.points}
    starts = range(seen.start, seen.end, seen.slot_us)
    slots = [points.get(start) for start in starts]
    labels = [label(start, seen.slot_us) for start in starts]
    spend_labels = [label(spent.start + index * spent.slot_us, spent.slot_us) for index in range(len(spent.amounts))]
    return [
        chart("requests", "Requests", "count", labels, [("Requests", "accent", [_requests(one) for one in slots])]),
        chart(
            "trouble",
            "Not answered",
            "count",
            labels,
            [(title, tone, [_count(one, ending) for one in slots]) for ending, title, tone in _TROUBLE],
            stacked=True,
        ),
        chart(
            "latency",
            "Duration of requests that were answered",
            "ms",
            labels,
            [
                ("p95", "warn", [one.p95_ms if one else None for one in slots]),
                ("p50", "accent", [one.p50_ms if one else None for one in slots]),
            ],
            kind="line",
        ),
        chart("spend", f"Spend {per(spent.slot_us)}", "usd", spend_labels, [("Spend", "accent", spent.amounts)]),
    ]


def chart(
    id_: str,
    title: str,
    unit: str,
    labels: Sequence[str],
    series: Sequence[tuple[str, str, Sequence[float | None]]],
    *,
    kind: str = "",
    stacked: bool = False,
) -> dict[str, Any]:
    """A chart as the template and its script read it; bars where they are few enough to be told apart."""
    return {
        "id": id_,
        "title": title,
        "unit": unit,
        "kind": kind or ("bars" if len(labels) <= _MOST_BARS else "area"),
        "stacked": stacked,
        "labels": labels,
        "series": [{"label": name, "tone": tone, "values": values} for name, tone, values in series],
    }


def label(start: int, slot_us: int) -> str:
    """The moment at which a slot begins, as far as it says something."""
    text = moment_text(start)
    return text[:10] if slot_us >= _DAY_US else f"{text[:10]} {text[11:16]}"


def per(slot_us: int) -> str:
    """`by hour` or `by day`."""
    return "by day" if slot_us >= _DAY_US else "by hour"


def _requests(point: TrafficPoint | None) -> int:
    return 0 if point is None else point.requests


def _count(point: TrafficPoint | None, ending: Ending) -> int:
    return 0 if point is None else point.endings.get(ending, 0)
