"""The thread that sends spans to one collector."""

import re
import threading
import time

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from gateway.telemetry.collector_settings import Bounds
from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.trace_context import TraceContext
from gateway.telemetry.trace_destination import TraceDestination
from gateway.telemetry.traced_request import TracedRequest
from gateway.turns import BREATH_S, PAUSE_S


class Collected(SpanExporter):
    """Keeps what it is given."""

    def __init__(self):
        self.spans = []
        self.came = threading.Event()

    def export(self, spans):
        self.spans += spans
        self.came.set()
        return SpanExportResult.SUCCESS

    def shutdown(self):
        pass


def request(trace_id):
    record = DecisionRecord(
        request_id="grq_1", status=200, outcome="ok", occurred_at=0, trace_id=trace_id, span_id="a" * 16
    )
    trace = TraceContext(trace_id, "a" * 16, None, "01", None)
    return TracedRequest(
        record=record,
        trace=trace,
        started_at=0.0,
        duration_s=0.0,
        path="/v1/chat/completions",
    )


def test_a_request_that_no_spans_can_be_made_of_keeps_no_other_from_being_sent(caplog):
    collected, metrics = Collected(), Metrics()
    destination = TraceDestination("lab", lambda: collected, Resource({}), Bounds(delay_s=0.01), metrics)
    try:
        for trace_id in ("a" * 32, "no hex digits", "b" * 32):
            destination.export(request(trace_id))
        assert collected.came.wait(10)
        destination.export(request("c" * 32))
    finally:
        destination.close()
        destination.join(10)

    assert {f"{span.context.trace_id:x}" for span in collected.spans} == {"a" * 32, "b" * 32, "c" * 32}
    assert (
        'gateway_trace_spans_dropped_total{collector="lab",reason="export_failed"} 1.0'
        in metrics.render(private=True).decode()
    )
    assert "no spans can be made of the request grq_1" in caplog.text


def test_every_request_is_sent_once_and_in_order_however_many_go_at_once():
    collected, metrics = Collected(), Metrics()
    destination = TraceDestination("lab", lambda: collected, Resource({}), Bounds(7, 3, 0.01), metrics)
    asked = [f"{number:032x}" for number in range(1, 50)]
    try:
        for begin in range(0, len(asked), 7):
            for trace_id in asked[begin : begin + 7]:
                destination.export(request(trace_id))
            wave = len(asked[: begin + 7])
            deadline = time.monotonic() + 10
            exported = f'spans_exported_total{{collector="lab"}} {wave}.0'
            while exported not in metrics.render(private=True).decode():
                assert time.monotonic() < deadline
                time.sleep(0.005)
    finally:
        destination.close()
        destination.join(10)

    assert [f"{span.context.trace_id:032x}" for span in collected.spans] == asked
    text = metrics.render(private=True).decode()
    assert set(re.findall(r"^gateway_trace_spans_dropped_total\S* (\S+)$", text, re.MULTILINE)) == {"0.0"}


@pytest.mark.parametrize(
    ("waiting", "bounds", "rest_s"),
    [
        (19, Bounds(queue=100, batch=10), PAUSE_S),
        (20, Bounds(queue=100, batch=10), BREATH_S),
        (49, Bounds(queue=100, batch=100), PAUSE_S),
        (50, Bounds(queue=100, batch=100), BREATH_S),
    ],
)
def test_requests_get_no_pauses_where_spans_might_be_dropped(waiting, bounds, rest_s):
    answers = threading.Event()

    def open_exporter():
        answers.wait(10)
        return Collected()

    destination = TraceDestination("lab", open_exporter, Resource({}), bounds, Metrics())
    try:
        for _ in range(waiting):
            destination.export(request("f" * 32))
        assert destination._rest_s() == rest_s
        destination.close()
        assert destination._rest_s() == BREATH_S
    finally:
        answers.set()
        destination.close()
        destination.join(10)
