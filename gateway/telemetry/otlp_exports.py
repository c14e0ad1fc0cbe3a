"""Metrics and logs over OTLP, where OpenTelemetry's variables ask for them. Spans have collectors of their own."""

import logging
import os
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, Resource
from prometheus_client.metrics_core import Metric

from gateway import clock
from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.http_exporter import HttpSender, place_of_variables
from gateway.telemetry.otel_variables import Signal, Variables
from gateway.telemetry.tracing import resource

if TYPE_CHECKING:
    from gateway.telemetry.otlp_logs import LogsExport
    from gateway.telemetry.otlp_metrics import MetricsExport

_FAREWELL_S: Final = 5.0


class OtlpExports:
    """What this worker exports beside spans: `collect` says what Prometheus would be told. `close` ends the threads."""

    def __init__(self, variables: Variables, collect: Callable[[], Iterable[Metric]]) -> None:
        self._metrics = _metrics_export(collect, variables) if asks_for("metrics", variables) else None
        self._logs = _logs_export(variables) if asks_for("logs", variables) else None
        if self._logs is not None:
            logging.getLogger().addHandler(self._logs)

    @property
    def decided(self) -> Callable[[DecisionRecord, bytes], None] | None:
        """What takes decision records, where somebody does."""
        return None if self._logs is None else self._logs.decided

    def close(self) -> None:
        """Sends what waits, for some seconds at most. Blocks."""
        deadline = clock.monotonic() + _FAREWELL_S
        if self._metrics is not None:
            self._metrics.close()
        if self._logs is not None:
            logging.getLogger().removeHandler(self._logs)
            self._logs.end()
        for export in (self._metrics, self._logs):
            if export is not None:
                export.join(max(0.0, deadline - clock.monotonic()))


def asks_for(signal: Signal, variables: Variables) -> bool:
    """Whether a signal beside spans is to be exported, and can be."""
    wanted = variables.exporter(signal) == "otlp" and not variables.is_disabled
    return wanted and variables.protocol(signal) == "http/protobuf"


# PERF: messages of protobuf take memory, and most gateways need these never, so they are imported here.


def _metrics_export(collect: Callable[[], Iterable[Metric]], variables: Variables) -> "MetricsExport":
    from gateway.telemetry.otlp_metrics import MetricsExport  # noqa: PLC0415 - see above

    interval_s = variables.pause_s("OTEL_METRIC_EXPORT_INTERVAL", 60_000, least=1)
    return MetricsExport(collect, _opener("metrics", variables), _of_this_worker(), interval_s)


def _logs_export(variables: Variables) -> "LogsExport":
    from gateway.telemetry.otlp_logs import LogsExport  # noqa: PLC0415 - see above

    return LogsExport(
        _opener("logs", variables),
        _of_this_worker(),
        queue=variables.whole("OTEL_BLRP_MAX_QUEUE_SIZE", 2048),
        batch=variables.whole("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512),
        delay_s=variables.pause_s("OTEL_BLRP_SCHEDULE_DELAY", 1000),
    )


def _opener(signal: Signal, variables: Variables) -> Callable[[], HttpSender]:
    return lambda: HttpSender(place_of_variables(signal, variables))


def _of_this_worker() -> Resource:
    """What serves, told apart from the other workers: each has counters of its own."""
    told = resource()
    stated = told.attributes.get(SERVICE_INSTANCE_ID) or socket.gethostname()
    return told.merge(Resource({SERVICE_INSTANCE_ID: f"{stated}:{os.getpid()}"}))
