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

_REQUEST: Final = re.compile(r"(?i:grq_)(.+)")
_ULID: Final = re.compile(r"[0-9A-Z]{26}", re.IGNORECASE)
_TRACE: Final = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_NAMED: Final = re.compile(r"(?i:traceparent)\s*:\s*")


class SearchPage(Page):
    """Leads on."""

    keeps_owners_apart = ("GET",)

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """To the page of what was typed."""
        text = (read_one(read_parameters(request, ("q",)), "q") or "").strip()
        response.status, response.location = 303, _target(text)


def routes(console: Console) -> Iterable[tuple[str, Page]]:
    """The path of the box."""
    return (("/console/search", SearchPage(console)),)


def _target(text: str) -> str:
    if request := _REQUEST.fullmatch(text):
        rest = request[1]
        return page_path("requests", f"grq_{rest.upper() if _ULID.fullmatch(rest) else rest}")
    if trace_id := _trace_id(text.lower()):
        return Address(page_path("requests"), {}).link(trace_id=trace_id)
    return Address(page_path("keys"), {}).link(q=text or None)


def _trace_id(text: str) -> str | None:
    """The trace that a text is about: an id, written as a UUID perhaps, or a `traceparent` with its name or without."""
    if header := _TRACEPARENT.fullmatch(_NAMED.sub("", text, count=1)):
        return header[1]
    digits = text.replace("-", "")
    return digits if _TRACE.fullmatch(digits) else None
