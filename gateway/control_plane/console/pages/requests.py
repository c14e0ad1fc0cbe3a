"""The ledger request by request: found by whom, what and when, and one with its whole story."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

import falcon.asgi

from gateway.control_plane.console.address import Address, page_path
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.pages.filtering import read_address
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.rest.requests import FATE, PARAMETERS, no_such_request, read_page, written_cursor
from gateway.control_plane.rest.route import owners_of, read_parameters
from gateway.ledger import query
from gateway.ledger.endings import ENDINGS, Ending
from gateway.ledger.report import FILTERS, Parameters, read_one
from gateway.ledger.scope import Scope
from gateway.money.budget import amount_shown, unit_of_counter
from gateway.money.kinds import KIND_OF, Kind
from gateway.money.nano_usd import to_usd
from gateway.telemetry.decision_record import AttemptRecord, DecisionRecord
from gateway.usage import TOKENS, Served

DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 500
DEFAULT_FROM: Final = "24h"
"""Without a beginning, a filter that few requests meet would walk through the whole ledger."""

_WORDS: Final[Mapping[Ending, str]] = {
    "ok": "Ok",
    "refused": "Refused",
    "client_error": "Client error",
    "client_left": "Client left",
    "server_error": "Server error",
}


class RequestsPage(Page):
    """The list."""

    place = "requests"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page, newest first."""
        read = read_address(request, response, PARAMETERS)
        if read is None:
            return
        address, parameters = read
        first = read_one(parameters, "from")
        if first is None and read_one(parameters, "trace_id") is None:
            # A trace is found by its index, whenever it was.
            first = DEFAULT_FROM
        page = await self.ask(
            read_page(parameters, first, owners=owners_of(request), size=DEFAULT_PAGE, largest=LARGEST_PAGE)
        )
        following = None if page.following is None else address.link(cursor=written_cursor(page.following))
        content = {
            "address": address,
            "present": first or "",
            "requests": page.entries,
            "following": following,
            "pruned_before": page.pruned_before if following is None else None,
            "filters": _filters(parameters),
            "status": read_one(parameters, "status"),
            "endings": [(ending, _WORDS[ending]) for ending in ENDINGS],
        }
        self.show(request, response, "requests.html", **content)


class RequestPage(Page):
    """One request."""

    place = "requests"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, request_id: str) -> None:
        """What the ledger knows of it."""
        read_parameters(request, ())
        scope = Scope(owners=owners_of(request))
        one = await self.ask(lambda connection: query.entry(connection, request_id, scope=scope))
        if one is None:
            raise no_such_request()
        template, trace_id = self.console.trace_url, one.trace_id
        content = {
            "one": one,
            "attempts": _waterfall(one),
            "tokens": [(kind.removesuffix("_tokens"), getattr(one.usage, kind)) for kind in TOKENS],
            "further": (one.usage and one.usage.further) or {},
            "served": one.served or Served(),
            "price": _price(one.price),
            "charges": [
                (_budget(charge.counter), amount_shown(unit_of_counter(charge.counter), charge.amount))
                for charge in one.budgets
            ],
            "trace_link": template.replace("{trace_id}", quote(trace_id, safe="")) if template and trace_id else None,
            "alike": Address(page_path("requests"), {}),
        }
        self.show(request, response, "request.html", **content)


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The paths of these pages."""
    return ("/console/requests", RequestsPage(console)), ("/console/requests/{request_id}", RequestPage(console))


def _filters(parameters: Parameters) -> list[tuple[str, str, str | None]]:
    """Parameter, title and value of every filter that is typed in; that of the ending has links of its own."""
    whom = [(name, member, read_one(parameters, name)) for name, member in FILTERS.items()]
    others = [name for name in (*FATE, "trace_id") if name != "status"]
    return [*whom, *((name, name, read_one(parameters, name)) for name in others)]


def _waterfall(one: DecisionRecord) -> list[tuple[AttemptRecord, float, float]]:
    """Each attempt with where it began and how long it took, as shares of the whole request."""
    ends = (attempt.began_ms + attempt.duration_ms for attempt in one.attempts)
    whole = max(one.duration_ms or 0, *ends, 1) if one.attempts else 1
    return [(attempt, attempt.began_ms / whole, attempt.duration_ms / whole) for attempt in one.attempts]


def _price(price: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """The price that was used, each rate in nano-USD for so many as its kind says."""
    return [
        (name.removeprefix("per_"), f"${to_usd(rate)} for {_unit(KIND_OF[name])}")
        for name, rate in (price or {}).items()
        if name in KIND_OF and isinstance(rate, int)
    ]


def _unit(kind: Kind) -> str:
    if kind.figure.endswith("_ms"):
        return "an hour"
    if kind.per == 1:
        return "the request" if kind.figure == "requests" else "each"
    return "a million tokens" if kind.is_of_tokens else "a million characters"


def _budget(counter: str) -> tuple[str, str]:
    """The budget of a counter such as `budget:monthly:team=search:month=2026-11`, and the rest of its name."""
    kind, _, rest = counter.partition(":")
    name, _, more = rest.partition(":")
    return (unquote(name), unquote(more)) if kind == "budget" else ("", counter)
