"""The outermost layer of the control plane: each request is counted, and has a line of the access log.

A line names the token that was used and never shows it: bearer tokens, cookies, bodies and queries are not looked at.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from gateway import clock, ids
from gateway.control_plane.metrics import ControlPlaneMetrics
from gateway.control_plane.told import TOLD, Told
from gateway.telemetry.access_log import AGENT, Caller, Callers, Lines
from gateway.telemetry.line_writer import FAREWELL_S, access_lines, line_for_people
from gateway.telemetry.redact import redact

_PROBES: Final = frozenset(("/healthz", "/readyz", "/metrics"))
_LONGEST_PATH: Final = 512
_FIRST_ERROR: Final = 400
_MICROSECONDS: Final = 1_000_000


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the access log.

    Args:
        time: When the request came, RFC 3339 in UTC.
        request_id: By which the audit log and the process's log know it.
        path: What was asked for, without its query.
        route: The route's template.
        status: HTTP status of the answer; 499 where none was given, since the client had left.
        token: The name of the token that was used, in the API or to sign in to the console.
    """

    time: str
    request_id: str
    method: str
    path: str
    route: str
    status: int
    duration_ms: int
    token: str | None
    token_id: str | None
    error_type: str | None
    error_code: str | None
    node: str
    client_address: str | None
    user_agent: str | None


class AccessLog:
    """Writes lines to standard output, JSON or for people; `lines` says of which requests."""

    def __init__(self, lines: Lines, *, pretty: bool) -> None:
        self._writer = access_lines()
        self._lines = lines
        self._render: Callable[[Line], bytes] = _pretty if pretty else msgspec.json.encode

    @property
    def dropped(self) -> int:
        """How many lines could not be written."""
        return self._writer.dropped

    def has(self, told: Told, status: int) -> bool:
        """Whether a request has a line; probes and scrapes that go well have none."""
        went_well = status < _FIRST_ERROR
        if went_well and told.route in _PROBES:
            return False
        return self._lines.has(went_well=went_well, request_id=told.request_id)

    def write(self, line: Line) -> None:
        """Queues a line."""
        self._writer.write(self._render(line) + b"\n")

    def flush(self) -> None:
        """Writes what is left, as far as it is read within a second."""
        self._writer.flush(FAREWELL_S)


class AccessLayer:
    """ASGI. Beside counting and logging it puts the client's address in the place of a trusted proxy's."""

    def __init__(self, app: Any, callers: Callers, metrics: ControlPlaneMetrics, log: AccessLog | None) -> None:
        self._app = app
        self._callers = callers
        self._metrics = metrics
        self._log = log

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Runs one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            if self._log is not None:
                self._log.flush()
            return
        told = scope[TOLD] = Told()
        peer, *rest = scope["client"]
        caller = self._callers.caller(peer, dict(scope["headers"]).get(AGENT), scope["headers"])
        scope["client"] = (caller.client_address, *rest)
        status, began_at, began = 499, clock.now(), clock.monotonic()

        async def note(event: Any) -> None:
            nonlocal status
            if event["type"] == "http.response.start":
                status = event["status"]
            await send(event)

        try:
            await self._app(scope, receive, note)
        finally:
            duration_s = clock.monotonic() - began
            told.request_id = told.request_id or ids.request_id()
            self._metrics.answered(told.route, scope["method"], status, told.error_type, duration_s)
            if self._log is not None and self._log.has(told, status):
                self._log.write(_line(scope, told, caller, status, began_at, duration_s))
                self._metrics.lines_dropped(self._log.dropped)


def _line(scope: Any, told: Told, caller: Caller, status: int, began_at: float, duration_s: float) -> Line:
    return Line(
        time=clock.iso_of_microseconds(int(began_at * _MICROSECONDS)),
        request_id=told.request_id,
        method=scope["method"],
        path=redact(scope["path"][:_LONGEST_PATH]),
        route=told.route,
        status=status,
        duration_ms=round(duration_s * 1000),
        token=told.token,
        token_id=told.token_id,
        error_type=told.error_type,
        error_code=told.error_code,
        node=caller.node,
        client_address=caller.client_address,
        user_agent=None if caller.user_agent is None else redact(caller.user_agent),
    )


def _pretty(line: Line) -> bytes:
    parts = (
        f"{line.time} {line.status} {line.duration_ms:>6} ms",
        line.token or "-",
        f"{line.method} {line.path}",
        line.error_code or "",
        line.client_address or "",
        line.request_id,
    )
    return line_for_people(parts)
