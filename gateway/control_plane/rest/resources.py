"""`/resources`: what the control plane has, without secrets; single changes beside any file."""

from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection

from gateway import clock
from gateway.config.address import KINDS
from gateway.control_plane import edit, state
from gateway.control_plane.edit import Edit
from gateway.control_plane.errors import ApiError
from gateway.control_plane.repeats import Told
from gateway.control_plane.rest.body import read_body
from gateway.control_plane.rest.change import carry_out, told_of
from gateway.control_plane.rest.refusals import as_api_errors
from gateway.control_plane.rest.route import Route, actor_of, answer, owner_of_new, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope, Token
from gateway.ledger.period import moment_text
from gateway.ledger.report import read_limit, read_one, whole_number
from gateway.plan.diff import shown
from gateway.plan.live import LiveResource

DEFAULT_PAGE: Final = 100
LARGEST_PAGE: Final = 1_000


class PutBody(msgspec.Struct, frozen=True):
    """`spec` as a file would have it; `owner` only counts for a resource that is new, and is `api` where nobody says.

    A token that is bound to one owner need not say it.
    """

    spec: Any
    owner: str | msgspec.UnsetType = msgspec.UNSET


class OwnerBody(msgspec.Struct, frozen=True):
    """Whose file may have it from now on."""

    owner: str


class ResourcesResource:
    """Pages of resources, and single ones."""

    scopes: ClassVar[Mapping[str, Scope]] = {
        "GET": Scope.VIEW,
        "PUT": Scope.APPLY,
        "DELETE": Scope.APPLY,
        "POST": Scope.ADMIN,
    }
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET", "PUT", "DELETE", "POST")

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page by kind and name; `next_after` is the `after` of the next.

        A token that is bound to owners gets theirs, and on the first page the names of what these refer to.
        """
        parameters = read_parameters(request, ("kind", "owner", "after", "limit"))
        limit = read_limit(parameters, DEFAULT_PAGE, LARGEST_PAGE)
        kind, owner, after = (read_one(parameters, name) for name in ("kind", "owner", "after"))
        behind = None
        if after is not None:
            first, _, name = after.partition(".")
            behind = (first, name)
        whole, owners = _sees_hashes(request), owners_of(request)

        def ask(connection: Connection) -> tuple[list[dict[str, Any]], list[str] | None]:
            rows = state.page(
                connection, kind=kind, owner=owner, owners=owners, after=behind, limit=limit, whole_hashes=whole
            )
            return rows, state.named_of_others(connection, owners) if owners and behind is None else None

        rows, named = await self._services.database.read(ask)
        following = f"{rows[-1]['kind']}.{rows[-1]['name']}" if len(rows) == limit else None
        told = {"resources": [_of_row(row) for row in rows], "next_after": following}
        answer(response, told if named is None else {**told, "of_others": named})

    async def on_get_one(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, kind: str, name: str
    ) -> None:
        """One resource; its revision is the `ETag`."""
        read_parameters(request, ())
        vault, owners = self._services.vault, owners_of(request)
        with as_api_errors():
            found = await self._services.database.read(
                lambda connection: state.read_one(connection, vault, (kind, name), owners=owners)
            )
        if found is None:
            raise ApiError("not_found", f"There is no {kind}.{name}"[:300] + ".")
        told = _told(found, whole_hashes=_sees_hashes(request))
        answer(response, told.body)
        response.set_header("ETag", f'"{told.revision}"')

    async def on_put_one(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, kind: str, name: str
    ) -> None:
        """Creates or replaces it; with `If-Match: "REVISION"`, only what was seen; `If-None-Match: *` only creates."""
        read_parameters(request, ())
        _check_kind(kind)
        wanted, how, vault = await read_body(request, PutBody), _edit(request), self._services.vault
        owner = owner_of_new(request, wanted.owner)

        def change(connection: Connection) -> Told:
            return _told(edit.put(connection, vault, (kind, name), wanted.spec, how, owner=owner))

        await carry_out(self._services, request, response, wanted, change)

    async def on_delete_one(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, kind: str, name: str
    ) -> None:
        """Takes it away, unless it is protected or something refers to it."""
        read_parameters(request, ())
        how, vault = _edit(request), self._services.vault

        def change(connection: Connection) -> Told:
            return told_of({"revision": edit.delete(connection, vault, (kind, name), how)})

        await carry_out(self._services, request, response, None, change)

    async def on_post_owner(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, kind: str, name: str
    ) -> None:
        """Hands it over to another owner."""
        read_parameters(request, ())
        wanted, how, vault = await read_body(request, OwnerBody), _edit(request), self._services.vault

        def change(connection: Connection) -> Told:
            return _told(edit.hand_over(connection, vault, (kind, name), how, owner=wanted.owner))

        await carry_out(self._services, request, response, wanted, change)


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of this noun; a name may have slashes, as prices do."""
    resource = ResourcesResource(services)
    return (
        Route("/resources", resource),
        Route("/owners/{kind}/{name:path}", resource, "owner"),
        Route("/resources/{kind}/{name:path}", resource, "one"),
    )


def _edit(request: falcon.asgi.Request) -> Edit:
    return Edit(actor_of(request), clock.microseconds(), _expected(request))


def _expected(request: falcon.asgi.Request) -> int | None:
    """The revision of `If-Match` (RFC 9110, section 13.1.1)."""
    match = request.get_header("If-Match")
    if match is None:
        return 0 if request.get_header("If-None-Match") == "*" else None
    if (revision := whole_number(match.strip().strip('"'))) is None:
        raise ApiError("bad_request", 'If-Match is the ETag of the resource, as in "17".', param="If-Match")
    return revision


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise ApiError("bad_request", f"There is no kind {kind[:64]!r}; there are {', '.join(KINDS)}.", param="kind")


def _sees_hashes(request: falcon.asgi.Request) -> bool:
    """Whoever may put a key needs all of its hash; to others its beginning tells it from another."""
    token: Token = request.context.token
    return token.scope.covers(Scope.APPLY)


def _told(found: LiveResource, *, whole_hashes: bool = True) -> Told:
    resource = found.resource
    return told_of(
        {
            "kind": resource.kind,
            "name": resource.name,
            "spec": shown(resource.spec, resource.references, whole_hashes=whole_hashes),
            "references": resource.references,
            "owner": found.owner,
            "protected": found.protected,
            "revision": found.revision,
            "created_at": moment_text(found.created_at),
            "changed_at": moment_text(found.changed_at),
            "changed_by": found.changed_by,
        },
        found.revision,
    )


def _of_row(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": row["kind"],
        "name": row["name"],
        "spec": row["spec"],
        "references": row["written_references"],
        "owner": row["owner"],
        "protected": bool(row["protected"]),
        "revision": row["revision"],
        "created_at": moment_text(row["created_at"]),
        "changed_at": moment_text(row["changed_at"]),
        "changed_by": row["changed_by"],
    }
