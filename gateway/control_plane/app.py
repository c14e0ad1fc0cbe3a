"""The Falcon app of the control plane: the routes of every noun, one set of error handlers, one door for tokens."""

from collections.abc import Callable
from typing import Any, Final

import falcon
import falcon.asgi

from gateway.control_plane import error_response
from gateway.control_plane.authentication import Authentication
from gateway.control_plane.database import Database
from gateway.control_plane.errors import ApiError
from gateway.control_plane.health import Healthz, Readyz
from gateway.control_plane.rest import budgets, requests, spend
from gateway.control_plane.rest.route import PREFIX, Route
from gateway.control_plane.services import Services
from gateway.ledger.period import BadParameterError

NOUNS: Final[tuple[Callable[[Services], tuple[Route, ...]], ...]] = (
    spend.routes,
    budgets.routes,
    requests.routes,
)
"""The API, noun by noun: each a module of `rest` that says its own paths and scopes."""


class _Closing:
    """Closes the database when the server ends."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def process_shutdown(self, _scope: object, _event: object) -> None:
        self._database.close()


def create_app(services: Services) -> Any:
    """Everything that has a path."""
    app: Any = falcon.asgi.App(middleware=[_Closing(services.database), Authentication(services.database)])
    app.add_error_handler(Exception, error_response.on_defect)
    app.add_error_handler(falcon.HTTPError, error_response.on_http_error)
    app.add_error_handler(BadParameterError, error_response.on_bad_parameter)
    app.add_error_handler(ApiError, error_response.on_api_error)
    for routes in NOUNS:
        for route in routes(services):
            app.add_route(PREFIX + route.path, route.resource, suffix=route.suffix)
    app.add_route("/healthz", Healthz())
    app.add_route("/readyz", Readyz(services.database))
    return app
