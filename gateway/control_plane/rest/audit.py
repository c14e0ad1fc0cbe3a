"""`GET /audit`: who changed what, newest first; `GET /revisions`: the same by revision."""

from collections.abc import Collection, Mapping
from typing import ClassVar

import falcon.asgi
import msgspec

from gateway.control_plane import audit, state
from gateway.control_plane.history import history
from gateway.control_plane.rest.route import Route, answer, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger.period import BadParameterError, moment_text
from gateway.ledger.report import read_limit, read_one, whole_number


class AuditResource:
    """The audit log."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page; `next_before` is the `before` of the next."""
        parameters = read_parameters(request, ("address", "actor", "before", "limit"))
        limit = read_limit(parameters, 50, 1_000)
        address, actor = read_one(parameters, "address"), read_one(parameters, "actor")
        before, owners = read_place(read_one(parameters, "before")), owners_of(request)
        found = await self._services.database.read(
            lambda connection: audit.page(
                connection, limit=limit, before=before, address=address, actor=actor, owners=owners
            )
        )
        entries = [{**msgspec.structs.asdict(one), "at": moment_text(one.at)} for one in found]
        following = written_place(found[-1]) if len(found) == limit else None
        answer(response, {"entries": entries, "next_before": following})


class RevisionsResource:
    """The revisions, which a plan may lead back to."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page, newest first; `next_before` is the `before` of the next. `oldest` is how far back a plan leads.

        A token that is bound to owners gets the revisions that touched what is theirs, and what these did to it.
        """
        parameters = read_parameters(request, ("before", "limit"))
        limit, before = read_limit(parameters, 20, 200), read_one(parameters, "before")
        number = None if before is None else whole_number(before)
        if before is not None and number is None:
            raise BadParameterError("before", "this is no revision")
        owners = owners_of(request)
        at, found = await self._services.database.read(
            lambda connection: (
                state.position(connection),
                history(connection, before=number, limit=limit, owners=owners),
            )
        )
        rows = [{**msgspec.structs.asdict(one), "made_at": moment_text(one.made_at)} for one in found]
        following = str(found[-1].revision) if len(found) == limit else None
        answer(response, {"revisions": rows, "oldest": at.oldest_change, "next_before": following})


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of these nouns."""
    return Route("/audit", AuditResource(services)), Route("/revisions", RevisionsResource(services))


def written_place(entry: audit.AuditEntry) -> str:
    """The place behind an entry, as `before` takes it."""
    return f"{entry.at}.{entry.id}"


def read_place(text: str | None) -> tuple[int, str] | None:
    """The place that `before` names. Raises `BadParameterError`."""
    if text is None:
        return None
    written, _, id_ = text.partition(".")
    if (at := whole_number(written)) is None or not id_:
        raise BadParameterError("before", "this is no `next_before` of a page before")
    return at, id_
