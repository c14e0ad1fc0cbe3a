"""`GET /traffic` and `GET /providers`: what operations look at first."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

import falcon.asgi
import msgspec

from gateway import clock
from gateway.control_plane.rest.route import Route, answer, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger.endings import ENDINGS
from gateway.ledger.period import Period, moment_text, parse_period
from gateway.ledger.report import Parameters, read_one
from gateway.ledger.traffic import ProviderTraffic, TrafficPoint, providers, traffic
from gateway.storage.patience import Patience

PARAMETERS: Final = ("from", "to", "timezone")
PATIENCE_S: Final = 5.0
_DEFAULT: Final = "24h"
_SECOND_US: Final = 1_000_000


class TrafficResource:
    """Requests over time."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """How many requests ended how, and how long they took, slot by slot; by default those of a day."""
        period, owners = _period(read_parameters(request, PARAMETERS)), owners_of(request)
        found = await self._database.read(
            lambda connection: traffic(connection, start=period.start, end=period.end, owners=owners),
            patience=Patience(PATIENCE_S),
        )
        answer(
            response,
            {
                "from": moment_text(found.start, period.zone),
                "to": moment_text(found.end, period.zone),
                "slot_s": found.slot_us // _SECOND_US,
                "points": [_point(point, period.zone) for point in found.points],
                "total": _point(found.total, period.zone),
            },
        )


class ProvidersResource:
    """The providers as their calls went."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._database = services.database

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Calls to each provider by outcome, error rate, time until an answer began, and the last failure."""
        period, owners = _period(read_parameters(request, PARAMETERS)), owners_of(request)
        found = await self._database.read(
            lambda connection: providers(connection, start=period.start, end=period.end, owners=owners),
            patience=Patience(PATIENCE_S),
        )
        told = [_provider(one, period.zone) for one in found]
        bounds = {"from": moment_text(period.start, period.zone), "to": moment_text(period.end, period.zone)}
        answer(response, {**bounds, "providers": told})


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of these nouns."""
    return Route("/traffic", TrafficResource(services)), Route("/providers", ProvidersResource(services))


def _period(parameters: Parameters) -> Period:
    first, last, zone = (read_one(parameters, name) for name in PARAMETERS)
    return parse_period(first, last, now=clock.utc_now(), zone=zone or "UTC", default=_DEFAULT)


def _point(point: TrafficPoint, zone: str) -> dict[str, Any]:
    return {
        "from": moment_text(point.start, zone),
        "requests": point.requests,
        "endings": {ending: point.endings.get(ending, 0) for ending in ENDINGS},
        "statuses": {str(status): count for status, count in point.statuses.items()},
        "p50_ms": _rounded(point.p50_ms),
        "p95_ms": _rounded(point.p95_ms),
    }


def _provider(one: ProviderTraffic, zone: str) -> dict[str, Any]:
    last = one.last_failure
    return {
        **msgspec.structs.asdict(one),
        "p50_ms": _rounded(one.p50_ms),
        "p95_ms": _rounded(one.p95_ms),
        "last_failure": None if last is None else {"at": moment_text(last.at, zone), "outcome": last.outcome},
    }


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
