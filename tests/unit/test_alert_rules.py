"""Alert rules name metrics and paragraphs that exist."""

import re
from pathlib import Path

import pytest
import yaml

from gateway.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"][0]["rules"]


@pytest.fixture(scope="module")
def metrics():
    return set(re.findall(r"^# TYPE (\w+)", Metrics().render().decode(), re.MULTILINE))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_can_fire_and_says_what_to_do(rule, metrics):
    named = set(re.findall(r"gateway_\w+", rule["expr"]))
    assert named
    assert named <= metrics

    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
    assert rule["labels"]["severity"] in ("warning", "critical")
