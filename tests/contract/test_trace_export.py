"""Spans arrive at a collector, and a collector that does not work costs nothing."""

import subprocess
import sys
import time

import pytest

from tests.contract.conftest import config
from tests.support.collector import GrpcCollector, HttpCollector
from tests.support.gateway import free_port
from tests.support.upstream import response

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT, ERROR = 2, 3, 2
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_EXPORTER_OTLP_HEADERS": "x-team=platform"}
FALLBACK = "fallback: {chain: [openai, simulator], on: [5xx]}\nprices: {simulator/gpt-5-mini: {per_request_usd: 0.5}}\n"


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream, collector):
    text = config(upstream.url, "    model_aliases: {smart: [openai/gpt-5-mini, simulator/gpt-5-mini]}\n" + FALLBACK)
    return module_gateway(text, env={**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})


def dropped(gateway, reason, collector="default"):
    text = gateway.metrics()
    prefix = f'gateway_trace_spans_dropped_total{{collector="{collector}",reason="{reason}"}} '
    return next((float(line.removeprefix(prefix)) for line in text.splitlines() if line.startswith(prefix)), 0)


def test_a_request_is_a_span_with_a_child_for_each_attempt(gateway, collector):
    headers = {
        "traceparent": f"00-{TRACE}-{SPAN}-01",
        "x-langwatch-thread-id": "thread-7",
        "x-langwatch-trace-metadata": '{"release": "1"}',
    }
    served = gateway.chat("sim", headers=headers)
    own, call = collector.of(served.headers["x-langwatch-request-id"])

    assert (own["trace_id"], own["span_id"], own["parent"]) == (TRACE, served.headers["x-langwatch-span-id"], SPAN)
    assert (call["trace_id"], call["parent"]) == (TRACE, own["span_id"])
    assert (own["name"], own["kind"]) == ("chat gpt-5-mini", SERVER)
    assert (call["name"], call["kind"]) == ("chat simulator/gpt-5-mini", CLIENT)
    assert 0 <= call["took_ns"] <= own["took_ns"]
    record = gateway.record_of(served)
    assert (
        own["attributes"].items()
        >= {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "simulator",
            "gen_ai.request.model": "sim",
            "gen_ai.response.model": "gpt-5-mini",
            "gen_ai.usage.input_tokens": record["usage"]["input_tokens"],
            "gen_ai.conversation.id": "thread-7",
            "langwatch.trace.metadata": '{"release": "1"}',
            "langwatch.virtual_key_id": "dev",
            "langwatch.project_id": "checkout",
            "langwatch.team_id": "engineering",
            "langwatch.organization_id": "acme",
            "langwatch.principal_id": "dev-1@example.com",
            "langwatch.cost_usd": 0.5,
            "langwatch.status": "ok",
            "langwatch.budget.decision": "allow",
            "langwatch.fallback.count": 0,
        }.items()
    )
    assert not any("content" in name or "messages" in name for name in own["attributes"])
    assert own["resource"].items() >= {"service.name": "llm-gateway"}.items()
    assert collector.headers[-1]["x-team"] == "platform"


def test_an_attempt_that_failed_is_a_child_that_failed(gateway, collector, upstream):
    upstream.play = lambda _: response(b"{}", status=503)

    served = gateway.chat("smart")

    assert served.status_code == 200, served.text
    own, failed, answered = collector.of(served.headers["x-langwatch-request-id"], 3)
    assert own["status"] != ERROR
    assert (failed["status"], failed["attributes"]["error.type"]) == (ERROR, "503")
    assert (answered["attributes"]["langwatch.provider"], answered["status"]) == ("simulator", 0)
    assert own["attributes"]["langwatch.fallback.count"] == 1


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


def test_a_collector_that_is_away_is_counted_and_told_once(start_gateway, upstream):
    env = {**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}", "OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    gateway = start_gateway(config(upstream.url), env=env)

    assert gateway.chat("sim").status_code == 200
    gateway.wait(lambda: dropped(gateway, "export_failed") == 2, 20)
    assert gateway.hears(f"the trace collector default ({env['OTEL_EXPORTER_OTLP_ENDPOINT']}) does not take spans: ")
    assert gateway.log().count("does not take spans") == 1


@pytest.mark.parametrize("status", [401, 404])
def test_a_collector_that_refuses_is_told_with_its_status_and_address(start_gateway, upstream, status):
    collector = HttpCollector()
    collector.status = status
    secret = "http://user:pa55word@"
    gateway = start_gateway(
        config(upstream.url), env={**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url.replace("http://", secret)}
    )
    assert gateway.hears("spans go to the trace collector default, http://127.0.0.1:")

    gateway.chat("sim")

    (line,) = gateway.wait(lambda: [one for one in gateway.log().splitlines() if "does not take spans" in one])
    assert f"default ({collector.url}) does not take spans" in line
    assert str(status) in line
    assert "pa55word" not in gateway.log()
    collector.close()


def test_a_collector_that_hangs_holds_up_nothing_and_the_queue_is_bounded(start_gateway, upstream):
    collector = HttpCollector(hangs=True)
    env = {**SOON, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    bounds = {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2"}
    gateway = start_gateway(config(upstream.url), env={**env, **bounds})

    answers = [gateway.chat("sim") for _ in range(20)]

    assert {one.status_code for one in answers} == {200}
    # What is being sent and what waits: eight spans, four requests; the others found no room.
    assert dropped(gateway, "queue_full") == 2 * (20 - 4)
    began = time.monotonic()
    gateway.stop()
    assert time.monotonic() - began < 15
    collector.close()


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, "there are http/protobuf and grpc"),
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "the gateway knows otlp and none"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "many"}, "a whole number above 0 belongs there"),
    ],
)
def test_variables_that_cannot_be_met_are_told(tmp_path, upstream, variables, said):
    file = tmp_path / "gateway.yaml"
    file.write_text(config(upstream.url))
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "-c", str(file), "--port", str(free_port())],
        env={"GATEWAY_DATA_DIR": str(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert said in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
