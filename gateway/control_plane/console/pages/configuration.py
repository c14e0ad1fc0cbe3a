"""What is applied, how it came to be, and which gateways serve it."""

from collections.abc import Collection, Iterable
from typing import Any, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection, func, select

from gateway import clock
from gateway.config.address import KINDS
from gateway.control_plane import audit, nodes, state
from gateway.control_plane.console.address import Address, path_of
from gateway.control_plane.console.formats import NOTHING, flat
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.errors import ApiError
from gateway.control_plane.rest.audit import read_place, written_place
from gateway.control_plane.rest.plans import plan_for
from gateway.control_plane.rest.route import owners_of, read_parameters
from gateway.ledger.report import read_limit, read_one
from gateway.plan.change import SENSITIVE
from gateway.plan.diff import shown
from gateway.plan.render.lines import lines
from gateway.plan.saved import kept
from gateway.storage.statements import of_owners
from gateway.storage.tables import applies, resources

DEFAULT_PAGE: Final = 50
LARGEST_PAGE: Final = 500

_APPLIES_SHOWN: Final = 20


class ConfigurationPage(Page):
    """The revision, the resources by kind, and the latest of everything."""

    place = "configuration"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page to begin from."""
        read_parameters(request, ())
        now, owners = clock.microseconds(), owners_of(request)

        def ask(connection: Connection) -> dict[str, Any]:
            at = state.position(connection)
            theirs = of_owners(resources.c.owner, owners)
            counted = select(resources.c.kind, func.count()).where(*theirs).group_by(resources.c.kind)
            numbers = {row[0]: row[1] for row in connection.execute(counted)}
            return {
                "at": at,
                "kinds": [(kind, numbers.get(kind, 0)) for kind in KINDS],
                "applies": _history(connection, _APPLIES_SHOWN, owners),
                "nodes": [(node, node.state(at.revision, now)) for node in nodes.nodes(connection, owners)],
            }

        self.show(request, response, "configuration.html", **await self.ask(ask))


class KindPage(Page):
    """The resources of one kind."""

    place = "configuration"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, kind: str) -> None:
        """By name, page by page."""
        if kind not in KINDS:
            raise ApiError("not_found", f"There is no kind of resource {kind!r}."[:300])
        parameters = read_parameters(request, ("after", "limit"))
        limit, after = read_limit(parameters, DEFAULT_PAGE, LARGEST_PAGE), read_one(parameters, "after") or ""
        owners = owners_of(request)
        rows = await self.ask(
            lambda connection: state.page(
                connection, kind=kind, owner=None, owners=owners, after=(kind, after), limit=limit
            )
        )
        address = Address(path_of(request), parameters)
        following = address.link(after=rows[-1]["name"]) if len(rows) == limit else None
        content = {"rows": rows, "summaries": [_summary(row["spec"]) for row in rows], "following": following}
        self.show(request, response, "kind.html", kind=kind, **content)


class ResourcePage(Page):
    """One resource."""

    place = "configuration"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, kind: str, name: str) -> None:
        """Its spec without secrets, and who changed it."""
        read_parameters(request, ())
        owners = owners_of(request)
        found = await self.resource(kind, name, owners)
        if found is None:
            raise ApiError("not_found", f"There is no {kind}.{name}"[:300] + ".")
        changes = await self.ask(
            lambda connection: audit.page(connection, limit=DEFAULT_PAGE, address=found.resource.address, owners=owners)
        )
        content = {"found": found, "spec": shown(found.resource.spec, found.resource.references), "changes": changes}
        self.show(request, response, "resource.html", kind=kind, name=name, **content)


class ApplyPage(Page):
    """One apply."""

    place = "configuration"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response, plan_id: str) -> None:
        """Its plan, as whoever approved it saw it."""
        read_parameters(request, ())
        owners = owners_of(request)
        statement = select(applies).where(applies.c.plan_id == plan_id, *of_owners(applies.c.owner, owners))
        row = await self.ask(lambda connection: connection.execute(statement).mappings().one_or_none())
        if row is None:
            raise ApiError("not_found", "No plan of this id was applied.")
        self.show(request, response, "apply.html", apply=row, **_rendered(plan_for(row["plan"], owners)))


class AuditPage(Page):
    """The audit log."""

    place = "configuration"
    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page, newest first."""
        parameters = read_parameters(request, ("address", "actor", "before", "limit"))
        limit = read_limit(parameters, DEFAULT_PAGE, LARGEST_PAGE)
        # An empty field of the form is no filter: everything that is audited has an address and an actor.
        whom = {name: read_one(parameters, name) or None for name in ("address", "actor")}
        before = read_place(read_one(parameters, "before"))
        owners = owners_of(request)
        changes = await self.ask(
            lambda connection: audit.page(connection, limit=limit, before=before, owners=owners, **whom)
        )
        address = Address(path_of(request), parameters)
        following = address.link(before=written_place(changes[-1])) if len(changes) == limit else None
        self.show(request, response, "audit.html", address=address, changes=changes, following=following)


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The paths of these pages."""
    return (
        ("/console/configuration", ConfigurationPage(console)),
        ("/console/configuration/resources/{kind}", KindPage(console)),
        ("/console/configuration/resources/{kind}/{name:path}", ResourcePage(console)),
        ("/console/configuration/applies/{plan_id}", ApplyPage(console)),
        ("/console/configuration/audit", AuditPage(console)),
    )


def _history(connection: Connection, limit: int, owners: Collection[str] | None) -> list[dict[str, Any]]:
    statement = (
        select(applies).where(*of_owners(applies.c.owner, owners)).order_by(applies.c.revision.desc()).limit(limit)
    )
    return [
        {**row, "summary": row["plan"].get("summary", {}), "commit": (row["plan"].get("source") or {}).get("commit")}
        for row in connection.execute(statement).mappings()
    ]


def _summary(spec: dict[str, Any]) -> str:
    """A spec in one line. Rows of pages have nothing in place of secrets."""
    return "; ".join(f"{path}: {SENSITIVE if text == NOTHING else text}" for path, text in flat(spec))


def _rendered(stored: Any) -> dict[str, Any]:
    """The plan as lines; one that another version wrote in another form is told as it is."""
    try:
        plan = kept(stored)
    except msgspec.ValidationError:
        return {"plan": None, "lines": [], "raw": msgspec.json.format(msgspec.json.encode(stored), indent=2).decode()}
    return {"plan": plan, "lines": list(lines(plan)), "raw": ""}
