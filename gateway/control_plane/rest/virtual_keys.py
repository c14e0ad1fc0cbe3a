"""`/virtual-keys`: with their last use, and what happens in the life of one."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Final

import falcon.asgi
import msgspec
from sqlalchemy import Connection

from gateway import clock
from gateway.config.sections.base import moment
from gateway.control_plane import key_life, state
from gateway.control_plane.edit import Edit
from gateway.control_plane.errors import ApiError
from gateway.control_plane.figures import last_uses
from gateway.control_plane.key_search import has_imported_secret
from gateway.control_plane.repeats import Told
from gateway.control_plane.rest.body import read_body
from gateway.control_plane.rest.change import carry_out, told_of
from gateway.control_plane.rest.route import Route, actor_of, answer, owner_of_new, owners_of, read_parameters
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.ledger.period import moment_text
from gateway.ledger.report import read_limit, read_one
from gateway.plan.diff import shown
from gateway.plan.live import LiveResource
from gateway.secret import Secret

DEFAULT_PAGE: Final = 100
LARGEST_PAGE: Final = 1_000

_PURGE: Final = "purge"

Done = tuple[LiveResource, Secret | None]


class VerbBody(msgspec.Struct, frozen=True):
    """`grace_s` is for `rotate`, a day where it is left out; `expires_at` (RFC 3339, null for never) for `expire`."""

    grace_s: int | msgspec.UnsetType = msgspec.UNSET
    expires_at: str | msgspec.UnsetType | None = msgspec.UNSET


class MintBody(msgspec.Struct, frozen=True):
    """A key to make: its name, what a file would say of it but for the secret, and whose it is.

    That is `api` where nobody says; a token that is bound to one owner need not say it.
    """

    name: str
    spec: Any = {}
    owner: str | msgspec.UnsetType = msgspec.UNSET


class VirtualKeysResource:
    """Keys."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW, "POST": Scope.APPLY}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET", "POST")

    def __init__(self, services: Services) -> None:
        self._services = services

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """One page by name; `next_after` is the `after` of the next."""
        parameters = read_parameters(request, ("after", "limit"))
        limit = read_limit(parameters, DEFAULT_PAGE, LARGEST_PAGE)
        after, owners = read_one(parameters, "after"), owners_of(request)

        def ask(connection: Connection) -> list[dict[str, Any]]:
            behind = ("virtual_keys", after or "")
            rows = state.page(connection, kind="virtual_keys", owner=None, owners=owners, after=behind, limit=limit)
            used = last_uses(connection, [row["name"] for row in rows])
            return [_listed(row, used.get(row["name"])) for row in rows]

        rows = await self._services.database.read(ask)
        following = rows[-1]["name"] if len(rows) == limit else None
        answer(response, {"virtual_keys": rows, "next_after": following})

    async def on_post(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Makes a key that is not there yet. Its secret is in the answer, this once."""
        read_parameters(request, ())
        body = await read_body(request, MintBody)
        how, services = Edit(actor_of(request), clock.microseconds()), self._services
        owner = owner_of_new(request, body.owner)

        def make(connection: Connection) -> Told:
            found, secret = key_life.mint_key(
                connection,
                services.vault,
                body.name,
                how,
                mint=services.mint,
                written=body.spec,
                owner=owner,
            )
            told = {"name": body.name, "revision": found.revision, **_life_of(found)}
            return told_of({**told, "secret": secret.reveal(), "secret_hash": found.resource.spec["secret_hash"]})

        await carry_out(services, request, response, body, make)

    async def on_post_verb(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, name: str, verb: str
    ) -> None:
        """`rotate`, `disable`, `enable`, `revoke` or `expire`. A new secret is in the answer, this once.

        `purge` is for a key that is gone: what is kept of it for thirty days is given up at once.
        """
        read_parameters(request, ())
        do = VERBS.get(verb)
        if do is None and verb != _PURGE:
            raise ApiError("not_found", f"A key can be told to {', '.join((*VERBS, _PURGE))}.")
        body = await read_body(request, VerbBody, if_empty=VerbBody())
        _check_members(body, verb)
        how, services = Edit(actor_of(request), clock.microseconds()), self._services

        def make(connection: Connection) -> Told:
            if do is None:
                revision = key_life.purge(connection, name, how)
                return told_of({"name": name, "revision": revision})
            found, secret = do(connection, services, name, how, body)
            told: dict[str, Any] = {"name": name, "revision": found.revision, **_life_of(found)}
            return told_of({**told, **({} if secret is None else {"secret": secret.reveal()})})

        await carry_out(services, request, response, body, make)


def routes(services: Services) -> tuple[Route, ...]:
    """The routes of this noun."""
    resource = VirtualKeysResource(services)
    return Route("/virtual-keys", resource), Route("/virtual-keys/{name}/{verb}", resource, "verb")


def _rotate(connection: Connection, services: Services, name: str, how: Edit, body: VerbBody) -> Done:
    grace_s = key_life.DEFAULT_GRACE_S if body.grace_s is msgspec.UNSET else body.grace_s
    if not 0 <= grace_s <= key_life.MOST_GRACE_S:
        raise ApiError("bad_request", "grace_s is between 0 and a year of seconds.", param="grace_s")
    return key_life.rotate(connection, services.vault, name, how, mint=services.mint, grace_s=grace_s)


def _check_members(body: VerbBody, verb: str) -> None:
    """What a verb does not take would be ignored, and what `expire` does not say would be guessed."""
    for member, of in (("grace_s", "rotate"), ("expires_at", "expire")):
        if getattr(body, member) is not msgspec.UNSET and verb != of:
            raise ApiError("bad_request", f"`{member}` is for {of}, not for {verb}.", code="invalid_body", param=member)
    if verb == "expire" and body.expires_at is msgspec.UNSET:
        message = "Say when in `expires_at`, such as 2027-01-01T00:00:00Z; null is never."
        raise ApiError("bad_request", message, code="invalid_body", param="expires_at")


def _expire(connection: Connection, services: Services, name: str, how: Edit, body: VerbBody) -> Done:
    try:
        at: Any = moment(body.expires_at)
    except ValueError as error:
        raise ApiError("bad_request", f"expires_at: {error}", param="expires_at") from None
    at_s = None if at is None else int(at.timestamp())
    return key_life.expire(connection, services.vault, name, how, at_s=at_s), None


VERBS: Final[Mapping[str, Callable[[Connection, Services, str, Edit, VerbBody], Done]]] = {
    "rotate": _rotate,
    "disable": lambda connection, services, name, how, _: (
        key_life.disable(connection, services.vault, name, how),
        None,
    ),
    "enable": lambda connection, services, name, how, _: (key_life.enable(connection, services.vault, name, how), None),
    "revoke": lambda connection, services, name, how, _: (key_life.revoke(connection, services.vault, name, how), None),
    "expire": _expire,
}


def _listed(row: Mapping[str, Any], used: int | None) -> dict[str, Any]:
    return {
        "name": row["name"],
        "owner": row["owner"],
        "environment": row["spec"].get("environment", "live"),
        **_life(row["spec"]),
        "imported": has_imported_secret(row["spec"], clock.microseconds()),
        "last_used_at": None if used is None else moment_text(used),
    }


def _life_of(found: LiveResource) -> dict[str, Any]:
    return _life(shown(found.resource.spec, found.resource.references))


def _life(spec: Mapping[str, Any]) -> dict[str, Any]:
    ends = spec.get("previous_secret_expires_at")
    return {
        "state": spec.get("state", "active"),
        "expires_at": spec.get("expires_at"),
        "rotation_ends_at": ends,
    }
