"""One collector of traces: a bounded queue that never waits, and a thread that makes spans of it and sends them."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from gateway.telemetry.collector_settings import Bounds
from gateway.telemetry.exporters import FIRST_WORDS
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.spans import spans_of
from gateway.telemetry.traced_request import TracedRequest
from gateway.turns import BREATH_S, PAUSE_S, turns

_BATCH_CONTENT_BYTES: Final = 1024 * 1024
"""Collectors take 4 MiB at once over gRPC unless they are told otherwise."""

_TURN: Final = 16

_log = logging.getLogger(__name__)


class TraceDestination:
    """Takes requests for one collector. `close` begins the end of its thread, `join` waits for it.

    Args:
        name: The collector's name, in metrics and in the log.
        open_exporter: Makes the exporter; called in the thread, since that may take a while.
        resource: What serves.
        bounds: How much may wait, and for how long.
        metrics: Where spans are counted.
        address: Where the collector is, for the log.
        scheme: That of the port that serves.
    """

    def __init__(
        self,
        name: str,
        open_exporter: Callable[[], SpanExporter],
        resource: Resource,
        bounds: Bounds,
        metrics: Metrics,
        address: str = "",
        scheme: str = "http",
    ) -> None:
        self._name = name
        self._where = f"{name} ({address})" if address else name
        self._open_exporter = open_exporter
        self._exporter: SpanExporter | None = None
        self._resource = resource
        self._scheme = scheme
        self._bounds = bounds
        self._metrics = metrics
        self._waiting: deque[TracedRequest] = deque()
        # Each has one writer, the event loop or the thread: none needs a lock, and no update is lost.
        self._spans_taken = self._spans_done = 0
        self._bytes_taken = self._bytes_done = 0
        self._wake = threading.Event()
        self._closing = False
        self._fails = False
        # A series that is born with its first event hides it from `rate`.
        metrics.spans_exported(0, name)
        for reason in ("queue_full", "export_failed"):
            metrics.spans_dropped(0, name, reason)
        # Nothing waits for it at the end of the process: a collector that hangs must not keep a worker alive.
        self._thread = threading.Thread(target=self._run, name=f"traces-{name}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs still."""
        return self._thread.is_alive()

    def export(self, request: TracedRequest) -> None:
        """Takes a sampled request without waiting; beyond the bound it is dropped and counted."""
        count, size = request.span_count, request.content_bytes
        waiting = self._spans_taken - self._spans_done + count
        if waiting > self._bounds.queue:
            self._metrics.spans_dropped(count, self._name, "queue_full")
            return
        if size and self._bytes_taken - self._bytes_done + size > self._bounds.content_bytes:
            self._metrics.content_dropped(self._name)
            request, size = msgspec.structs.replace(request, content=None), 0
        self._spans_taken += count
        self._bytes_taken += size
        self._waiting.append(request)
        if waiting >= self._bounds.batch and not self._wake.is_set():
            self._wake.set()

    def lose(self, request_id: str, spans: int, error: Exception) -> None:
        """Counts and logs a sampled request that no spans can be made of."""
        self._metrics.spans_dropped(spans, self._name, "export_failed")
        _log.error("no spans can be made of the request %s", request_id, exc_info=error)

    def close(self) -> None:
        """Sends what waits and lets go, without anybody waiting for it."""
        self._closing = True
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        """After `close`: waits until that is done, for so long at most, and counts what was not sent. Blocks."""
        self._thread.join(timeout_s)
        left = self._spans_taken - self._spans_done
        if left:
            self._metrics.spans_dropped(left, self._name, "export_failed")
        if self._exporter is not None and self._thread.is_alive():
            self._exporter.shutdown()

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(self._bounds.delay_s)
            self._wake.clear()
            while self._waiting:
                self._send()
        if self._exporter is not None:
            self._exporter.shutdown()

    def _send(self) -> None:
        spans, requests = self._next_batch()
        if not requests:
            return
        try:
            if self._exporter is None:
                self._exporter = self._open_exporter()
            succeeded = self._exporter.export(spans) is SpanExportResult.SUCCESS
            why = FIRST_WORDS.taken() or getattr(self._exporter, "failure", None)
        except Exception as error:  # noqa: BLE001 - whatever an exporter raises, the next batch is another try
            succeeded, why = False, f"{type(error).__name__}: {error}"
        self._spans_done += len(spans)
        self._bytes_done += sum(one.content_bytes for one in requests)
        if succeeded:
            self._metrics.spans_exported(len(spans), self._name)
        else:
            self._metrics.spans_dropped(len(spans), self._name, "export_failed")
        if succeeded is self._fails:
            self._fails = not succeeded
            self._tell(None if succeeded else why or "it did not say why")

    def _next_batch(self) -> tuple[list[ReadableSpan], list[TracedRequest]]:
        spans: list[ReadableSpan] = []
        requests: list[TracedRequest] = []
        content = 0
        for request in turns(self._taken(), _TURN, self._rest_s()):
            try:
                made = spans_of(request, self._resource, self._scheme)
            except Exception as error:  # noqa: BLE001 - what no spans can be made of keeps nobody else's from being sent
                self._spans_done += request.span_count
                self._bytes_done += request.content_bytes
                self.lose(request.record.request_id, request.span_count, error)
                continue
            requests.append(request)
            if request.content is not None:
                content += sum(map(_length, (made[-1].attributes or {}).values()))
            spans += made
            if len(spans) >= self._bounds.batch or content >= _BATCH_CONTENT_BYTES:
                break
        return spans, requests

    def _rest_s(self) -> float:
        """Pauses are for requests; they end where spans would be dropped for want of room, or of time."""
        many = min(2 * self._bounds.batch, self._bounds.queue // 2)
        return BREATH_S if self._closing or self._spans_taken - self._spans_done >= many else PAUSE_S

    def _taken(self) -> Iterator[TracedRequest]:
        while self._waiting:
            yield self._waiting.popleft()

    def _tell(self, failure: str | None) -> None:
        if failure is None:
            _log.info("the trace collector %s takes spans again", self._where)
        else:
            message = "the trace collector %s does not take spans: %s; they are dropped and counted until it does"
            _log.warning(message, self._where, failure)


def _length(value: Any) -> int:
    return len(value) if isinstance(value, str) else 0
