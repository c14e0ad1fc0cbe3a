"""The search box: an id of a request or a trace leads to it, anything else to the keys."""

import re
from collections.abc import Iterable
from typing import Final

import falcon.asgi

from gateway.control_plane.console.address import Address, page_path
from gateway.control_plane.console.pages.base import Page
from gateway.control_plane.console.rendering import Console
from gateway.control_plane.rest.route import read_parameters
from gateway.ledger.report import read_one

_TRACE: Final = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


class SearchPage(Page):
    """Leads on."""

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """To the page of what was typed."""
        text = (read_one(read_parameters(request, ("q",)), "q") or "").strip()
        response.status, response.location = 303, _target(text)


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The path of the box."""
    return (("/console/search", SearchPage(console)),)


def _target(text: str) -> str:
    if text.startswith("grq_"):
        return page_path("requests", text)
    if _TRACE.fullmatch(text):
        return Address(page_path("requests"), {}).link(trace_id=text.lower())
    return Address(page_path("keys"), {}).link(q=text or None)
