"""A control plane of the version before, filled by its own commands, is upgraded with its data.

It has one owner, two providers, a team with a budget and three keys that were minted: one of them was disabled later,
one revoked. A gateway that followed it served one call of each before that.
"""

import os
from pathlib import Path

import pytest

from gateway.storage.engine import open_engine
from gateway.storage.migrate import current_revision
from tests.support import launcher
from tests.support.control_plane import ControlPlane
from tests.support.gateway import Gateway
from tests.unit.storage.databases import empty_database_url, fill

__all__ = ["empty_database_url"]

DUMPS = Path(__file__).parent / "version_before"
ENCRYPTION = "sC1ZfQtaJ5zVPOjI9mNqkdgAOcYyn7sSxqNUtwkyhNI="
SECRETS = {
    "sqlite": {
        "one": "lw_vk_test_01M8NF3CHRQTWEA5TQGJM9B1F1",
        "three": "lw_vk_test_01M8NF3CHRAEFVQ1ZD59470FJ9",
        "two": "lw_vk_test_01M8NF3CHRNBTTW220D5XREZKS",
    },
    "postgresql": {
        "one": "lw_vk_test_01M8NF15TEQC3Y045P47QNNG9M",
        "three": "lw_vk_test_01M8NF15TEWJMWKY976S471JEY",
        "two": "lw_vk_test_01M8NF15TER8H1QXR2DD8BTGD8",
    },
}
FILE = """version: 1
owner: platform
providers:
  openai: {type: openai, base_url: "http://127.0.0.1:1/v1", api_key: "${env:OPENAI_KEY}"}
  sim: {type: simulator}
prices: {sim/gpt-5-mini: {input_usd_per_mtok: 1000, output_usd_per_mtok: 1000}}
teams: {a: {}}
virtual_keys:
  one: {environment: test, team: a}
  two: {environment: test, team: a}
  three: {environment: test, team: a}
budgets: {cap: {scope: {team: a}, window: total, limit_usd: 50}}
"""
RENAMED = FILE.replace("teams: {a: {}}", "teams: {b: {}}\nmoved: [{from: teams.a, to: teams.b}]").replace(
    "team: a", "team: b"
)


class Home:
    """An upgraded control plane, and the commands of somebody who changes it."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        engine = open_engine(url)
        self.secrets = SECRETS[engine.dialect.name]
        fill(engine, DUMPS)
        assert current_revision(engine) == "servable_revisions"
        engine.dispose()
        self.env = {"GATEWAY_ENCRYPTION_KEYS": ENCRYPTION, "OPENAI_KEY": "sk-of-the-version-before"}
        self.run("db", "upgrade", "--database", url)
        self.plane = ControlPlane(directory, url, env=self.env)
        self.apply_token = self.plane.token("apply")

    def run(self, *arguments: str, code: int = 0, **env: str) -> str:
        done = launcher.run([*arguments], env={**os.environ, **self.env, **env}, directory=self.directory)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ask(self, *arguments: str, code: int = 0) -> str:
        url = f"http://127.0.0.1:{self.plane.port}"
        return self.run(*arguments, "--control-plane", url, code=code, GATEWAY_CONTROL_PLANE_TOKEN=self.apply_token)

    def gateway(self) -> Gateway:
        folder = self.directory / "gateway"
        folder.mkdir(exist_ok=True)
        env = {"GATEWAY_CONTROL_PLANE_TOKEN": self.plane.token("gateway")}
        url = ("--control-plane", f"http://127.0.0.1:{self.plane.port}", "--database", self.plane.database_url)
        return Gateway(folder, None, *url, env=env)


@pytest.fixture
def home(tmp_path, empty_database_url):
    made = Home(tmp_path, empty_database_url)
    yield made
    made.plane.stop()


def spent(home, team):
    days = {"from": "2026-11-01", "to": "2026-11-30"}  # when the version before was used
    rows = home.plane.get("/spend", home.apply_token, by="team", **days).json()["rows"]
    return {row["group"]["team"]: row["requests"] for row in rows}.get(team)


def test_what_it_had_is_there_and_goes_on(home):
    (home.directory / "gateway.yaml").write_text(FILE)

    told = home.ask("plan", "-c", "gateway.yaml")
    assert "No changes. 8 resources match." in told
    assert "virtual_keys.two.state   (default) -> disabled" in told
    assert "virtual_keys.three" in told
    keys = home.plane.get("/virtual-keys", home.apply_token).json()["virtual_keys"]
    assert {one["name"]: one["state"] for one in keys} == {"one": "active", "three": "revoked", "two": "disabled"}
    gateway = home.gateway()
    answers = {
        name: gateway.chat("sim/gpt-5-mini", headers={"authorization": f"Bearer {secret}"})
        for name, secret in home.secrets.items()
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {"one": 200, "two": 403, "three": 403}
    gateway.stop()


def test_history_says_what_is_not_known_of_the_time_before(home):
    (at,) = home.plane.get("/revisions", home.apply_token).json()["revisions"]
    home.ask("keys", "enable", "two")

    told = home.ask("history")

    assert (at["actor"], at["changes"]) == (None, {})
    new, before = (line.split() for line in told.splitlines() if line[:1].isdigit())
    assert (new[0], new[-2:]) == (str(at["revision"] + 1), ["enable", "virtual_keys.two"])
    assert before[0] == str(at["revision"])
    assert " ".join(before[2:]) == "(not kept) (not kept)"


def test_what_was_spent_before_is_kept_under_another_name(home):
    assert spent(home, "a") == 3
    (home.directory / "gateway.yaml").write_text(RENAMED.replace("  three: {environment: test, team: b}\n", ""))

    assert "1 to rename" in home.ask("plan", "-c", "gateway.yaml", "--drift", "none")
    home.ask("apply", "-c", "gateway.yaml", "-y", "--no-widen")

    assert (spent(home, "a"), spent(home, "b")) == (None, 3)
    (cap,) = home.plane.get("/budgets", home.apply_token).json()["budgets"]
    assert float(cap["spent_usd"]) == pytest.approx(0.069)
    assert "No changes" in home.ask("plan", "-c", "gateway.yaml", "--drift", "none")


def test_a_gateway_of_the_version_before_gets_what_is_new(home):
    """It sends no identity of a revision, since it knows none, and reads an answer with members that it does not know."""
    token = home.plane.token("gateway")
    whole = home.plane.get("/changes", token, since="0").json()
    assert whole["whole"]
    home.ask("keys", "enable", "two")

    new = home.plane.get("/changes", token, since=str(whole["revision"]), lineage=whole["lineage"]).json()

    assert not new["whole"]
    assert [(one["kind"], one["name"]) for one in new["resources"]] == [("virtual_keys", "two")]
