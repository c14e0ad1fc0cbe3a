"""One address for two apps: the API, which never reads a cookie, and the console, which never reads a bearer token."""

from typing import Any, Final

from gateway.control_plane.errors import ApiError
from gateway.control_plane.leaving import RECEIVE
from gateway.control_plane.told import TOLD
from gateway.wire.request_head import HeadFault, head_fault, path_fault

_MOST_HEAD_BYTES: Final = 64 * 1024


class Mount:
    """ASGI. The console has `/console` and the bare `/`; everything else, life cycle included, is the API's."""

    def __init__(self, api: Any, console: Any) -> None:
        self._api = api
        self._console = console

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hands a request to the app that has its path."""
        if scope["type"] == "http" and (fault := _fault(scope)) is not None:
            await _refuse(scope, send, fault)
            return
        is_page = scope["type"] == "http" and _is_of_console(scope["path"])
        scope[RECEIVE] = receive
        await (self._console if is_page else self._api)(scope, receive, send)


def _fault(scope: Any) -> HeadFault | None:
    target: bytes = scope["raw_path"]
    # Granian's name for HTTP/1.0 is `1`. Names of what is kept may stand anywhere, with slashes in them.
    return head_fault(
        scope["http_version"], target, scope["query_string"], scope["headers"], _MOST_HEAD_BYTES
    ) or path_fault(target, (b"/",))


async def _refuse(scope: Any, send: Any, fault: HeadFault) -> None:
    error = ApiError("bad_request", fault.message, code=fault.kind)
    if (told := scope.get(TOLD)) is not None:
        told.error_type, told.error_code = error.type, error.code
    body = error.envelope()
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_of_console(path: str) -> bool:
    return path in ("/", "/console") or path.startswith("/console/")
