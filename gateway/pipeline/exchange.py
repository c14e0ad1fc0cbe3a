"""The one mutable record of a request: what came, what was decided, what it cost."""

from collections.abc import Mapping

from gateway import clock
from gateway.counters.hold import Hold, Lease
from gateway.snapshot.snapshot import CompiledKey, Snapshot, Upstream
from gateway.telemetry import trace_context
from gateway.telemetry.decision_log import AttemptRecord
from gateway.upstream.request import UpstreamResponse
from gateway.usage import Usage
from gateway.wire.endpoints import Endpoint
from gateway.wire.request_body import RequestBody


class Exchange:
    """One request on its way. It holds its snapshot for life: a reload in between changes nothing for it.

    Stages read what earlier stages wrote, in the order of `run.STAGES`; nobody else writes.
    """

    __slots__ = (
        "attempts",
        "body",
        "body_treatment",
        "cache_mode",
        "cancelled_as",
        "client_left",
        "endpoint",
        "first_byte_at",
        "header_map",
        "headers",
        "holds",
        "key",
        "lease",
        "model",
        "model_asked",
        "model_source",
        "query",
        "request_id",
        "settled",
        "snapshot",
        "started",
        "started_at",
        "trace",
        "upstream",
        "upstream_body",
        "upstream_response",
        "usage",
        "usage_warning",
        "withholds_usage",
    )

    def __init__(
        self, snapshot: Snapshot, endpoint: Endpoint, headers: list[tuple[bytes, bytes]], query: bytes, request_id: str
    ) -> None:
        self.started = clock.monotonic()
        self.started_at = clock.now()
        self.request_id = request_id
        self.snapshot = snapshot
        self.endpoint = endpoint
        self.headers = headers
        self.header_map: Mapping[bytes, bytes] = dict(headers)
        self.query = query
        self.trace = trace_context.accept(self.header_map)

        self.body: RequestBody | None = None
        self.key: CompiledKey | None = None
        self.holds: list[Hold] = []
        self.lease: Lease | None = None
        self.model_asked: str | None = None
        self.model: str | None = None
        self.model_source: str | None = None
        self.upstream: Upstream | None = None
        self.cache_mode = "respect"
        self.upstream_body = b""
        self.body_treatment: str | None = None
        self.withholds_usage = False

        self.attempts: list[AttemptRecord] = []
        self.upstream_response: UpstreamResponse | None = None
        self.first_byte_at: float | None = None
        self.usage: Usage | None = None
        self.usage_warning: str | None = None
        self.client_left = False
        self.cancelled_as = "client_left"
        self.settled = False
