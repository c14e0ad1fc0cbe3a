"""Metrics and logs as OTLP."""

import logging
import time

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.resources import Resource

from gateway.telemetry import otlp_logs, otlp_metrics
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.otlp_logs import LogsExport
from gateway.telemetry.otlp_metrics import MetricsExport

RESOURCE = Resource({"service.name": "llm-gateway"})


class Sender:
    """Keeps what it is given, or fails."""

    def __init__(self, failure=None):
        self.bodies = []
        self.failure = failure

    def send(self, body):
        self.bodies.append(body)
        return self.failure is None

    def close(self):
        pass


def test_metrics_have_the_names_labels_and_values_that_prometheus_gets():
    metrics = Metrics()
    metrics.request_started()
    metrics.request_ended(
        "chat", "openai", 200, "ok", duration_s=0.3, overhead_s=0.002, first_token_s=None, trace_id=None
    )
    metrics.publish()

    sent = ExportMetricsServiceRequest.FromString(otlp_metrics.request_of(metrics.families(), RESOURCE, 1, 2))
    (of_resource,) = sent.resource_metrics
    told = {one.name: one for one in of_resource.scope_metrics[0].metrics}

    (requests,) = told["gateway_requests"].sum.data_points
    assert told["gateway_requests"].sum.is_monotonic
    assert {one.key: one.value.string_value for one in requests.attributes} == {
        "endpoint": "chat", "provider": "openai", "status": "200", "outcome": "ok"
    }  # fmt: skip
    assert (requests.as_double, requests.start_time_unix_nano, requests.time_unix_nano) == (1, 1, 2)
    (duration,) = told["gateway_request_duration_seconds"].histogram.data_points
    assert (duration.count, duration.sum, sum(duration.bucket_counts)) == (1, 0.3, 1)
    assert len(duration.bucket_counts) == len(duration.explicit_bounds) + 1
    assert duration.bucket_counts[list(duration.explicit_bounds).index(0.5)] == 1
    assert told["gateway_requests_in_flight"].gauge.data_points[0].as_double == 0
    assert {one.key for one in told["gateway_build"].gauge.data_points[0].attributes} >= {"version"}


def test_metrics_go_once_more_at_the_end_and_a_loss_is_told_once(caplog):
    sender = Sender("it answered 404 Not Found")
    export = MetricsExport(Metrics().families, lambda: sender, RESOURCE, 0.01)
    while len(sender.bodies) < 3:
        time.sleep(0.005)
    export.close()
    export.join(10)

    assert caplog.text.count("metrics are not taken over OTLP: it answered 404 Not Found") == 1


def lines_in(sender):
    for body in sender.bodies:
        for told in ExportLogsServiceRequest.FromString(body).resource_logs:
            yield from told.scope_logs[0].log_records


def export_to(sender, **bounds):
    return LogsExport(lambda: sender, RESOURCE, **{"queue": 100, "batch": 10, "delay_s": 60, **bounds})


def test_a_line_of_the_log_goes_without_credentials_and_with_its_traceback():
    sender = Sender()
    export = export_to(sender)
    logger = logging.getLogger("gateway.test_otlp")
    logger.addHandler(export)
    try:
        raise ValueError("sk-abcdefgh12345678")
    except ValueError:
        logger.exception("lost %s", "sk-abcdefgh12345678")
    logger.removeHandler(export)
    export.end()
    export.join(10)

    (line,) = lines_in(sender)
    assert (line.severity_text, line.severity_number) == ("ERROR", 17)
    assert line.body.string_value.startswith("lost [redacted]\nTraceback")
    assert "abcdefgh" not in line.body.string_value


@pytest.mark.parametrize("level", [logging.DEBUG, logging.WARNING, logging.CRITICAL, 25])
def test_every_level_has_a_severity(level):
    line = otlp_logs._line(logging.LogRecord("a", level, "", 1, "said", None, None))

    assert line.severity_text == logging.getLevelName(level)


def test_a_line_that_cannot_be_written_is_lost_alone_and_no_collector_is_blamed(caplog):
    sender = Sender()
    export = export_to(sender)
    lines = [("bad args %d", ("x",)), ("half a pair: \udcff", None), ("sound", None), ("%s %s", ("too few",))]
    for message, args in lines:
        export.emit(logging.LogRecord("a\udcff", logging.INFO, "", 1, message, args, None))
    export.end()
    export.join(10)

    assert [one.body.string_value for one in lines_in(sender)] == ["half a pair: ?", "sound"]
    assert "2 lines of the log were not sent over OTLP, since they cannot be written" in caplog.text
    assert "not taken" not in caplog.text


def test_lines_that_find_no_room_are_dropped_and_told(caplog):
    sender = Sender()
    export = export_to(sender, queue=2)
    for number in range(5):
        export.emit(logging.LogRecord("a", logging.INFO, "", 1, f"line {number}", None, None))
    export.end()
    export.join(10)

    assert [one.body.string_value for one in lines_in(sender)] == ["line 0", "line 1"]
    assert "3 lines of the log were not sent over OTLP" in caplog.text
