"""Every expression of the dashboard has data in a real Prometheus, once a gateway had every kind of traffic."""

import json
import re
from pathlib import Path

import pytest

from tests.contract.conftest import config
from tests.support.gateway import METRICS_TOKEN
from tests.support.keys import new_key
from tests.support.prometheus import Prometheus
from tests.support.upstream import response, stream

DASHBOARD = json.loads((Path(__file__).parents[2] / "deploy/grafana/gateway.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
BREAKER = ", circuit_breaker: {failures: 2, window_ms: 60000, open_ms: 30000}}"
POOR, ALONE = new_key(), new_key()
MORE = f"""
    model_aliases: {{smart: [openai/gpt-5-mini, simulator/gpt-5-mini]}}
    policy_rules: [{{tools: {{deny: ['^shell']}}}}]
    fallback: {{chain: [openai, simulator], on: [5xx]}}
  alone: {{environment: test, secret_hash: "{ALONE[1]}", expires_at: 2100-01-01T00:00:00Z}}
  poor: {{environment: test, secret_hash: "{POOR[1]}"}}
budgets: {{small: {{scope: {{virtual_key: poor}}, window: month, limit_usd: 0.000001}}}}
prices: {{simulator/gpt-5-mini: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}}}
"""
ANSWER = (
    b'{"id": "1", "object": "chat.completion", "model": "gpt-x", "choices": [], "usage": {"prompt_tokens": 9, '
    b'"completion_tokens": 2, "total_tokens": 11}}'
)
BROKEN = [b'data: {"id": "1", "choices": [{"index": 0, "delta": {"content": "half"}}]}\n\n']
SHELL = [{"type": "function", "function": {"name": "shell.exec"}}]


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream, collector):
    labels = {"GATEWAY_METRICS_LABELS": "model,key"}
    trace = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    text = config(upstream.url, MORE).replace(f'"{upstream.url}/v1"}}', f'"{upstream.url}/v1"{BREAKER}')
    return module_gateway(text, env={**trace, **labels})


@pytest.fixture(scope="module")
def scraped(gateway, prometheus, tmp_path_factory):
    scrape = {
        "job_name": "llm-gateway",
        "static_configs": [{"targets": [f"127.0.0.1:{gateway.port}"]}],
        "authorization": {"credentials": METRICS_TOKEN},
    }
    started = Prometheus(prometheus, tmp_path_factory.mktemp("prometheus"), [scrape])
    yield started
    started.close()


@pytest.fixture(scope="module")
def shown(scraped, gateway, upstream):
    """A Prometheus that has scraped a gateway before, while and after it had every kind of traffic."""
    scraped.wait_for("gateway_build_info")
    hello = {"model": "sim", "messages": [{"role": "user", "content": "hi"}]}
    for more in ({}, {"stream": True}, {"tools": SHELL}):
        gateway.post({**hello, **more})
    for secret in (POOR[0], "lw_test_nobody"):
        gateway.post(hello, headers={"authorization": f"Bearer {secret}"})
    gateway.client.get("/v2/chat")
    for streams, answer in ((False, response(ANSWER)), (True, stream(BROKEN))):
        upstream.play = lambda _, answer=answer: answer
        gateway.post({**hello, "model": "renamed", "stream": streams})
    upstream.play = lambda _: response(b"{}", 500)
    gateway.chat("renamed", headers={"authorization": f"Bearer {ALONE[0]}"})
    for _ in range(4):
        gateway.chat("smart")
    gateway.write_config("version: 2")
    scraped.wait_for('gateway_config_reloads_total{outcome="rejected"}')
    scraped.wait_for('gateway_passed_over_total{reason="circuit_open"} > 0')
    return scraped


@pytest.mark.service
@pytest.mark.parametrize("title", PANELS)
def test_a_panel_has_data(shown, title):
    for target in PANELS[title]["targets"]:
        expression = target["expr"].replace("$__rate_interval", "5m")
        expression = re.sub(r"\$(job|instance|provider)", ".*", expression)
        shown.wait_for(expression)
