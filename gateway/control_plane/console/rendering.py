"""Templates: everything that they print is escaped, and what they name has to be there."""

from pathlib import Path
from typing import Any, Final

import falcon
import falcon.asgi
import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gateway import clock
from gateway.control_plane.console import formats
from gateway.control_plane.console.address import page_path
from gateway.control_plane.console.guard import Cookies
from gateway.control_plane.console.static_files import StaticFiles
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope
from gateway.version import __version__

MENU: Final = (
    ("overview", "Overview", "/console", "o"),
    ("spend", "Spend", "/console/spend", "s"),
    ("budgets", "Budgets", "/console/budgets", "b"),
    ("keys", "Keys", "/console/keys", "k"),
    ("providers", "Providers", "/console/providers", "p"),
    ("requests", "Requests", "/console/requests", "r"),
    ("configuration", "Configuration", "/console/configuration", "c"),
)
"""Place, title, path, and the letter that leads there after a `g`."""


class Renderer:
    """Fills templates in."""

    def __init__(self, files: StaticFiles) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(formats.FILTERS)
        self._environment.globals.update(
            static=files.url, version=__version__, page_path=page_path, percent=formats.percent
        )

    def render(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response, template: str, **content: Any
    ) -> None:
        """Answers with a page. `place` of the content is where in the menu it is."""
        session = request.context.session
        around = {
            "session": session,
            "may_act": session is not None and session.token.scope.covers(Scope.APPLY),
            "menu": MENU,
            "now": clock.microseconds(),
            "place": "",
        }
        response.content_type = "text/html; charset=utf-8"
        response.text = self._environment.get_template(template).render({**around, **content})


class Console(msgspec.Struct, frozen=True):
    """What every page works with. `trace_url` is where traces are shown, with `{trace_id}` in it."""

    services: Services
    renderer: Renderer
    cookies: Cookies
    trace_url: str | None = None
