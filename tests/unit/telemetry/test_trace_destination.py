"""The thread that sends spans to one collector."""

import re
import threading
import time

import pytest
from opentelemetry.sdk.resources import Resource

from gateway.telemetry import trace_destination
from gateway.telemetry.collector_settings import Bounds
from gateway.telemetry.decision_record import DecisionRecord
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.trace_context import TraceContext
from gateway.telemetry.trace_destination import TraceDestination
from gateway.telemetry.traced_request import TracedRequest
from gateway.turns import BREATH_S, PAUSE_S
from tests.support.collector import Sent


def request(trace_id, content=None, **more):
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
        content=content,
        **more,
    )


class Content:
    """What was captured of a request."""

    size = 9

    def __init__(self, attributes):
        self.attributes = attributes


def fail():
    raise ZeroDivisionError


def test_a_request_that_no_spans_can_be_made_of_keeps_no_other_from_being_sent(caplog):
    sent, metrics = Sent(), Metrics()
    destination = TraceDestination("lab", lambda: sent, Resource({}), Bounds(delay_s=0.01), metrics)
    try:
        for trace_id, content in (("a", None), ("d", Content(fail)), ("b", Content(lambda: {"said": "hi"}))):
            destination.export(request(trace_id * 32, content), 1)
        assert sent.came.wait(10)
        destination.export(request("c" * 32), 1)
    finally:
        destination.close()
        destination.join(10)

    assert [(one["trace_id"][0], one["attributes"].get("said")) for one in sent.spans] == [
        ("a", None),
        ("b", "hi"),
        ("c", None),
    ]
    assert (
        'gateway_trace_spans_dropped_total{collector="lab",reason="export_failed"} 1.0'
        in metrics.render(private=True).decode()
    )
    assert "no spans can be made of the request grq_1" in caplog.text


def test_every_request_is_sent_once_and_in_order_however_many_go_at_once():
    sent, metrics = Sent(), Metrics()
    destination = TraceDestination("lab", lambda: sent, Resource({}), Bounds(7, 3, 0.01), metrics)
    asked = [f"{number:032x}" for number in range(1, 50)]
    try:
        for begin in range(0, len(asked), 7):
            for trace_id in asked[begin : begin + 7]:
                destination.export(request(trace_id), 1)
            wave = len(asked[: begin + 7])
            deadline = time.monotonic() + 10
            exported = f'spans_exported_total{{collector="lab"}} {wave}.0'
            while exported not in metrics.render(private=True).decode():
                assert time.monotonic() < deadline
                time.sleep(0.005)
    finally:
        destination.close()
        destination.join(10)

    assert [one["trace_id"] for one in sent.spans] == asked
    text = metrics.render(private=True).decode()
    assert set(re.findall(r"^gateway_trace_spans_dropped_total\S* (\S+)$", text, re.MULTILINE)) == {"0.0"}


def test_what_is_no_whole_batch_waits_for_its_time_and_what_has_no_room_is_counted():
    sent, metrics = Sent(), Metrics()
    destination = TraceDestination("lab", lambda: sent, Resource({}), Bounds(queue=4, batch=3, delay_s=60), metrics)
    try:
        for number in range(4):
            destination.export(request(f"{number:032x}"), 1)
        destination.export(request("e" * 32), 5)
        assert sent.came.wait(10)
    finally:
        destination.close()
        destination.join(10)

    assert sum(sent.batches) == 4
    assert sent.batches[0] >= 3
    dropped = 'gateway_trace_spans_dropped_total{collector="lab",reason="queue_full"} 5.0'
    assert dropped in metrics.render(private=True).decode()


def test_no_batch_is_larger_than_collectors_take_whatever_clients_say(monkeypatch):
    monkeypatch.setattr(trace_destination, "_BATCH_BYTES", 10_000)
    sent = Sent()
    destination = TraceDestination("lab", lambda: sent, Resource({}), Bounds(batch=9, delay_s=60), Metrics())
    try:
        for number in range(9):
            destination.export(request(f"{number:032x}", metadata="x" * 4096), 1)
    finally:
        destination.close()
        destination.join(10)

    assert sent.batches == [3, 3, 3]


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

    def open_sender():
        answers.wait(10)
        return Sent()

    destination = TraceDestination("lab", open_sender, Resource({}), bounds, Metrics())
    try:
        for _ in range(waiting):
            destination.export(request("f" * 32), 1)
        assert destination._rest_s() == rest_s
        destination.close()
        assert destination._rest_s() == BREATH_S
    finally:
        answers.set()
        destination.close()
        destination.join(10)
