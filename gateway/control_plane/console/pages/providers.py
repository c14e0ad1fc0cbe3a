"""How providers do: what they answered, how long it took, and what went wrong last."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection, select

from gateway import clock
from gateway.control_plane.console.address import Address, page_path, path_of
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.nodes import nodes, open_circuits
from gateway.control_plane.rest.route import owners_of, read_parameters
from gateway.ledger.period import parse_period
from gateway.ledger.query import entries
from gateway.ledger.report import read_one
from gateway.ledger.scope import Fate, Scope
from gateway.ledger.traffic import ProviderTraffic, providers
from gateway.storage.statements import of_owners
from gateway.storage.tables import resources

DEFAULT_FROM: Final = "24h"

SHOWN: Final = 15
"""Failed requests on the page."""

_FAILED: Final = Fate(ending="server_error")
_BAD_RATE: Final = 0.05
_POOR_RATE: Final = 0.01


class ProviderRow(msgspec.Struct, frozen=True, kw_only=True):
    """One provider: as it is applied, and how it did; either may be missing."""

    name: str
    type: str | None
    traffic: ProviderTraffic | None
    tone: str


class ProvidersPage(Page):
    """All of them."""

    place = "providers"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """A period, the last day without one."""
        parameters = read_parameters(request, ("from", "to"))
        first, last = read_one(parameters, "from") or DEFAULT_FROM, read_one(parameters, "to")
        period = parse_period(first, last, now=clock.utc_now())
        now, owners = clock.microseconds(), owners_of(request)
        rows, failed, heard_of = await self.ask(
            lambda connection: (
                _rows(connection, period.start, period.end, owners),
                entries(
                    connection,
                    limit=SHOWN,
                    scope=Scope(owners=owners),
                    fate=_FAILED,
                    start=period.start,
                    end=period.end,
                ).entries,
                # Whether a circuit is open hangs on the calls of everybody: whoever is bound to owners is not told.
                [node for node in nodes(connection) if owners is None and node.is_heard_of(now)],
            )
        )
        around = Address(page_path("requests"), {"from": [first], **({"to": [last]} if last else {})})
        content = {
            "address": Address(path_of(request), parameters),
            "present": first,
            "rows": rows,
            "requests": failed,
            "circuits": open_circuits(heard_of, now),
            "circuits_known": bool(heard_of),
            "failed_link": around.link(status="server_error"),
            "requests_of": {row.name: around.link(provider=row.name) for row in rows},
        }
        self.show(request, response, "providers.html", **content)


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The paths of this page."""
    return (("/console/providers", ProvidersPage(console)),)


def _rows(connection: Connection, start: int, end: int, owners: tuple[str, ...] | None) -> list[ProviderRow]:
    seen = {one.provider: one for one in providers(connection, start=start, end=end, owners=owners)}
    applied = select(resources.c.name, resources.c.spec).where(
        resources.c.kind == "providers", *of_owners(resources.c.owner, owners)
    )
    types = {name: _type(spec) for name, spec in connection.execute(applied)}
    return [
        ProviderRow(name=name, type=types.get(name), traffic=seen.get(name), tone=_tone(seen.get(name)))
        for name in sorted({*seen, *types})
    ]


def _type(spec: Mapping[str, Any]) -> str:
    return str(spec.get("type", ""))


def _tone(seen: ProviderTraffic | None) -> str:
    rate = seen.error_rate if seen is not None else None
    if rate is None:
        return ""
    return "bad" if rate >= _BAD_RATE else "warn" if rate >= _POOR_RATE else "good"
