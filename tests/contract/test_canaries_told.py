"""A value that came from a reference, in every field that takes any text: no command, page or answer shows it."""

import pytest

from tests.contract.test_plan_and_apply import CANARY, Home
from tests.support.console import Visitor
from tests.support.control_plane import ControlPlane
from tests.support.sqlite import migrated

CONFIG = """version: 1
owner: platform
teams: {engineering: {description: "${env:CANARY} \\e[8m\\u202e"}}
trace_collectors: {own: {endpoint: "https://${env:CANARY}.example", headers: {x-a: "${env:CANARY}"}}}
providers:
  sim: {type: simulator, models: ["${env:CANARY}*"], headers: {x-a: "a ${env:CANARY}"}}
  own: {type: custom, base_url: "https://own.example/${env:CANARY}", api_key: "${file:key.txt}"}
model_aliases: {leak: ["sim/${env:CANARY}", "own/${file:key.txt}"]}
policy_rules: {none: {tools: {deny: ["${env:CANARY}"]}, urls: {allow: ["${file:key.txt}"]}}}
content_capture: {redact: ["${env:CANARY}"]}
fallback: {chain: [sim], on: ["${env:ON}"], timeout_ms: 1000}
virtual_keys:
  ci:
    environment: test
    models_allowed: ["${env:CANARY}*"]
    model_aliases: {own: "sim/${env:CANARY}"}
    policy_rules: [none, {models: {deny: ["${env:CANARY}$"]}}]
budgets: {cap: {scope: {team: engineering}, window: month, limit_usd: "${env:LIMIT}"}}
"""
PAGES = (
    "", "/budgets", "/keys", "/keys/ci", "/providers", "/configuration", "/configuration/audit",
    *(f"/configuration/resources/{kind}" for kind in (
        "teams", "trace_collectors", "providers", "model_aliases", "policy_rules", "settings", "virtual_keys", "budgets"
    )),
    "/configuration/resources/providers/own", "/configuration/resources/model_aliases/leak",
    "/configuration/resources/policy_rules/none", "/configuration/resources/budgets/cap",
    "/configuration/resources/teams/engineering", "/configuration/resources/settings/content_capture",
)  # fmt: skip


@pytest.fixture
def home(tmp_path):
    plane = ControlPlane(tmp_path, migrated(tmp_path / "plane.db"))
    home = Home(tmp_path, "--control-plane", f"http://127.0.0.1:{plane.port}", token=plane.token("admin"))
    home.plane = plane
    home.environment |= {"LIMIT": "50", "ON": "timeout"}
    home.file.write_text(CONFIG)
    (tmp_path / "key.txt").write_text(CANARY)
    yield home
    assert CANARY not in plane.log()
    plane.stop()


def test_nothing_that_people_are_shown_has_it(home):
    where, home.where = home.where, ()
    home.run("validate", "gateway.yaml", "--format", "json")
    home.run("explain", "-c", "gateway.yaml", "--key", "ci", "--model", "leak", "--format", "json", code=1)
    home.where = where
    home.plan("--format", "markdown")
    for output in ("text", "json"):
        assert "${env:CANARY}" in home.plan("--format", output)
    home.plan("--out", "plan.json")
    assert CANARY not in (home.directory / "plan.json").read_text()
    home.apply()
    assert "No changes." in home.plan("--detailed-exitcode")
    for command in (("export",), ("status",), ("keys", "list")):
        home.run(*command)

    visitor = Visitor(home.plane)
    visitor.sign_in(home.environment["GATEWAY_CONTROL_PLANE_TOKEN"])
    pages = [visitor.get(f"/console{path}") for path in PAGES]
    visitor.client.close()
    answers = [
        home.plane.get(path, home.environment["GATEWAY_CONTROL_PLANE_TOKEN"])
        for path in ("/resources", "/resources/model_aliases/leak", "/audit", "/virtual-keys")
    ]
    for told in (*pages, *answers):
        assert told.status_code == 200, told.url
        assert CANARY not in told.text, told.url
    assert "${env:CANARY}" in answers[0].text


def test_what_a_reference_gives_may_change_and_the_plan_says_how(home):
    home.apply()
    home.environment |= {"LIMIT": "60", "ON": "5xx"}

    said = home.plan()

    assert "${env:LIMIT} (its value rose)" in said
    assert "WIDENS ACCESS" in said.split("budgets.cap")[1].splitlines()[0]
    assert "60" not in said.split("budgets.cap")[1].split("Plan:")[0]


def test_values_cannot_steer_the_terminal_of_whoever_reviews(home):
    said = home.plan()

    assert "\x1b" not in said
    assert "\u202e" not in said
