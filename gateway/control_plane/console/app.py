"""The Falcon app of the console: its pages, their guard, and how failures look."""

from collections.abc import Mapping
from typing import Any, ClassVar

import falcon.asgi
from falcon.routing import CompiledRouter

from gateway.control_plane.console.failures import Failures
from gateway.control_plane.console.guard import Cookies, Guard
from gateway.control_plane.console.pages import PAGES
from gateway.control_plane.console.rendering import Console, Renderer
from gateway.control_plane.console.sign_in import SignIn, SignOut
from gateway.control_plane.console.static_files import PATH, StaticFiles
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.control_plane.told import Tell


class Front:
    """The bare address."""

    scopes: ClassVar[Mapping[str, Scope]] = {"GET": Scope.VIEW}
    is_public: ClassVar = True

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Leads to the first page."""
        response.status, response.location = 303, "/console"


def create_console(services: Services, *, secure: bool, trace_url: str | None = None) -> Any:
    """Everything under `/console`. `secure`: browsers reach it over TLS, so that cookies are for TLS alone."""
    files, cookies = StaticFiles(), Cookies(secure=secure)
    console = Console(services, Renderer(files), cookies, trace_url)
    router = CompiledRouter()
    app: Any = falcon.asgi.App(middleware=[Tell(router), Guard(services.database, cookies)], router=router)
    # An empty value is one: the requests of nobody in particular.
    app.req_options.keep_blank_qs_values = True
    Failures(console.renderer).handle(app)
    app.add_route("/", Front())
    app.add_route(f"{PATH}/{{digest}}/{{name:path}}", files)
    app.add_route("/console/sign-in", SignIn(console))
    app.add_route("/console/sign-out", SignOut(console))
    for page in PAGES:
        for path, resource in page(console):
            app.add_route(path, resource)
    return app
