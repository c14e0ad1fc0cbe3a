"""Trace context in and out."""

import re

import pytest

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_trace_goes_on_through_the_gateway(gateway, upstream):
    answer = gateway.chat(headers={"traceparent": f"00-{TRACE}-{SPAN}-00", "tracestate": "vendor=1"})

    own = answer.headers["x-langwatch-span-id"]
    assert answer.headers["x-langwatch-trace-id"] == TRACE
    assert own != SPAN
    assert answer.headers["traceparent"] == f"00-{TRACE}-{own}-00"
    arrived = upstream.wait_for().headers
    assert arrived["traceparent"] == f"00-{TRACE}-{own}-00"
    assert arrived["tracestate"] == "vendor=1"
    assert gateway.record_of(answer)["trace_id"] == TRACE


def test_the_gateway_s_own_ids_win(gateway, upstream):
    answer = gateway.chat(
        headers={
            "traceparent": f"00-{'a' * 32}-{SPAN}-01",
            "x-langwatch-trace-id": TRACE,
            "x-langwatch-parent-span-id": SPAN,
        }
    )

    assert answer.headers["x-langwatch-trace-id"] == TRACE


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": "garbage"},
        {"traceparent": f"00-{'0' * 32}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{'0' * 16}-01"},
        {"traceparent": f"ff-{TRACE}-{SPAN}-01"},
        {"traceparent": f"00-{TRACE}-{SPAN}-01-more"},
        {"x-langwatch-trace-id": "not hex"},
    ],
)
def test_without_a_valid_trace_a_new_one_begins(gateway, headers):
    answer = gateway.chat(headers=headers)

    assert answer.headers["x-langwatch-trace-id"] != TRACE
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", answer.headers["traceparent"])
