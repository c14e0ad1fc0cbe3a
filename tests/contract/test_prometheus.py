"""What Prometheus sees of one request."""

import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics import parser as openmetrics

from tests.contract.conftest import config
from tests.support import launcher
from tests.support.collector import HttpCollector
from tests.support.keys import new_key
from tests.support.upstream import CHAT, response, stream

LIMITED, RULED = new_key(), new_key()
KEYS = f"""
  limited: {{environment: test, secret_hash: "{LIMITED[1]}", rate_limits: {{rpd: 1}}}}
  ruled:
    environment: test
    secret_hash: "{RULED[1]}"
    policy_rules: [{{tools: {{deny: ['^shell']}}, models: {{deny: ['^gpt-5$']}}}}]
budgets:
  everyone: {{scope: {{virtual_key: ruled}}, window: month, limit_usd: 0.0001, unpriced: allow}}
prices:
  simulator/gpt-5-mini: {{input_usd_per_mtok: 10000, output_usd_per_mtok: 10000}}
"""
SHELL = [{"type": "function", "function": {"name": "shell.exec"}}]


@pytest.fixture(scope="module")
def governed(module_gateway, upstream):
    return module_gateway(config(upstream.url, KEYS))


def value(gateway, name, **labels):
    text = gateway.metrics()
    wanted = [f'{label}="{text_}"' for label, text_ in labels.items()]
    return sum(
        float(figure)
        for found, figure in re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.MULTILINE)
        if all(one in found for one in wanted)
    )


@pytest.mark.parametrize("stream", [False, True])
def test_durations_and_first_tokens_are_observed(gateway, stream):
    before = value(gateway, "gateway_request_duration_seconds_count")
    first = value(gateway, "gateway_time_to_first_token_seconds_count")
    model = {"model": "sim", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
    answer = gateway.post(model)
    assert answer.status_code == 200

    gateway.wait(lambda: value(gateway, "gateway_request_duration_seconds_count") == before + 1)
    assert value(gateway, "gateway_time_to_first_token_seconds_count") == first + (1 if stream else 0)
    record = gateway.record_of(answer)
    assert (record["first_token_ms"] is not None) == stream
    assert [one["began_ms"] >= 0 for one in record["attempts"]] == [True]


DENIALS = [
    (LIMITED, "sim", {}, 429, "limit", "rpd", "limit:rpd:key:limited"),
    (RULED, "sim", {"tools": SHELL}, 403, "policy", "tools", "policy:tools:inline"),
    (RULED, "gpt-5", {}, 403, "policy", "models", "policy:models:inline"),
    (RULED, "sim", {}, 402, "budget", "virtual_key", "budget:virtual_key:everyone"),
]


@pytest.mark.parametrize(("key", "model", "fields", "status", "by", "dimension", "record"), DENIALS)
def test_a_denial_is_counted_and_recorded(governed, key, model, fields, status, by, dimension, record):
    before = value(governed, "gateway_denials_total", by=by, dimension=dimension)

    for _ in range(2):
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
        answer = governed.post(body, headers={"authorization": f"Bearer {key[0]}"})
        if answer.status_code == status:
            break

    assert answer.status_code == status
    assert value(governed, "gateway_denials_total", by=by, dimension=dimension) == before + 1
    assert governed.record_of(answer)["denied_by"] == record


def test_how_full_a_budget_is(start_gateway, upstream):
    budget = "budgets: {cap: {scope: {virtual_key: dev}, window: month, limit_usd: 1000000, unpriced: allow}}\n"
    gateway = start_gateway(
        config(upstream.url) + budget + "prices: {simulator/gpt-5-mini: {per_request_usd: 250000}}\n"
    )
    gateway.chat("sim")

    assert value(gateway, "gateway_budget_utilization_ratio", budget="cap") == 0.25


FULL = """
budgets:
  cap: {scope: {organization: acme}, window: month, limit_usd: 1}
  people: {scope: {organization: acme}, each: principal, window: month, limit_usd: 4}
prices: {simulator/gpt-5-mini: {input_usd_per_mtok: 0, output_usd_per_mtok: 1000000}}
"""


@pytest.mark.parametrize("counters", ["memory", pytest.param("redis", marks=pytest.mark.service)])
def test_a_budget_that_refuses_is_shown_as_full(start_gateway, start_redis, upstream, counters):
    env = {"GATEWAY_REDIS_URL": start_redis().url} if counters == "redis" else None
    text = config(upstream.url) + FULL.replace("limit_usd: 1}", "limit_usd: 1000}").replace("4}", "4000}")
    gateway = start_gateway(text, env=env)

    def ask(most):
        return gateway.post({"model": "sim", "messages": [{"role": "user", "content": "hi"}], "max_tokens": most})

    def full(budget):
        return value(gateway, "gateway_budget_utilization_ratio", budget=budget)

    spent = ask(500)
    assert spent.status_code == 200
    tokens = spent.json()["usage"]["completion_tokens"]
    # What a request holds while it runs is more than it costs, and nothing of it is left.
    assert full("cap") == pytest.approx(tokens / 1000)
    assert full("people") == pytest.approx(tokens / 4000)

    before = gateway.readyz()["revision"]
    gateway.write_config(text.replace("limit_usd: 1000}", "limit_usd: 1}").replace("4000}", "400000}"))
    gateway.wait(lambda: gateway.readyz()["revision"] != before)
    assert ask(5).status_code == 402
    assert full("cap") == pytest.approx(tokens)


def test_what_serves_is_told(gateway):
    text = gateway.metrics()

    assert f'gateway_config_info{{revision="{gateway.readyz()["revision"]}"}} 1.0' in text
    assert "gateway_build_info{" in text


def test_the_log_level_changes_while_it_serves(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    before = gateway.config.read_text()
    assert gateway.hears(gateway.readyz()["revision"])

    gateway.write_config(before + "\nlog_level: error\n")
    gateway.wait(lambda: gateway.readyz()["revision"] not in gateway.log())
    gateway.write_config(before + "\nlog_level: info\n")
    gateway.wait(lambda: gateway.readyz()["revision"] in gateway.log())


def test_top_shows_a_running_gateway(governed):
    shown = threading.Event()

    def ask():
        while not shown.wait(0.05):
            governed.chat("sim")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        done = launcher.run(["top", "--once", "--interval", "1", "--url", governed.url], env=os.environ)
    finally:
        shown.set()
        asking.join()

    assert done.returncode == 0, done.stderr
    assert f"revision {governed.readyz()['revision'][:12]}" in done.stdout
    provider = next(line.split() for line in done.stdout.splitlines() if line.startswith("simulator"))
    assert (provider[2], provider[-1]) == ("100%", "closed")
    assert float(provider[1]) > 0


def test_a_worker_that_was_killed_leaves_no_gauges(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), "--workers", "2")
    gateway.wait(lambda: gateway.log().count("Started worker") == 2)
    asked = threading.Event()
    upstream.play = lambda _: [asked, 30.0]

    def ask() -> None:
        with contextlib.suppress(httpx.HTTPError):
            gateway.chat()

    asking = threading.Thread(target=ask)
    asking.start()
    upstream.wait_for()

    def in_flight() -> list[str]:
        return re.findall(r"^gateway_requests_in_flight (\S+)$", gateway.metrics(), re.MULTILINE)

    gateway.wait(lambda: in_flight() == ["1.0"])
    pid = gateway.process.pid
    for worker in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        os.kill(int(worker), signal.SIGKILL)
    asking.join()

    gateway.wait(lambda: gateway.log().count("Started worker") == 4)
    gateway.wait(lambda: in_flight() == ["0.0"])


CHUNK = b'data: {"id": "1", "choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n'


def test_a_stream_that_breaks_off_is_a_failure_under_its_status(gateway, upstream):
    upstream.play = lambda _: stream([CHUNK])
    where = {"provider": "openai", "status": "200"}
    before = value(gateway, "gateway_requests_total", outcome="failed", **where)

    gateway.post({"model": "renamed", "messages": [], "stream": True})

    gateway.wait(lambda: value(gateway, "gateway_requests_total", outcome="failed", **where) == before + 1)
    assert value(gateway, "gateway_failures_total", provider="openai", code="upstream_mid_stream_failure") >= 1
    assert value(gateway, "gateway_attempts_total", provider="openai", outcome="network") >= 1


def test_a_refusal_is_counted_by_its_code(gateway):
    assert value(gateway, "gateway_refusals_total", code="ledger_full") == 0
    assert 'gateway_refusals_total{code="ledger_full",type="overloaded"} 0.0' in gateway.metrics()
    before = value(gateway, "gateway_refusals_total", code="model_not_found")

    gateway.post({"model": "nowhere/at-all", "messages": []})

    assert value(gateway, "gateway_refusals_total", code="model_not_found") == before + 1


def test_who_asks_for_what_there_is_not_is_counted_and_found(gateway):
    before = value(gateway, "gateway_requests_total", endpoint="unknown", status="404")

    gateway.client.get("/v2/chat\u202e", headers={"user-agent": "lost/1.0"})

    assert value(gateway, "gateway_requests_total", endpoint="unknown", status="404") == before + 1
    assert gateway.hears("lost/1.0")
    assert "\u202e" not in gateway.log()


def test_a_head_that_is_refused_is_counted_too(gateway):
    before = value(gateway, "gateway_requests_total", endpoint="unknown", status="400")

    assert gateway.client.get("/v1//models").status_code == 400

    assert value(gateway, "gateway_requests_total", endpoint="unknown", status="400") == before + 1
    assert value(gateway, "gateway_refusals_total", type="bad_request", code="bad_request") >= 1


def test_what_the_gateway_takes_is_told_apart_from_what_its_provider_takes(gateway, upstream):
    upstream.play = lambda _: [0.3, *response(CHAT)]
    overhead = value(gateway, "gateway_overhead_seconds_sum"), value(gateway, "gateway_overhead_seconds_count")
    asked = value(gateway, "gateway_upstream_duration_seconds_sum", provider="openai")
    first = value(gateway, "gateway_upstream_first_byte_seconds_sum", provider="openai")

    assert gateway.chat("renamed").status_code == 200

    assert value(gateway, "gateway_overhead_seconds_count") == overhead[1] + 1
    assert value(gateway, "gateway_upstream_duration_seconds_sum", provider="openai") >= asked + 0.3
    assert value(gateway, "gateway_upstream_first_byte_seconds_sum", provider="openai") >= first + 0.3
    total = value(gateway, "gateway_request_duration_seconds_sum")
    assert value(gateway, "gateway_overhead_seconds_sum") < total


def test_money_and_budgets_are_told_to_operators_alone(governed):
    governed.post({"model": "sim", "messages": []}, headers={"authorization": f"Bearer {RULED[0]}"})
    private = ("gateway_budget_", "gateway_cost_usd")
    assert all(name in governed.metrics() for name in private)

    for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": f"Bearer {RULED[0]}"}):
        text = httpx.get(f"{governed.url}/metrics", headers=headers).text
        assert "gateway_requests_total{" in text
        assert "everyone" not in text
        assert not [name for name in private if name in text]


def test_what_is_spent_held_and_allowed_stands_beside_how_full_a_budget_is(start_gateway, upstream):
    budget = "budgets: {cap: {scope: {virtual_key: dev}, window: month, limit_usd: 40, unpriced: allow}}\n"
    gateway = start_gateway(config(upstream.url) + budget + "prices: {simulator/gpt-5-mini: {per_request_usd: 25}}\n")

    assert [gateway.chat("sim").status_code for _ in range(2)] == [200, 402]

    assert value(gateway, "gateway_budget_spent_usd", budget="cap") == 25
    assert value(gateway, "gateway_budget_limit_usd", budget="cap") == 40
    assert value(gateway, "gateway_budget_refusals_total", budget="cap") == 1
    gateway.wait(lambda: 'gateway_budget_held_usd{budget="cap"} 0.0' in gateway.metrics())


def test_open_metrics_and_gzip_are_spoken_where_they_are_asked_for(gateway):
    gateway.chat("sim")
    asked = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "accept-encoding": "gzip"}

    answer = httpx.get(f"{gateway.url}/metrics", headers=asked)

    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-encoding"] == "gzip"
    families = {family.name for family in openmetrics.text_string_to_metric_families(answer.text)}
    assert {"gateway_requests", "gateway_overhead_seconds", "process_cpu_seconds"} <= families
    plain = httpx.get(f"{gateway.url}/metrics", headers={"accept-encoding": "identity"})
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "content-encoding" not in plain.headers
    assert "_created" not in plain.text


def test_a_sampled_request_is_found_from_the_bucket_that_it_fell_into(start_gateway, upstream):
    collector = HttpCollector()
    gateway = start_gateway(config(upstream.url), env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url})
    try:
        trace_id = gateway.record_of(gateway.chat("sim"))["trace_id"]
        assert f'# {{trace_id="{trace_id}"}}' in gateway.metrics("application/openmetrics-text")
        assert trace_id not in gateway.metrics()
    finally:
        gateway.stop()
        collector.close()
