"""One address for two apps: the API, which never reads a cookie, and the console, which never reads a bearer token."""

from typing import Any

from gateway.control_plane.leaving import RECEIVE


class Mount:
    """ASGI. The console has `/console` and the bare `/`; everything else, life cycle included, is the API's."""

    def __init__(self, api: Any, console: Any) -> None:
        self._api = api
        self._console = console

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hands a request to the app that has its path."""
        is_page = scope["type"] == "http" and _is_of_console(scope["path"])
        scope[RECEIVE] = receive
        await (self._console if is_page else self._api)(scope, receive, send)


def _is_of_console(path: str) -> bool:
    return path in ("/", "/console") or path.startswith("/console/")
