"""Alert rules and dashboards name metrics and paragraphs that exist."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from gateway.control_plane.metrics import ControlPlaneMetrics
from gateway.telemetry.exposition import TEXT
from gateway.telemetry.labelled import LABELS
from gateway.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"][0]["rules"]


HEADINGS = re.findall(r"^## (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
ANCHORS = {heading.lower().replace(" ", "-").replace("'", "") for heading in HEADINGS}
PANELS = json.loads((ROOT / "deploy/grafana/gateway.json").read_text())["panels"]
PANELS = [panel for panel in PANELS if panel["type"] != "row"]


def anchor_of(url):
    address, _, anchor = url.partition("#")
    assert address == "https://gateway.example.com/docs/runbook"
    return anchor


@pytest.fixture(scope="module")
def metrics():
    told = Metrics(LABELS).render(private=True) + ControlPlaneMetrics().render(TEXT)
    typed = re.findall(r"^# TYPE (\w+) (\w+)", told.decode(), re.MULTILINE)
    return {
        f"{name}{suffix}"
        for name, kind in typed
        for suffix in (("_bucket", "_count") if kind == "histogram" else ("",))
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_can_fire_and_says_what_to_do(rule, metrics):
    named = set(re.findall(r"\b(?:gateway|control_plane|process)_\w+|\bup\b", rule["expr"]))
    assert named
    assert named <= metrics | {"up"}

    assert anchor_of(rule["annotations"]["runbook_url"]) in ANCHORS
    assert rule["labels"]["severity"] in ("info", "warning", "critical")


@pytest.mark.service
def test_prometheus_takes_the_rules(promtool):
    done = subprocess.run(
        [promtool, "check", "rules", ROOT / "deploy/prometheus/alerts.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_shows_what_there_is(panel, metrics):
    named = set(
        re.findall(r"\b(?:gateway|control_plane|process)_\w+|\bup\b", " ".join(one["expr"] for one in panel["targets"]))
    )

    assert named
    assert named <= metrics | {"up"}
    assert {anchor_of(link["url"]) for link in panel.get("links", ())} <= ANCHORS


def test_the_ten_questions_name_panels_alerts_and_metrics_that_there_are(metrics):
    page = (ROOT / "docs/operations.md").read_text()
    rows = [line.split(" | ") for line in page.splitlines() if re.match(r"\| .+\? \| ", line)]
    titles, alerts = {panel["title"] for panel in PANELS}, {rule["alert"] for rule in RULES}
    assert len([row for row in rows if len(row) == 5]) == 10

    shown = {title for _, _, panels, *_ in (row for row in rows if len(row) == 5) for title in _titles(panels, titles)}
    assert shown <= titles
    assert {one for row in rows for one in re.findall(r"`((?:Gateway|ControlPlane)\w+)`", row[-2])} <= alerts
    named = {one for row in rows for one in re.findall(r"`((?:gateway|control_plane|process)_\w+)`", row[1])}
    assert named <= metrics | {one.removesuffix("_bucket") for one in metrics}


def _titles(cell, titles):
    """The titles that a cell names; some of them have commas."""
    for title in sorted(titles, key=len, reverse=True):
        if title in cell:
            cell = cell.replace(title, "")
            yield title
    yield from filter(None, (rest.strip() for rest in cell.split(",")))


def test_every_panel_has_a_place_of_its_own():
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS}) == len(PANELS)
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


@pytest.mark.service
def test_prometheus_takes_the_scrapes_of_the_manual(promtool, tmp_path):
    scrapes = re.findall(
        r"^```yaml\n(scrape_configs:.*?)^```", (ROOT / "docs/operations.md").read_text(), re.MULTILINE | re.DOTALL
    )
    jobs = {job["job_name"] for scrape in scrapes for job in yaml.safe_load(scrape)["scrape_configs"]}
    files = [tmp_path / f"{number}.yaml" for number in range(len(scrapes))]
    for file, scrape in zip(files, scrapes, strict=True):
        file.write_text(scrape)

    done = subprocess.run(
        [promtool, "check", "config", "--syntax-only", *files], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert jobs == set(re.findall(r'job="([^"]+)"', " ".join(rule["expr"] for rule in RULES)))
