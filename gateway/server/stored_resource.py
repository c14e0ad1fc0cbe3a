"""The paths of what providers keep: which row of the table a request means, and then the walk of every request."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import falcon.asgi

from gateway.providers.base import is_path_segment
from gateway.server.llm_resource import LlmResource
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.stored_endpoints import of_request
from gateway.shapes.vendor import Vendor

_ANTHROPIC: Final = "anthropic-version"

Responder = Callable[..., Awaitable[None]]


class StoredResource:
    """Every method of one path. Where both vendors have it, `anthropic-version` says whose is meant.

    Args:
        rows: The rows of the table at this path, by method and vendor.
        resource: Makes the resource that answers a row.
        called: The resource that a POST to this path goes to in any case, if there is one.
    """

    def __init__(
        self, rows: list[Endpoint], resource: Callable[[Endpoint], LlmResource], called: LlmResource | None
    ) -> None:
        by_method: dict[str, dict[Vendor, tuple[Endpoint, LlmResource]]] = {}
        for row in rows:
            by_method.setdefault(row.method, {})[row.shape.vendor] = row, resource(row)
        for method, of_vendors in by_method.items():
            setattr(self, f"on_{method.lower()}", _responder(of_vendors))
        if called is not None:
            self.on_post = called.on_post


def _responder(of_vendors: Mapping[Vendor, tuple[Endpoint, LlmResource]]) -> Responder:
    async def respond(request: falcon.asgi.Request, response: falcon.asgi.Response, **parts: Any) -> None:
        wanted = Vendor.OPENAI if request.get_header(_ANTHROPIC) is None else Vendor.ANTHROPIC
        row, resource = of_vendors.get(wanted) or next(iter(of_vendors.values()))
        if not all(map(is_path_segment, parts.values())):
            raise falcon.HTTPNotFound
        await resource.answer_at(request, response, of_request(row, parts) if parts else row)

    return respond
