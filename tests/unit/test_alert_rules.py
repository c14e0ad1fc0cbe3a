"""Alert rules and dashboards name metrics and paragraphs that exist."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gateway.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"][0]["rules"]


PANELS = json.loads((ROOT / "deploy/grafana/gateway.json").read_text())["panels"]


@pytest.fixture(scope="module")
def metrics():
    typed = re.findall(r"^# TYPE (\w+) (\w+)", Metrics().render().decode(), re.MULTILINE)
    return {f"{name}_bucket" if kind == "histogram" else name for name, kind in typed}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_can_fire_and_says_what_to_do(rule, metrics):
    named = set(re.findall(r"gateway_\w+", rule["expr"]))
    assert named
    assert named <= metrics

    file, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / file).read_text(), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}
    assert rule["labels"]["severity"] in ("warning", "critical")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Prometheus, is not installed")
def test_prometheus_takes_the_rules():
    done = subprocess.run(
        ["promtool", "check", "rules", ROOT / "deploy/prometheus/alerts.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_shows_what_there_is(panel, metrics):
    named = set(re.findall(r"gateway_\w+", " ".join(target["expr"] for target in panel["targets"])))

    assert named
    assert named <= metrics


def test_every_panel_has_a_place_of_its_own():
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS}) == len(PANELS)
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
