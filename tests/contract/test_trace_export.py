"""Spans, and metrics and logs where they are asked for, arrive at a collector and say what the conventions say."""

import json

import pytest

from gateway.telemetry.otlp_logs import DECISION
from gateway.telemetry.span_attributes import OF_CALL, OF_EVENT, OF_REQUEST, PASSED_OVER
from tests.contract.conftest import config
from tests.support.collector import GrpcCollector, HttpCollector
from tests.support.upstream import CUT, response, stream

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT, ERROR = 2, 3, 2
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_EXPORTER_OTLP_HEADERS": "x-team=platform"}
MORE = """    model_aliases: {smart: [openai/gpt-5-mini, full/gpt-5-mini, simulator/gpt-5-mini]}
    policy_rules: [{tools: {deny: [shell]}}]
fallback: {chain: [openai, full, simulator], on: [5xx]}
prices: {simulator/gpt-5-mini: {per_request_usd: 0.5}}
"""


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream, collector):
    full = f'  full: {{type: openai, api_key: k, base_url: "{upstream.url}/v1", rate_limits: {{rpm: 1}}}}\n'
    text = config(upstream.url, MORE).replace("  simulator:", full + "  simulator:")
    return module_gateway(text, env={**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})


def spans(collector, served, count=2):
    found = collector.of(served.headers["x-langwatch-request-id"], count)
    assert len(found) == count
    return found


def test_a_request_is_a_span_of_http_and_its_call_one_of_genai(gateway, collector, upstream):
    headers = {
        "traceparent": f"00-{TRACE}-{SPAN}-01",
        "tracestate": "vendor=1,other=2",
        "x-langwatch-thread-id": "thread-7",
        "x-langwatch-trace-metadata": '{"release": "1"}',
        "user-agent": "shop/1.0",
    }
    body = {
        "model": "renamed",
        "temperature": 0.5,
        "max_tokens": 64,
        "reasoning_effort": "low",
        "n": 2,
        "stop": "secret",
    }
    served = gateway.post({**body, "messages": [{"role": "user", "content": "hi"}]}, headers=headers)
    own, call = spans(collector, served)

    assert (own["trace_id"], own["span_id"], own["parent"]) == (TRACE, served.headers["x-langwatch-span-id"], SPAN)
    assert (call["trace_id"], call["parent"]) == (TRACE, own["span_id"])
    assert own["state"] == call["state"] == "vendor=1,other=2"
    arrived = upstream.wait_for().headers
    assert arrived["traceparent"] == f"00-{TRACE}-{call['span_id']}-01"
    assert arrived["tracestate"] == "vendor=1,other=2"
    assert (own["name"], own["kind"]) == ("POST /v1/chat/completions", SERVER)
    assert (call["name"], call["kind"]) == ("chat gpt-x", CLIENT)
    assert own["began_ns"] <= call["began_ns"]
    assert 0 < call["took_ns"] <= own["took_ns"]
    assert call["took_ns"] % 1_000_000 or own["took_ns"] % 1_000_000
    assert not any(name.startswith("gen_ai") for name in own["attributes"])
    assert (
        own["attributes"].items()
        >= {
            "http.request.method": "POST",
            "http.route": "/v1/chat/completions",
            "url.path": "/v1/chat/completions",
            "url.scheme": "http",
            "http.response.status_code": 200,
            "server.address": "127.0.0.1",
            "server.port": gateway.port,
            "user_agent.original": "shop/1.0",
            "langwatch.trace.metadata": '{"release": "1"}',
            "langwatch.model_asked": "renamed",
            "langwatch.virtual_key_id": "dev",
            "langwatch.project_id": "checkout",
            "langwatch.team_id": "engineering",
            "langwatch.organization_id": "acme",
            "langwatch.principal_id": "dev-1@example.com",
            "langwatch.status": "ok",
            "langwatch.budget.decision": "allow",
            "langwatch.fallback.count": 0,
        }.items()
    )
    assert call["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-x",
        "gen_ai.response.model": "m",
        "gen_ai.response.id": "c1",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.request.choice.count": 2,
        "gen_ai.conversation.id": "thread-7",
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "server.address": "127.0.0.1",
        "server.port": upstream.port,
        "http.response.status_code": 200,
        "langwatch.gateway_request_id": served.headers["x-langwatch-request-id"],
        "langwatch.provider": "openai",
        "langwatch.fallback.attempt": 0,
        "langwatch.fallback.outcome": "ok",
    }
    assert own["resource"].items() >= {"service.name": "llm-gateway"}.items()
    assert collector.headers[-1]["x-team"] == "platform"


def test_what_a_request_cost_stands_on_its_own_span(gateway, collector):
    own, call = spans(collector, gateway.chat("sim"))

    assert own["attributes"]["langwatch.cost_usd"] == 0.5
    assert not any("cost" in name for name in call["attributes"])


USAGE = {"input_tokens": 3, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 4, "output_tokens": 1}
THOUGHT = {"output_tokens": 9, "output_tokens_details": {"thinking_tokens": 2}}
EVENTS = [
    f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode()
    for one in (
        {"type": "message_start", "message": {"id": "msg_1", "model": "claude-haiku-4-5-1", "usage": USAGE}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": THOUGHT},
        {"type": "message_stop"},
    )
]
MESSAGE = {"model": "claude", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
def test_the_call_of_a_stream_lasts_until_its_end(gateway, collector, upstream, path):
    upstream.play = lambda _: stream([*EVENTS[:3], 0.2, *EVENTS[3:]])

    served = gateway.post(MESSAGE, path)
    own, call = spans(collector, served)

    assert 200_000_000 <= call["took_ns"] <= own["took_ns"]
    assert gateway.record_of(served)["attempts"][0]["duration_ms"] >= 200
    assert 0 < call["attributes"].pop("gen_ai.response.time_to_first_chunk") * 1e9 < call["took_ns"]
    assert (
        call["attributes"].items()
        >= {
            "gen_ai.request.stream": True,
            "gen_ai.provider.name": "anthropic",
            "gen_ai.response.model": "claude-haiku-4-5-1",
            "gen_ai.response.id": "msg_1",
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 9,
            "gen_ai.usage.cache_read.input_tokens": 5,
            "gen_ai.usage.cache_write.input_tokens": 4,
            "gen_ai.usage.reasoning.output_tokens": 2,
        }.items()
    )
    assert call["attributes"]["gen_ai.response.finish_reasons"] == ["length"]


def test_a_stream_that_breaks_off_is_a_call_that_failed(gateway, collector, upstream):
    upstream.play = lambda _: stream([*EVENTS[:3], CUT])

    own, call = spans(collector, gateway.post(MESSAGE, "/v1/messages"))

    assert (own["status"], call["status"]) == (ERROR, ERROR)
    assert call["attributes"]["error.type"] == "network"
    assert call["attributes"]["http.response.status_code"] == 200
    assert call["attributes"]["gen_ai.response.finish_reasons"] == ["error"]


def test_a_call_that_failed_is_a_child_and_a_provider_that_was_not_asked_is_an_event(gateway, collector, upstream):
    upstream.play = lambda _: response(b"{}", status=503)

    gateway.chat("smart")
    served = gateway.chat("smart")

    assert served.status_code == 200, served.text
    own, failed, answered = spans(collector, served, 3)
    assert own["status"] != ERROR
    assert (failed["status"], failed["attributes"]["error.type"]) == (ERROR, "503")
    assert failed["attributes"]["http.response.status_code"] == 503
    assert "gen_ai.usage.input_tokens" not in failed["attributes"]
    assert (answered["attributes"]["langwatch.provider"], answered["status"]) == ("simulator", 0)
    assert own["attributes"]["langwatch.fallback.count"] == 2
    passed_over = {"langwatch.provider": "full", "langwatch.model": "gpt-5-mini"}
    outcome = {"langwatch.fallback.outcome": "rate_limited"}
    assert own["events"] == [("langwatch.provider.passed_over", {**passed_over, **outcome})]
    arrived = [one.headers["traceparent"].split("-")[2] for one in upstream.requests]
    assert arrived[-1] == failed["span_id"]
    assert len(set(arrived)) == len(arrived)


def test_a_request_that_was_refused_has_no_call_and_is_no_error(gateway, collector):
    tools = [{"type": "function", "function": {"name": "shell"}}]
    served = gateway.post({"model": "sim", "messages": [], "tools": tools})
    (own,) = spans(collector, served, 1)

    assert served.status_code == own["attributes"]["http.response.status_code"] == 403
    assert own["status"] != ERROR
    assert "error.type" not in own["attributes"]
    assert own["attributes"]["langwatch.error_type"] == served.json()["error"]["type"]


def test_what_waits_to_be_sent_is_cut_to_a_bearable_length(gateway, collector, upstream):
    headers = {
        "x-langwatch-trace-metadata": "m" * 5_000,
        "x-langwatch-thread-id": "t" * 5_000,
        "user-agent": "u" * 5_000,
    }
    answer = {"id": "i" * 5_000, "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}]}
    upstream.play = lambda _: response(json.dumps(answer).encode())
    served = gateway.post({"model": "renamed", "messages": []}, headers=headers)
    own, call = (one["attributes"] for one in spans(collector, served))

    assert own["langwatch.trace.metadata"] == "m" * 4_096
    assert own["langwatch.thread.id"] == call["gen_ai.conversation.id"] == "t" * 4_096
    assert own["user_agent.original"] == "u" * 256
    assert call["gen_ai.response.id"] == "i" * 4_096


def test_what_is_sent_is_what_the_table_says(collector):
    of_kind = {SERVER: OF_REQUEST, CLIENT: OF_CALL}
    for span in collector.spans:
        assert span["attributes"].keys() <= of_kind[span["kind"]].keys()
        for name, attributes in span["events"]:
            assert (name, attributes.keys()) == (PASSED_OVER, OF_EVENT.keys())


def test_a_caller_that_does_not_sample_is_heeded(gateway, collector):
    unsampled = gateway.chat("sim", headers={"traceparent": f"00-{TRACE}-{SPAN}-00"})
    sampled = gateway.chat("sim")

    assert unsampled.headers["traceparent"].endswith("-00")
    collector.of(sampled.headers["x-langwatch-request-id"])
    known = {one["attributes"]["langwatch.gateway_request_id"] for one in collector.spans}
    assert unsampled.headers["x-langwatch-request-id"] not in known


def test_grpc_and_a_sampler_of_one_s_own(start_gateway, upstream):
    collector = GrpcCollector()
    env = {**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    sampler = {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
    gateway = start_gateway(config(upstream.url), env={**env, **sampler, "OTEL_SERVICE_NAME": "edge"})

    assert gateway.chat("sim").headers["traceparent"].endswith("-00")
    sampled = gateway.chat("sim", headers={"traceparent": f"00-{TRACE}-{SPAN}-01"})

    own, _ = collector.of(sampled.headers["x-langwatch-request-id"])
    assert own["resource"]["service.name"] == "edge"
    assert len(collector.spans) == 2
    assert collector.headers[-1]["x-team"] == "platform"
    collector.close()


def test_values_that_cannot_be_used_end_nothing_and_every_signal_goes_where_the_variables_say(start_gateway, upstream):
    collector = HttpCollector()
    secret = "http://user:pa55word@"
    env = {
        **SOON,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url.replace("http://", secret),
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json",
        "OTEL_TRACES_SAMPLER": "sometimes",
        "OTEL_BSP_MAX_QUEUE_SIZE": "9" * 5000,
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "many",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": "100",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_BLRP_SCHEDULE_DELAY": "50",
        "OTEL_PROPAGATORS": "tracecontext,baggage",
    }
    gateway = start_gateway(config(upstream.url), env=env)

    served = gateway.chat(headers={"baggage": "user=7"})

    request_id = served.headers["x-langwatch-request-id"]
    own, _ = collector.of(request_id)
    for name in list(env)[3:8]:
        assert gateway.log().count(f"{name}") == 1, name
    assert upstream.wait_for().headers["baggage"] == "user=7"
    assert gateway.hears("spans go to the trace collector default, http://127.0.0.1:")
    assert "pa55word" not in gateway.log()
    records = gateway.wait(lambda: [one for one in collector.lines if one.event_name == DECISION])
    assert json.loads(records[0].body.string_value)["request_id"] == request_id
    assert (records[0].trace_id.hex(), records[0].span_id.hex()) == (own["trace_id"], own["span_id"])
    assert any("serving revision" in one.body.string_value for one in collector.lines)
    gateway.wait(lambda: any(point.as_double for point in requests_in(collector)))
    assert collector.metrics["resource"]["service.name"] == "llm-gateway"
    assert set(collector.paths) == {"/v1/traces", "/v1/metrics", "/v1/logs"}
    gateway.stop()
    collector.close()


def requests_in(collector):
    told = collector.metrics.get("gateway_requests")
    return [] if told is None else told.sum.data_points
