"""What Prometheus sees of one request."""

import contextlib
import os
import re
import signal
import threading
from pathlib import Path

import httpx
import pytest

from tests.contract.conftest import config
from tests.support import launcher
from tests.support.keys import new_key

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
