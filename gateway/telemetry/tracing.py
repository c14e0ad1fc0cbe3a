"""Spans on their way to a collector: handed over in a bounded queue, made and sent by a thread.

Configured by OpenTelemetry's own variables
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). Nothing is traced until one names
an endpoint or an exporter.
"""

import logging
import os
import threading
from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec
from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from gateway.telemetry.metrics import Metrics
from gateway.telemetry.spans import spans_of
from gateway.telemetry.trace_context import TraceContext
from gateway.telemetry.traced_request import TracedRequest
from gateway.version import __version__

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SPAN_NAME = "chat"
_FAREWELL_S = 5.0

_log = logging.getLogger(__name__)


class TracingError(Exception):
    """The variables ask for what cannot be had; the message says how to mend it."""


class Bounds(msgspec.Struct, frozen=True):
    """How many spans may wait, how many go at once, and after how many seconds at the latest."""

    queue: int = 2048
    batch: int = 512
    delay_s: float = 5.0


class Tracing:
    """Samples requests and exports the sampled ones. `close` ends the thread."""

    def __init__(
        self, exporter: SpanExporter, sampler: Sampler, resource: Resource, bounds: Bounds, metrics: Metrics
    ) -> None:
        self._exporter = exporter
        self._sampler = sampler
        self._resource = resource
        self._bounds = bounds
        self._metrics = metrics
        self._waiting: deque[TracedRequest] = deque()
        # Each has one writer, the event loop and the thread: neither needs a lock, and no update is lost.
        self._spans_taken = 0
        self._spans_done = 0
        self._wake = threading.Event()
        self._closing = False
        self._fails = False
        # Nothing waits for it at the end of the process: a collector that hangs must not keep a worker alive.
        self._thread = threading.Thread(target=self._run, name="trace-export", daemon=True)
        self._thread.start()

    def sample(self, context: TraceContext) -> TraceContext:
        """The same place in the trace, with the sampler's verdict in its flags."""
        trace_id = int(context.trace_id, 16)
        parent = None
        if context.parent_span_id is not None:
            flags = TraceFlags(int(context.flags, 16) & TraceFlags.SAMPLED)
            remote = SpanContext(trace_id, int(context.parent_span_id, 16), is_remote=True, trace_flags=flags)
            parent = trace.set_span_in_context(NonRecordingSpan(remote))
        verdict = self._sampler.should_sample(parent, trace_id, _SPAN_NAME, SpanKind.SERVER)
        wanted = "01" if verdict.decision is Decision.RECORD_AND_SAMPLE else "00"
        return context if context.flags == wanted else msgspec.structs.replace(context, flags=wanted)

    def export(self, request: TracedRequest) -> None:
        """Takes a sampled request without waiting; beyond the bound it is dropped and counted."""
        count = request.span_count
        waiting = self._spans_taken - self._spans_done + count
        if waiting > self._bounds.queue:
            self._metrics.spans_dropped(count, "queue_full")
            return
        self._spans_taken += count
        self._waiting.append(request)
        if waiting >= self._bounds.batch and not self._wake.is_set():
            self._wake.set()

    def close(self) -> None:
        """Sends what waits, for some seconds at most. Blocks."""
        self._closing = True
        self._wake.set()
        self._thread.join(_FAREWELL_S)
        left = self._spans_taken - self._spans_done
        if left:
            self._metrics.spans_dropped(left, "export_failed")
        self._exporter.shutdown()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._bounds.delay_s)
            self._wake.clear()
            while self._waiting:
                self._send()

    def _send(self) -> None:
        spans = []
        taken = 0
        while self._waiting and taken < self._bounds.batch:
            request = self._waiting.popleft()
            spans += spans_of(request, self._resource)
            taken += request.span_count
        try:
            succeeded = self._exporter.export(spans) is SpanExportResult.SUCCESS
        except Exception:  # noqa: BLE001 - whatever an exporter raises, the next batch is another try
            succeeded = False
        self._spans_done += taken
        if succeeded:
            self._metrics.spans_exported(taken)
        else:
            self._metrics.spans_dropped(taken, "export_failed")
        if succeeded is self._fails:
            self._fails = not succeeded
            _log.log(*((logging.INFO, "the trace collector takes spans again") if succeeded else _LOST))


_LOST = (logging.WARNING, "the trace collector does not take spans; they are dropped and counted until it does")


def open_tracing(metrics: Metrics, environ: Mapping[str, str] = os.environ) -> Tracing | None:
    """Tracing as the variables ask for it; `None` where they do not. Raises `TracingError`."""
    exporters = [name.strip() for name in environ.get("OTEL_TRACES_EXPORTER", "").split(",") if name.strip()]
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporters == ["none"]:
        return None
    if not exporters and not any(environ.get(name, "").strip() for name in _ENDPOINTS):
        return None
    if exporters not in ([], ["otlp"]):
        raise TracingError(f"OTEL_TRACES_EXPORTER is {','.join(exporters)}; the gateway knows otlp and none")
    # It logs every batch that is lost; one line when that begins and one when it ends say as much.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    bounds = Bounds(
        queue=_whole("OTEL_BSP_MAX_QUEUE_SIZE", environ, Bounds().queue),
        batch=_whole("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", environ, Bounds().batch),
        delay_s=_whole("OTEL_BSP_SCHEDULE_DELAY", environ, 5000) / 1000,
    )
    sampler = TracerProvider(shutdown_on_exit=False).sampler
    return Tracing(_exporter(environ), sampler, _resource(), bounds, metrics)


def _exporter(environ: Mapping[str, str]) -> SpanExporter:
    protocol = next((environ[name].strip() for name in _PROTOCOLS if environ.get(name, "").strip()), "http/protobuf")
    if protocol == "http/protobuf":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - only one is needed
            OTLPSpanExporter as HttpExporter,
        )

        return HttpExporter()
    if protocol != "grpc":
        raise TracingError(f"the protocol {protocol!r} of OTLP is not known here; there are http/protobuf and grpc")
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (  # noqa: PLC0415 - an extra
            OTLPSpanExporter as GrpcExporter,
        )
    except ImportError:
        raise TracingError(
            "OTLP over gRPC needs a package: pip install 'declarative-llm-gateway[otlp-grpc]', or set "
            "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"
        ) from None
    return GrpcExporter()


def _resource() -> Resource:
    """What the variables say of the service; its name is the gateway's where they do not give one."""
    stated = Resource.create({})
    own = {SERVICE_VERSION: __version__}
    if str(stated.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        own[SERVICE_NAME] = "llm-gateway"
    return stated.merge(Resource(own))


def _whole(name: str, environ: Mapping[str, str], default: int) -> int:
    text = environ.get(name, "").strip()
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise TracingError(f"{name} is {text!r}; a whole number above 0 belongs there")
    return int(text)
