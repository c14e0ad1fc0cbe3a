"""Who spent what on what: the report of `gateway spend`, to look around in."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection

from gateway import clock
from gateway.control_plane.console.address import Address, Parameters, page_path, path_of
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.pages.filtering import read_address
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.rest.route import owners_of, read_parameters
from gateway.ledger import by_request, report, unpriced
from gateway.ledger.query import Spend
from gateway.ledger.report import FILTERS, SPEND_PARAMETERS, SpendQuestion, SpendReport
from gateway.ledger.rows import day_text

DAY_US: Final = 24 * 3_600 * 1_000_000

_MOST_DAYS: Final = 800
_MOST_BARS: Final = 93
_FILTER_OF: Final[Mapping[str, str]] = {member: name for name, member in FILTERS.items()}
_NEXT: Final[Mapping[str, str]] = {
    "organization": "team",
    "team": "project",
    "project": "virtual_key",
    "principal": "virtual_key",
    "virtual_key": "model",
    "provider": "model",
    "model": "virtual_key",
    "day": "team",
    "hour": "team",
    "end_user": "model",
}
"""What a click on a row of one dimension keeps apart next."""


class SpendPage(Page):
    """The explorer."""

    place = "spend"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """A report of the query's parameters, which are those of REST."""
        read = read_address(request, response, SPEND_PARAMETERS)
        if read is None:
            return
        address, parameters = read
        question = report.read_question(parameters, clock.utc_now(), owners=owners_of(request))
        found, days = await self.ask(lambda connection: _ask(connection, question))
        content = {
            "address": address,
            "report": found,
            "rows": [_row(found, row, address) for row in found.rows],
            "further": [
                (kind, (found.total.usage.further or {})[kind]) for kind in report.further_kinds([found.total])
            ],
            "most": max((_share(found, row) for row in found.rows), default=0),
            "filters": [(name, member, getattr(question.scope, member)) for name, member in FILTERS.items()],
            "dimensions": report.DIMENSIONS,
            "chart": _chart(days, question),
            "csv": address.link("/console/spend.csv", limit=report.MAX_LIMIT),
            "unpriced_link": Address(path_of(request), _only(parameters, by_request.PARAMETERS)).link(_UNPRICED),
        }
        self.show(request, response, "spend.html", **content)


class SpendDownload(Page):
    """The same rows as CSV."""

    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """A file to save."""
        parameters = read_parameters(request, SPEND_PARAMETERS)
        question = report.read_question(parameters, clock.utc_now(), owners=owners_of(request))
        found = await self.ask(lambda connection: report.spend_report(connection, question))
        response.content_type = "text/csv; charset=utf-8"
        response.set_header("Content-Disposition", f'attachment; filename="spend-by-{"-".join(question.by)}.csv"')
        response.text = report.csv_text(found)


class UnpricedPage(Page):
    """What was used without a price."""

    place = "spend"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The report of the query's parameters, which are those of REST."""
        read = read_address(request, response, by_request.PARAMETERS)
        if read is None:
            return
        address, parameters = read
        question = unpriced.read_question(parameters, clock.utc_now(), owners=owners_of(request))
        found = await self.ask(lambda connection: unpriced.unpriced(connection, question))
        filters = [(name, member, getattr(question.scope, member)) for name, member in FILTERS.items()]
        self.show(
            request,
            response,
            "unpriced.html",
            address=address,
            period=question.period,
            filters=filters,
            rows=found,
            spend_link=address.link("/console/spend"),
        )


_UNPRICED: Final = "/console/spend/unpriced"


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The paths of this page."""
    return (
        ("/console/spend", SpendPage(console)),
        ("/console/spend.csv", SpendDownload(console)),
        (_UNPRICED, UnpricedPage(console)),
    )


def _only(parameters: Parameters, known: Collection[str]) -> Parameters:
    return {name: values for name, values in parameters.items() if name in known}


def _ask(connection: Connection, question: SpendQuestion) -> tuple[SpendReport, tuple[Spend, ...]]:
    """The report, and the same by day where it is of several days, but not of more than can be drawn."""
    found = report.spend_report(connection, question)
    period = question.period
    if not 2 * DAY_US <= period.end - period.start <= _MOST_DAYS * DAY_US or period.zone != "UTC":
        return found, ()
    by_day = msgspec.structs.replace(question, by=("day",), sort="name", limit=report.MAX_LIMIT)
    return found, report.spend_report(connection, by_day).rows


def _chart(days: tuple[Spend, ...], question: SpendQuestion) -> dict[str, Any] | None:
    if not days:
        return None
    spent = {row.group[0]: row.cost_nano_usd for row in days}
    period = question.period
    labels = [day_text(day) for day in range(period.start // DAY_US, -(-period.end // DAY_US))]
    return {
        "title": "Spend by day",
        "unit": "usd",
        "kind": "bars" if len(labels) <= _MOST_BARS else "area",
        "labels": labels,
        "series": [{"label": "Spend", "tone": "accent", "values": [spent.get(day, 0) for day in labels]}],
    }


def _share(found: SpendReport, row: Spend) -> int:
    return row.requests if found.question.sort == "requests" else row.cost_nano_usd


def _row(found: SpendReport, row: Spend, address: Address) -> dict[str, Any]:
    groups = zip(found.question.by, row.group, strict=True)
    return {
        "spend": row,
        "share": _share(found, row),
        "cells": [(member, value, _deeper(member, value, address)) for member, value in groups],
    }


def _deeper(member: str, value: str, address: Address) -> str | None:
    """Where a click on a value leads: to this value alone, kept apart by the next dimension; some can only be read."""
    if member == "day":
        return address.link(**{"from": value, "to": value, "by": _NEXT[member], "sort": None})
    if member == "hour":
        behind = (datetime.fromisoformat(value) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        return address.link(**{"from": value, "to": behind, "by": _NEXT[member], "sort": None})
    if member not in _NEXT:
        return None
    return address.link(**{_FILTER_OF[member]: value, "by": _NEXT[member], "sort": None})


def spend_of(member: str, value: str, **more: str) -> str:
    """The address of the explorer for one key, person or the like; members are those of `Scope`."""
    return Address(page_path("spend"), {}).link(**{_FILTER_OF[member]: value, **more})
