"""What is renamed stays what it is: to budgets, limits, the ledger, reports, and to plans."""

import json
import os

import pytest

from gateway.control_plane.encryption import generate_key
from tests.support import launcher
from tests.support.control_plane import ControlPlane
from tests.support.gateway import Gateway
from tests.support.keys import HASH
from tests.unit.storage.databases import database_url, empty_database_url

__all__ = ["database_url", "empty_database_url"]

FILE = """version: 1
owner: platform
organization: {acme}
teams: {{{team}: {{}}}}
projects: {{{project}: {{team: {team}}}}}
principals: {{{ada}: {{team: {team}}}}}
providers: {{{sim}: {{type: simulator, models: [m], rate_limits: {{rpd: 6}}}}}}
virtual_keys:
  {key}: {{environment: test, project: {project}, principal: {ada}, providers: [{sim}], secret_hash: "{hash}"}}
budgets:
  {cap}: {{scope: {{team: {team}}}, window: total, limit_usd: {limit}}}
  of-key: {{scope: {{virtual_key: {key}}}, window: total, limit_usd: 1, provider: {sim}}}
  of-project: {{scope: {{project: {project}}}, window: total, limit_usd: 1, each: virtual_key}}
  of-principal: {{scope: {{principal: {ada}}}, window: total, limit_usd: 1}}
  of-all: {{scope: {{organization: {acme}}}, window: total, limit_usd: 1, each: principal}}
prices: {{{sim}/m: {{per_request_usd: 0.01, input_usd_per_mtok: 0, output_usd_per_mtok: 0}}}}
"""
KINDS = {
    "team": "teams",
    "project": "projects",
    "ada": "principals",
    "sim": "providers",
    "key": "virtual_keys",
    "cap": "budgets",
}
FIRST = {name: name for name in ("acme", *KINDS)}
THEN = {name: f"{name}-2" for name in FIRST}
CENT = 10_000_000


def file(names, *, limit="0.03", moved=None, also=""):
    text = FILE.format(**names, limit=limit, hash=HASH) + also
    if moved is not None:
        pairs = [f"{{from: {kind}.{moved[name]}, to: {kind}.{names[name]}}}" for name, kind in KINDS.items()]
        text += f"moved: [{', '.join(pairs)}]\n"
    return text


class Plane:
    """A control plane, and a gateway that follows it and keeps its ledger there."""

    def __init__(self, directory, url, **env):
        self.directory, self.url, self.env = directory, url, env
        self.keys = {"GATEWAY_ENCRYPTION_KEYS": generate_key()}
        self.plane = ControlPlane(directory, url, env=self.keys)
        self.view, self.token = self.plane.token("view"), self.plane.token("gateway")
        self.gateway = None

    def start(self):
        where = ("--control-plane", f"http://127.0.0.1:{self.plane.port}", "--database", self.url)
        directory = self.directory / "gateway"
        directory.mkdir(exist_ok=True)
        self.gateway = Gateway(directory, None, *where, env={"GATEWAY_CONTROL_PLANE_TOKEN": self.token, **self.env})

    def run(self, *arguments):
        done = launcher.run([*arguments, "--database", self.url], env={**os.environ, **self.keys})
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def apply(self, text, *arguments):
        written = self.directory / "applied.yaml"
        written.write_text(text)
        out = self.run("apply", "-c", str(written), "-y", "--allow-delete", "100", *arguments)
        again = json.loads(self.run("plan", "-c", str(written), "--format", "json"))
        assert again["resource_changes"] == []
        if self.gateway is not None:
            self.gateway.wait(lambda: self.gateway.readyz()["control_plane"]["revision"] == self.revision(), 10)
        return out

    def revision(self):
        return self.plane.get("/nodes", self.view).json()["revision"]

    def ask(self, times, model):
        return [self.gateway.chat(model).status_code for _ in range(times)]

    def settled(self, requests):
        """Once the ledger has as many requests."""
        self.gateway.wait(lambda: self.spend("virtual_key")[1] == requests, 30)

    def spend(self, by, **filters):
        """The groups, and how many requests they are."""
        document = self.plane.get("/spend", self.view, by=by, **filters).json()
        return [next(iter(row["group"].values())) for row in document["rows"]], document["total"]["requests"]

    def budgets(self):
        """What was spent, in cents, by budget and whom it is of."""
        rows = self.plane.get("/budgets", self.view).json()["budgets"]
        return {(row["budget"], row["who"]): row["spent_nano_usd"] / CENT for row in rows}

    def stop(self):
        if self.gateway is not None:
            self.gateway.stop()
        self.plane.stop()


@pytest.fixture
def plane(request, tmp_path, database_url):
    """With counters in memory beside SQLite, and in Redis beside PostgreSQL: counters know of no database."""
    is_shared = database_url.startswith("postgresql")
    env = {"GATEWAY_REDIS_URL": request.getfixturevalue("server").url} if is_shared else {}
    made = Plane(tmp_path, database_url, **env)
    yield made
    made.stop()


def spent_of(names, cents):
    return {
        (names["cap"], None): cents,
        ("of-key", None): cents,
        ("of-project", names["key"]): cents,
        ("of-principal", None): cents,
        ("of-all", names["ada"]): cents,
    }


def test_everything_renamed_at_once_keeps_what_was_spent_used_and_reported(plane):
    plane.apply(file(FIRST))
    plane.start()
    assert plane.ask(4, "sim/m") == [200, 200, 200, 402]

    plane.apply(file(THEN, moved=FIRST), "--no-widen")

    assert plane.ask(1, "sim-2/m") == [402]
    plane.settled(5)
    assert plane.budgets() == spent_of(THEN, 3)
    for by, name in (("key", "key"), ("team", "team"), ("project", "project"), ("principal", "ada")):
        member = "virtual_key" if by == "key" else by
        assert plane.spend(member) == ([THEN[name]], 5)
        assert plane.spend("model", **{by: THEN[name]})[1] == plane.spend("model", **{by: FIRST[name]})[1] == 5
    assert plane.spend("organization") == (["acme-2"], 5)
    assert plane.spend("provider", provider="sim-2") == (["sim-2"], 5)
    (key,) = plane.plane.get("/virtual-keys", plane.view).json()["virtual_keys"]
    assert (key["name"], key["last_used_at"] is None) == ("key-2", False)
    (one, *_) = plane.plane.get("/requests", plane.view, key="key-2").json()["requests"]
    assert (one["virtual_key"], one["team"]) == ("key-2", "team-2")

    # 3 of 6 requests a day were served: the limit goes on as well, and a restart forgets nothing.
    plane.apply(file(THEN, limit="1"))
    plane.gateway.stop()
    plane.start()
    assert plane.ask(1, "sim-2/m") == [200]
    plane.settled(6)
    assert plane.budgets() == spent_of(THEN, 4)


def test_a_limit_counts_on_under_another_name(plane):
    plane.apply(file(FIRST, limit="1"))
    plane.start()
    assert plane.ask(4, "sim/m") == [200] * 4

    plane.apply(file(THEN, limit="1", moved=FIRST))

    assert plane.ask(3, "sim-2/m") == [200, 200, 429]


def test_taking_a_rename_back_and_forth_forgets_nothing(plane):
    """With `moved`, and without: what has the name of something that is gone goes on as that."""
    plane.apply(file(FIRST, limit="1"))
    plane.start()
    plane.ask(1, "sim/m")

    for names, moved in ((THEN, FIRST), (FIRST, THEN), (THEN, None), (FIRST, None)):
        plane.apply(file(names, limit="1", moved=moved))
        assert plane.ask(1, f"{names['sim']}/m") == [200]

    plane.settled(5)
    assert plane.budgets() == spent_of(FIRST, 5)
    assert plane.spend("team") == (["team"], 5)


def test_a_new_thing_under_the_old_name_of_another_begins_at_zero(plane):
    plane.apply(file(FIRST, limit="1"))
    plane.start()
    plane.ask(1, "sim/m")
    plane.apply(file(THEN, limit="1", moved=FIRST))

    other = "  cap: {scope: {team: team}, window: total, limit_usd: 1}\n"
    both = file(THEN, limit="1").replace("teams: {", "teams: {team: {}, ").replace("budgets:\n", f"budgets:\n{other}")
    plane.apply(both)
    assert plane.ask(1, "sim-2/m") == [200]

    plane.settled(2)
    assert plane.budgets() == spent_of(THEN, 2) | {("cap", None): 0}
    assert plane.spend("team", team="team") == ([], 0)
    assert plane.spend("team", team="team-2") == (["team-2"], 2)


def test_a_plan_knows_the_use_of_what_was_renamed_and_of_what_it_renames(plane):
    plane.apply(file(FIRST, limit="1"))
    plane.start()
    plane.ask(3, "sim/m")
    plane.settled(3)
    written = plane.directory / "next.yaml"

    def told(text):
        written.write_text(text)
        return plane.run("plan", "-c", str(written))

    assert "already spent" not in told(file(THEN, limit="1", moved=FIRST))
    assert "$0.03 of $0.02 already spent: 1 key will be refused" in told(file(THEN, limit="0.02", moved=FIRST))
    plane.apply(file(THEN, limit="1", moved=FIRST))

    gone = told("version: 1\nowner: platform\norganization: acme-2\n")
    assert "still in use: 3 requests in the last 24 h" in gone
    assert "served 3 requests in the last 7 days, for key-2" in gone
    written.write_text(file(THEN, limit="1", also="model_aliases: {sim/m: sim-2/n}\n"))
    replayed = plane.run("plan", "-c", str(written), "--replay", "1d")
    assert "key-2 asking for sim/m" in replayed


def test_a_file_that_is_served_by_itself_keeps_what_was_spent(start_gateway):
    text = file(FIRST)
    gateway = start_gateway(text)
    assert [gateway.chat("sim/m").status_code for _ in range(4)] == [200, 200, 200, 402]
    before = gateway.readyz()["config"]

    gateway.write_config(file(THEN, moved=FIRST))

    gateway.wait(lambda: gateway.readyz()["config"] != before or gateway.chat("sim-2/m").status_code == 402)
    gateway.wait(lambda: gateway.chat("sim-2/m").status_code != 404)
    assert gateway.chat("sim-2/m").status_code == 402
