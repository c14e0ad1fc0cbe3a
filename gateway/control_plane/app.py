"""The Falcon app of the control plane: the routes of every noun, one set of error handlers, one door for tokens."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar, Final

import falcon
import falcon.asgi
from falcon.routing import CompiledRouter

from gateway.control_plane import error_response
from gateway.control_plane.authentication import Authentication
from gateway.control_plane.errors import ApiError
from gateway.control_plane.health import Healthz, Readyz
from gateway.control_plane.openapi import document
from gateway.control_plane.rest import (
    audit,
    budgets,
    following,
    ledger,
    plans,
    requests,
    resources,
    spend,
    traffic,
    virtual_keys,
)
from gateway.control_plane.rest.route import PREFIX, Route, answer
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope, Token
from gateway.control_plane.told import Tell
from gateway.ledger.period import BadParameterError

NOUNS: Final[tuple[Callable[[Services], tuple[Route, ...]], ...]] = (
    spend.routes,
    ledger.routes,
    budgets.routes,
    requests.routes,
    traffic.routes,
    plans.routes,
    resources.routes,
    virtual_keys.routes,
    following.routes,
    audit.routes,
)
"""The API, noun by noun: each a module of `rest` that says its own paths and scopes."""


class Description:
    """The API in OpenAPI 3.1."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    keeps_owners_apart: ClassVar[Collection[str]] = ("GET",)

    def __init__(self, routes: Sequence[Route]) -> None:
        self._document = document(routes)

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The document."""
        answer(response, self._document)


class _Life:
    """What begins and ends with the server."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def process_startup(self, _scope: object, _event: object) -> None:
        if self._services.news is not None:
            self._services.news.start()
        if self._services.prunes is not None:
            self._services.prunes.start()

    async def process_shutdown(self, _scope: object, _event: object) -> None:
        if self._services.news is not None:
            await self._services.news.close()
        if self._services.prunes is not None:
            await self._services.prunes.close()
        self._services.database.close()


def create_app(services: Services, trusted: Token | None = None) -> Any:
    """Everything that has a path. A caller in this process needs no token: `trusted` stands for it."""
    router = CompiledRouter()
    middleware: Any = [_Life(services), Tell(router), Authentication(services.database, trusted)]
    app: Any = falcon.asgi.App(middleware=middleware, router=router)
    app.add_error_handler(Exception, error_response.on_defect)
    app.add_error_handler(falcon.HTTPError, error_response.on_http_error)
    app.add_error_handler(BadParameterError, error_response.on_bad_parameter)
    app.add_error_handler(ApiError, error_response.on_api_error)
    routes = [route for noun in NOUNS for route in noun(services)]
    for route in (*routes, Route("/openapi.json", Description(routes))):
        app.add_route(PREFIX + route.path, route.resource, suffix=route.suffix)
    app.add_route("/healthz", Healthz())
    app.add_route("/readyz", Readyz(services.database))
    return app
