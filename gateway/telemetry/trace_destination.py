"""One collector of traces: a bounded queue that never waits, and a thread that sends what is in it."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec
from opentelemetry.sdk.resources import Resource

from gateway.telemetry.collector_settings import Bounds
from gateway.telemetry.http_exporter import Delivery, Sender
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.otlp import request_of
from gateway.telemetry.spans import spans_of
from gateway.telemetry.traced_request import TracedRequest
from gateway.turns import BREATH_S, PAUSE_S
from gateway.version import __version__

_SCOPE: Final = "declarative-llm-gateway"
_BATCH_BYTES: Final = 1024 * 1024
"""Collectors take 4 MiB at once over gRPC unless they are told otherwise."""

_TURN, _PLAIN_TURN = 16, 64
"""After how many requests with content, and without, those that are served come in between."""

_log = logging.getLogger(__name__)


class TraceDestination:
    """Takes requests for one collector. `close` begins the end of its thread, `join` waits for it.

    PERF: its thread is woken for whole batches and by time, never for a request: each time costs two changes of thread.

    Args:
        name: The collector's name, in metrics and in the log.
        open_sender: Makes what sends; called in the thread, since that may take a while.
        resource: What serves.
        bounds: How much may wait, and for how long.
        metrics: Where spans are counted.
        address: Where the collector is, for the log.
        scheme: That of the gateway's port.
    """

    def __init__(
        self,
        name: str,
        open_sender: Callable[[], Sender],
        resource: Resource,
        bounds: Bounds,
        metrics: Metrics,
        address: str = "",
        *,
        scheme: str = "http",
    ) -> None:
        self._name = name
        self._where = f"{name} ({address})" if address else name
        self._delivery = Delivery(open_sender, self._tell)
        self._resource = resource
        self._bounds = bounds
        self._metrics = metrics
        self._scheme = scheme
        self._waiting: deque[TracedRequest] = deque()
        # Each has one writer, the event loop or the thread: none needs a lock, and no update is lost.
        self._spans_taken = self._spans_done = 0
        self._bytes_taken = self._bytes_done = 0
        self._wake = threading.Event()
        self._closing = False
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

    def export(self, request: TracedRequest, count: int) -> None:
        """Takes a request, which makes `count` spans, without waiting.

        They are counted as dropped where there is no room for them, and content beyond its own bound is left out.
        """
        waiting = self._spans_taken + count - self._spans_done
        if waiting > self._bounds.queue:
            self._metrics.spans_dropped(count, self._name, "queue_full")
            return
        size = 0 if request.content is None else request.content.size
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
        left = self._spans_waiting
        if left:
            self._metrics.spans_dropped(left, self._name, "export_failed")
        if self._thread.is_alive():
            self._delivery.close()

    @property
    def _spans_waiting(self) -> int:
        return self._spans_taken - self._spans_done

    def _run(self) -> None:
        while not self._closing:
            is_full = self._wake.wait(self._bounds.delay_s)
            self._wake.clear()
            came = self._spans_taken
            # What is less than a batch goes when its time has come: it may become one until then.
            while self._waiting and (
                self._spans_waiting >= self._bounds.batch or (not is_full and self._spans_done < came)
            ):
                self._send()
        while self._waiting:
            self._send()
        self._delivery.close()

    def _send(self) -> None:
        spans, requests = self._next_batch()
        if not requests:
            return
        arrived = self._delivery.send(lambda: request_of(self._resource, _SCOPE, __version__, spans))
        count = sum(one.span_count for one in requests)
        self._spans_done += count
        self._bytes_done += sum(one.content_bytes for one in requests)
        if arrived:
            self._metrics.spans_exported(count, self._name)
        else:
            self._metrics.spans_dropped(count, self._name, "export_failed")

    def _next_batch(self) -> tuple[list[bytes], list[TracedRequest]]:
        spans: list[bytes] = []
        requests: list[TracedRequest] = []
        count = size = captured = plain = 0
        while self._waiting and count < self._bounds.batch and size < _BATCH_BYTES:
            request = self._waiting.popleft()
            if request.content is None:
                plain += 1
                if not plain % _PLAIN_TURN:
                    time.sleep(BREATH_S)
            else:
                captured += 1
                if not captured % _TURN:
                    time.sleep(self._rest_s())
            try:
                encoded = spans_of(request, self._scheme)
            except Exception as error:  # noqa: BLE001 - what no spans can be made of keeps nobody else's from being sent
                self._spans_done += request.span_count
                self._bytes_done += request.content_bytes
                self.lose(request.record.request_id, request.span_count, error)
                continue
            spans.append(encoded)
            requests.append(request)
            count += request.span_count
            size += len(encoded)
        return spans, requests

    def _rest_s(self) -> float:
        """Pauses are for requests; they end where spans would be dropped for want of room, or of time."""
        many = min(2 * self._bounds.batch, self._bounds.queue // 2)
        return BREATH_S if self._closing or self._spans_waiting >= many else PAUSE_S

    def _tell(self, failure: str | None) -> None:
        if failure is None:
            _log.info("the trace collector %s takes spans again", self._where)
        else:
            message = "the trace collector %s does not take spans: %s; they are dropped and counted until it does"
            _log.warning(message, self._where, failure)
