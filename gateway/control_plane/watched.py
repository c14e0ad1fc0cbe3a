"""A control plane that is watched: its metrics, its access log, and what both are made from."""

import sys
from typing import TYPE_CHECKING, Any

from gateway.control_plane.access import AccessLayer, AccessLog
from gateway.control_plane.database import Database
from gateway.control_plane.metrics import ControlPlaneMetrics
from gateway.control_plane.metrics_resource import MetricsResource
from gateway.control_plane.mount import Mount
from gateway.control_plane.standing import Standing
from gateway.listening import certificate_ends
from gateway.telemetry import logs
from gateway.telemetry.access_log import Callers, lines_of

if TYPE_CHECKING:
    from gateway.control_plane.wiring import Options


class _Life:
    """Falcon middleware: what begins and ends with the server."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    async def process_startup(self, _scope: object, _event: object) -> None:
        self._standing.start()

    async def process_shutdown(self, _scope: object, _event: object) -> None:
        await self._standing.close()


class Watched:
    """Built with the options of the process, before its database."""

    def __init__(self, options: "Options") -> None:
        certificate = options.tls_cert
        self.metrics = ControlPlaneMetrics(None if certificate is None else certificate_ends(certificate))
        self._options = options

    def around(self, api: Any, console: Any, database: Database) -> AccessLayer:
        """Both apps as one, counted and logged, with `/metrics` beside the API."""
        options, lines = self._options, lines_of(self._options.access_log)
        token = options.metrics_token
        api.add_middleware(_Life(Standing(database, self.metrics)))
        api.add_route("/metrics", MetricsResource(self.metrics, None if token is None else token.get_secret_value()))
        log = None if lines is None else AccessLog(lines, pretty=logs.is_pretty(options.log_format, sys.stdout))
        callers = Callers(options.node, options.trusted_proxies)
        return AccessLayer(Mount(api, console), callers, self.metrics, log)
