"""What a resource module gives to the app, and what resources share: parameters in, JSON out."""

from collections.abc import Collection, Mapping
from typing import ClassVar, Final, Protocol

import falcon
import falcon.asgi
import msgspec

from gateway.control_plane.audit import Actor
from gateway.control_plane.errors import ApiError
from gateway.control_plane.tokens import Scope, Token
from gateway.ledger.report import Parameters

PREFIX: Final = "/api/gateway/v1"
"""Where the API begins; under it every path wants a token."""
NOBODYS_FILE: Final = "api"
"""The owner of what no file has."""


class Resource(Protocol):
    """A Falcon resource. `scopes` names every method that it takes and the scope which that wants.

    `keeps_owners_apart` names those methods that ask `owners_of` whose things they may tell and touch: tokens that are
    bound to owners are let through to these alone.
    """

    scopes: ClassVar[Mapping[str, Scope]]
    keeps_owners_apart: ClassVar[Collection[str]]


class Route(msgspec.Struct, frozen=True):
    """A path under `PREFIX`, and the resource that answers; with a suffix, by its `on_get_SUFFIX` and so on."""

    path: str
    resource: Resource
    suffix: str | None = None


def read_parameters(request: falcon.asgi.Request, known: Collection[str]) -> Parameters:
    """The query's parameters, each with all of its values. Raises `ApiError` for unknown ones."""
    parameters: dict[str, list[str]] = {}
    for name, value in falcon.uri.parse_query_string(request.query_string, keep_blank=True, csv=False).items():
        if name not in known:
            raise ApiError(
                "bad_request",
                f"There is no parameter {name[:64]!r} here; there are {', '.join(known)}.",
                code="unknown_parameter",
                param=name[:64],
            )
        parameters[name] = value if isinstance(value, list) else [value]
    return parameters


def actor_of(request: falcon.asgi.Request) -> Actor:
    """Who acts, for the audit log: the token's name, and the id of this request."""
    token: Token = request.context.token
    return Actor(token.name, request.context.request_id, token.owners, token.id)


def owners_of(request: falcon.asgi.Request) -> tuple[str, ...] | None:
    """The owners that the caller's token is bound to; `None`: it is bound to nobody."""
    token: Token = request.context.token
    return token.owners


def owner_of_new(request: falcon.asgi.Request, said: str | msgspec.UnsetType) -> str:
    """Whose something new is: whom the caller says, else the one that the token is bound to. Raises `ApiError`."""
    return said if said is not msgspec.UNSET else owner_of_bound(owners_of(request))


def owner_of_bound(owners: tuple[str, ...] | None) -> str:
    """Whose something is that nobody says an owner of. Raises `ApiError` for a token that is bound to several."""
    if owners is None:
        return NOBODYS_FILE
    if len(owners) > 1:
        message = f"The token is bound to {', '.join(owners)}: say whose this is."
        raise ApiError("bad_request", message, param="owner")
    return owners[0]


def answer(response: falcon.asgi.Response, body: object) -> None:
    """200 with a JSON body that nobody keeps."""
    response.data = msgspec.json.encode(body)
    response.content_type = "application/json"
    response.set_header("Cache-Control", "no-store")
