"""Virtual keys: found among many, and one with everything that is known of it."""

from collections.abc import Collection, Iterable
from typing import Any, Final

import falcon.asgi
from sqlalchemy import Connection

from gateway import clock
from gateway.control_plane import audit, key_search
from gateway.control_plane.console.address import Address, path_of
from gateway.control_plane.console.pages import key_actions
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.pages.spend import DAY_US, spend_of
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.key_search import STATES, USE_KNOWN_FOR_DAYS, KeySearch
from gateway.control_plane.rest.route import owners_of, read_parameters
from gateway.keys.virtual_key import ENVIRONMENTS
from gateway.ledger.period import BadParameterError
from gateway.ledger.query import Scope, entries, spend
from gateway.ledger.report import read_limit, read_one
from gateway.ledger.rows import HOUR_US
from gateway.plan.diff import shown

DEFAULT_PAGE: Final = 100
LARGEST_PAGE: Final = 1_000

_PARAMETERS: Final = ("q", "state", "environment", "owner", "after", "limit")
_SHOWN: Final = 20
_DAYS_OF_SPEND: Final = 30


class KeysPage(Page):
    """The list."""

    place = "keys"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page of the keys that are looked for."""
        parameters = read_parameters(request, _PARAMETERS)
        limit = read_limit(parameters, DEFAULT_PAGE, LARGEST_PAGE)
        wanted = KeySearch(
            text=read_one(parameters, "q"),
            state=_one_of("state", read_one(parameters, "state"), STATES),
            environment=_one_of("environment", read_one(parameters, "environment"), ENVIRONMENTS),
            owner=read_one(parameters, "owner") or None,
            owners=owners_of(request),
        )
        after, now = read_one(parameters, "after") or "", clock.microseconds()
        found, total = await self.ask(
            lambda connection: key_search.search(connection, wanted, after=after, limit=limit, now=now)
        )
        address = Address(path_of(request), parameters)
        following = address.link(after=found[-1].name) if len(found) == limit else None
        self.show(
            request,
            response,
            "keys.html",
            address=address,
            wanted=wanted,
            keys=found,
            total=total,
            following=following,
            is_first=not after,
            states=STATES,
            environments=ENVIRONMENTS,
        )


class KeyPage(Page):
    """One key."""

    place = "keys"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str) -> None:
        """What it may do, what it spent, what it asked last, who changed it."""
        read_parameters(request, ())
        self.show(request, response, "key.html", **await self.content(name, owners_of(request)))

    async def content(self, name: str, owners: Collection[str] | None) -> dict[str, Any]:
        """Everything on the page. Raises `ApiError` (`not_found`)."""
        now, found = clock.microseconds(), await self.resource("virtual_keys", name, owners)
        if found is None:
            raise key_actions.no_such_key(name)
        life = key_search.state_of(found.resource.spec, now)
        return {
            "name": name,
            "found": found,
            "spec": shown(found.resource.spec, found.resource.references),
            "state": life,
            "verbs": key_actions.verbs_for(life),
            "nonces": key_actions.nonces(),
            "graces": key_actions.GRACES,
            "spend_link": spend_of("virtual_key", name, by="model"),
            **await self.ask(lambda connection: _history(connection, name, owners, now)),
        }


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The paths of these pages."""
    return (
        ("/console/keys", KeysPage(console)),
        ("/console/keys/{name}", KeyPage(console)),
        ("/console/keys/{name}/{verb}", key_actions.KeyActionPage(console)),
        ("/console/new-key", key_actions.NewKeyPage(console)),
    )


def _history(connection: Connection, name: str, owners: Collection[str] | None, now: int) -> dict[str, Any]:
    scope, end = Scope(virtual_key=name), (now // HOUR_US + 1) * HOUR_US
    start = end // DAY_US * DAY_US - _DAYS_OF_SPEND * DAY_US
    models = spend(connection, ("provider", "model"), start=start, end=end, scope=scope)
    used = key_search.last_hours(connection, [name], now=now)
    last = max(used.values(), default=None)
    return {
        "models": sorted(models, key=lambda row: -row.cost_nano_usd),
        "spent": sum(row.cost_nano_usd for row in models),
        "asked": sum(row.requests for row in models),
        "days": _DAYS_OF_SPEND,
        "last_hour": last,
        "requests": entries(connection, limit=_SHOWN, scope=scope, start=now - USE_KNOWN_FOR_DAYS * DAY_US).entries,
        "changes": audit.page(connection, limit=_SHOWN, address=f"virtual_keys.{name}", owners=owners),
    }


def _one_of(parameter: str, text: str | None, known: tuple[str, ...]) -> str | None:
    if text and text not in known:
        raise BadParameterError(parameter, f"{text!r} is none of {', '.join(known)}")
    return text or None
