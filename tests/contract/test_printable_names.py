"""Names of people and teams may be any printable text: served, planned, applied, exported, looked at, reported."""

import csv
import io
import json
import os
from urllib.parse import quote

import pytest

from tests.support import launcher
from tests.support.console import Visitor, text_of
from tests.support.control_plane import API, ControlPlane
from tests.support.keys import new_key
from tests.support.ledger import settled_entries
from tests.support.sqlite import migrated

SECRET, HASH = new_key()
OTHER, OTHER_HASH = new_key()
TEAMS = ("チーム", "R&D / Platform", "%2e%2e", "<b>x</b>", "=1+1", "a?b#c", '"quoted": {no}', "🚀 launch", "~")
PEOPLE = ("o'brien@acme.com", 'Zoë "Z" Müller', "Дмитрий")
CONFIG = f"""version: 1
owner: platform
organization: Société Générale
teams: {json.dumps({name: {} for name in TEAMS}, ensure_ascii=False)}
projects: {{"Caisse d'épargne": {{team: チーム}}}}
principals: {json.dumps({name: {"team": "チーム"} for name in PEOPLE}, ensure_ascii=False)}
providers: {{sim: {{type: simulator}}}}
virtual_keys:
  ci: {{environment: test, project: "Caisse d'épargne", principal: "o'brien@acme.com", secret_hash: "{HASH}"}}
  other: {{environment: test, team: R&D / Platform, secret_hash: "{OTHER_HASH}"}}
prices: {{sim/gpt-5-mini: {{input_usd_per_mtok: 1, output_usd_per_mtok: 2}}}}
budgets:
  cap: {{scope: {{team: チーム}}, window: month, limit_usd: 5}}
  all: {{scope: {{organization: Société Générale}}, window: month, limit_usd: 50, each: principal}}
"""
OPERATOR = "o" * 32


class Plane:
    """A control plane that has the file."""

    def __init__(self, directory):
        self.directory = directory
        self.process = ControlPlane(directory, migrated(directory / "plane.db"))
        self.token = self.process.token("admin")
        (directory / "gateway.yaml").write_text(CONFIG)

    def run(self, *arguments, code=0):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        environment = {**kept, "GATEWAY_CONTROL_PLANE_TOKEN": self.token, "COLUMNS": "200"}
        where = ("--control-plane", f"http://127.0.0.1:{self.process.port}")
        done = launcher.run([*arguments, *where], env=environment, directory=self.directory)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    made = Plane(tmp_path_factory.mktemp("plane"))
    assert "チーム" in made.run("apply", "-c", "gateway.yaml", "-y")
    yield made
    made.process.stop()


@pytest.fixture(scope="module")
def gateway(module_gateway):
    labels = {"GATEWAY_METRICS_LABELS": "model,key,team", "GATEWAY_METRICS_TOKEN": OPERATOR}
    return module_gateway(CONFIG, labels)


def test_what_was_applied_plans_to_no_changes_and_is_exported_as_it_was(plane):
    assert "No changes." in plane.run("plan", "-c", "gateway.yaml")

    (plane.directory / "exported.yaml").write_text(plane.run("export", "--owner", "platform"))

    assert "No changes." in plane.run("plan", "-c", "exported.yaml")


@pytest.mark.parametrize(
    ("kind", "name"), [*(("teams", name) for name in TEAMS), *(("principals", name) for name in PEOPLE)]
)
def test_each_has_a_path_of_its_own(plane, kind, name):
    headers = {"authorization": f"Bearer {plane.token}"}
    path = f"{API}/resources/{kind}/{quote(name, safe='')}"

    found = plane.process.client.get(path, headers=headers)

    assert (found.status_code, found.json()["name"]) == (200, name)
    spec = {**found.json()["spec"], "description": "seen"}
    changed = plane.process.client.put(
        path, headers={**headers, "if-match": found.headers["etag"]}, json={"spec": spec, "owner": "platform"}
    )
    assert changed.status_code == 200, changed.text
    assert plane.process.client.get(path, headers=headers).json()["spec"]["description"] == "seen"


def test_the_console_shows_each_and_leads_to_it(plane):
    visitor = Visitor(plane.process)
    visitor.sign_in(plane.token)

    for kind, names in (("teams", TEAMS), ("principals", PEOPLE)):
        page = visitor.get(f"/console/configuration/resources/{kind}")
        for name in names:
            address = f"/console/configuration/resources/{kind}/{quote(name, safe='@:+-._~')}"
            assert f'href="{address}"' in page.text
            shown = visitor.get(address)
            assert (shown.status_code, name in text_of(shown.text)) == (200, True), name
    visitor.client.close()


def test_a_rename_is_planned_by_its_names(plane):
    text = CONFIG.replace("Дмитрий", "Дмитро") + 'moved: [{from: "principals.Дмитрий", to: "principals.Дмитро"}]\n'
    (plane.directory / "renamed.yaml").write_text(text)

    said = plane.run("plan", "-c", "renamed.yaml")

    assert "0 to remove, 1 to rename." in said
    assert "was principals.Дмитрий; keeps what was spent under it" in said


@pytest.mark.parametrize("name", ["p\u0430ypal", "Socie\u0301te\u0301", "a\u202eb", "x#2", ".."])
def test_a_change_of_one_thing_is_held_to_the_same_names(plane, name):
    refused = plane.process.client.put(
        f"{API}/resources/teams/{quote(name, safe='')}",
        headers={"authorization": f"Bearer {plane.token}"},
        json={"spec": {}, "owner": "platform"},
    )

    assert refused.status_code in (400, 405, 409), refused.text
    assert plane.process.get("/resources", plane.token, kind="teams").text.count('"name"') == len(TEAMS)


def test_requests_are_attributed_counted_and_reported_by_these_names(gateway):
    body = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "hi"}]}
    answers = [gateway.post(body, headers={"authorization": f"Bearer {one}"}) for one in (SECRET, OTHER)]

    assert [one.status_code for one in answers] == [200, 200]
    records = [gateway.record_of(one) for one in answers]
    assert [(one["team"], one["project"], one["principal"]) for one in records] == [
        ("チーム", "Caisse d'épargne", "o'brien@acme.com"),
        ("R&D / Platform", None, None),
    ]
    counters = [charge["counter"] for one in records for charge in one["budgets"]]
    assert all(one.isascii() for one in counters)
    assert len(set(counters)) == 3
    told = gateway.client.get("/metrics", headers={"authorization": f"Bearer {OPERATOR}"}).text
    assert 'gateway_labelled_requests_total{key="ci",model="gpt-5-mini",outcome="ok",team="チーム"} 1.0' in told
    settled_entries(gateway, 2)
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(gateway.directory / "data")}
    command = ["spend", "--by", "team,principal", "--from", "today", "--format", "csv"]
    done = launcher.run(command, env=environment, directory=gateway.directory)
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert {(row["team"], row["principal"]) for row in rows} == {("チーム", "o'brien@acme.com"), ("R&D / Platform", "")}
    budgets = launcher.run(
        ["budgets", "-c", "gateway.yaml", "--format", "json"], env=environment, directory=gateway.directory
    )
    assert {"チーム", "Société Générale"} <= set(budgets.stdout.split('"'))
