"""Metrics over OTLP: what Prometheus is told, sent to a collector now and then.

Names, labels and values are those of `/metrics`; values are cumulative since the worker began, and each worker tells
its own under a `service.instance.id` of its own.

https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/metrics/v1/metrics.proto
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby, pairwise
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.sdk.resources import Resource
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from gateway import clock
from gateway.telemetry.http_exporter import Delivery, HttpSender
from gateway.telemetry.otlp import resource_message
from gateway.version import __version__

_NANOSECONDS: Final = 1_000_000_000
_CUMULATIVE: Final = metrics_pb2.AGGREGATION_TEMPORALITY_CUMULATIVE
_SCOPE: Final = InstrumentationScope(name="declarative-llm-gateway", version=__version__)

_log = logging.getLogger(__name__)


class MetricsExport:
    """A thread that sends the metrics of this worker every so often, and once more at the end.

    Args:
        collect: What Prometheus would be told.
        open_sender: Makes the sender; called in the thread.
        resource: What serves.
        interval_s: Seconds between two batches.
    """

    def __init__(
        self,
        collect: Callable[[], Iterable[Metric]],
        open_sender: Callable[[], HttpSender],
        resource: Resource,
        interval_s: float,
    ) -> None:
        self._collect = collect
        self._delivery = Delivery(open_sender, _tell)
        self._resource = resource
        self._interval_s = interval_s
        self._began = int(clock.now() * _NANOSECONDS)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otlp-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Sends a last time, without anybody waiting for it."""
        self._closing.set()

    def join(self, timeout_s: float) -> None:
        """After `close`: waits until that is done, for so long at most. Blocks."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._closing.wait(self._interval_s)
            self._delivery.send(self._batch)
        self._delivery.close()

    def _batch(self) -> bytes:
        return request_of(self._collect(), self._resource, self._began, int(clock.now() * _NANOSECONDS))


def _tell(failure: str | None) -> None:
    if failure is None:
        _log.info("metrics are taken over OTLP again")
    else:
        _log.warning("metrics are not taken over OTLP: %s; the next ones that are have what these had", failure)


def request_of(families: Iterable[Metric], resource: Resource, began: int, now: int) -> bytes:
    """The `ExportMetricsServiceRequest` of families; `began` and `now` are nanoseconds since the epoch."""
    scope = metrics_pb2.ScopeMetrics(scope=_SCOPE, metrics=[_metric(one, began, now) for one in families])
    told = metrics_pb2.ResourceMetrics(resource=resource_message(resource), scope_metrics=[scope])
    encoded: bytes = ExportMetricsServiceRequest(resource_metrics=[told]).SerializeToString()
    return encoded


def _metric(family: Metric, began: int, now: int) -> metrics_pb2.Metric:
    metric = metrics_pb2.Metric(name=family.name, description=family.documentation, unit=family.unit)
    if family.type == "histogram":
        metric.histogram.aggregation_temporality = _CUMULATIVE
        metric.histogram.data_points.extend(_histograms(family, began, now))
        return metric
    points = [
        metrics_pb2.NumberDataPoint(
            attributes=_attributes(one.labels),
            start_time_unix_nano=began if family.type == "counter" else 0,
            time_unix_nano=now,
            as_double=one.value,
        )
        for one in family.samples
        if not one.name.endswith("_created")
    ]
    if family.type == "counter":
        metric.sum.aggregation_temporality = _CUMULATIVE
        metric.sum.is_monotonic = True
        metric.sum.data_points.extend(points)
    else:
        metric.gauge.data_points.extend(points)
    return metric


def _histograms(family: Metric, began: int, now: int) -> Iterable[metrics_pb2.HistogramDataPoint]:
    def labels(sample: Sample) -> list[tuple[str, str]]:
        return sorted((name, value) for name, value in sample.labels.items() if name != "le")

    for key, group in groupby(sorted(family.samples, key=labels), labels):
        samples = list(group)
        buckets = sorted((float(one.labels["le"]), int(one.value)) for one in samples if one.name.endswith("_bucket"))
        up_to = [0, *(count for _, count in buckets)]
        yield metrics_pb2.HistogramDataPoint(
            attributes=_attributes(dict(key)),
            start_time_unix_nano=began,
            time_unix_nano=now,
            count=up_to[-1],
            sum=next((one.value for one in samples if one.name.endswith("_sum")), 0.0),
            bucket_counts=[count - before for before, count in pairwise(up_to)],
            explicit_bounds=[bound for bound, _ in buckets[:-1]],
        )


def _attributes(labels: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=name, value=AnyValue(string_value=value)) for name, value in labels.items()]
