"""How it goes: what needs attention, and what was spent."""

from collections.abc import Iterable

import falcon.asgi

from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.rendering import Console


class OverviewPage(Page):
    """The first page."""

    place = "overview"

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """For now, the spend."""
        response.status, response.location = 303, "/console/spend"


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The paths of this page."""
    return (("/console", OverviewPage(console)),)
