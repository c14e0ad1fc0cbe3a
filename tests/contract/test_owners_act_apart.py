"""Two teams on one control plane, each with a token of its own, and a gateway that follows: none reaches the other."""

import os

import pytest

from gateway.control_plane.encryption import generate_key
from tests.support import launcher
from tests.support.control_plane import API, ControlPlane
from tests.support.gateway import Gateway
from tests.support.keys import new_key
from tests.unit.storage.databases import module_database_url

__all__ = ["module_database_url"]

(ALPHA_SECRET, ALPHA_HASH), (BETA_SECRET, BETA_HASH) = new_key(), new_key()
ALPHA = f"""version: 1
owner: alpha
organization: acme
providers:
  alpha-sim: {{type: simulator, models: [gpt-5-mini]}}
  common: {{type: simulator, models: [claude-haiku-4-5], shared_with: [beta]}}
model_aliases: {{fast: alpha-sim/gpt-5-mini}}
virtual_keys:
  alpha-key: {{environment: test, secret_hash: "{ALPHA_HASH}", tags: [env=prod]}}
"""
BETA = f"""version: 1
owner: beta
providers:
  beta-sim: {{type: simulator, models: [gpt-5-mini], shared_with: ["*"]}}
virtual_keys:
  beta-key: {{environment: test, secret_hash: "{BETA_HASH}", providers: [beta-sim, common]}}
"""
MORE = "budgets: {}\n"
ATTACKS = """model_aliases: {gpt-5-mini: beta-sim/claude-haiku-4-5, claude-haiku-4-5: beta-sim/gpt-5-mini}
on_disconnect: drain
fallback: {chain: [beta-sim, common], timeout_ms: 1}
budgets:
  b1: {scope: {organization: acme}, window: total, limit_usd: 0}
  b2: {scope: {organization: acme}, each: end_user, window: total, limit_usd: 0}
  b3: {scope: {tag: env=prod}, window: total, limit_usd: 0}
  b4: {scope: {virtual_key: beta-key}, window: total, limit_usd: 0}
"""


class Teams:
    """A control plane with a token for each."""

    def __init__(self, directory, url):
        self.directory = directory
        self.plane = ControlPlane(directory, url, env={"GATEWAY_ENCRYPTION_KEYS": generate_key()})
        self.tokens = {who: self.plane.token("apply", owners=(who,)) for who in ("alpha", "beta")}

    def run(self, command, who, content):
        file = self.directory / f"{who}.yaml"
        file.write_text(content)
        where = ["-c", str(file), "--control-plane", f"http://127.0.0.1:{self.plane.port}"]
        environment = {**os.environ, "GATEWAY_CONTROL_PLANE_TOKEN": self.tokens[who]}
        return launcher.run([*command, *where], env=environment)

    def apply(self, who, content):
        done = self.run(["apply", "-y", "--allow-delete", "100"], who, content)
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, who, method, path, **more):
        headers = {"authorization": f"Bearer {self.tokens[who]}"}
        return self.plane.client.request(method, API + path, headers=headers, **more)


@pytest.fixture(scope="module")
def teams(tmp_path_factory, module_database_url):
    made = Teams(tmp_path_factory.mktemp("teams"), module_database_url)
    made.apply("alpha", ALPHA)
    made.apply("beta", BETA)
    yield made
    made.plane.stop()


@pytest.fixture(scope="module")
def gateway(teams):
    directory = teams.directory / "gateway"
    directory.mkdir()
    where = ("--control-plane", f"http://127.0.0.1:{teams.plane.port}")
    started = Gateway(directory, None, *where, env={"GATEWAY_CONTROL_PLANE_TOKEN": teams.plane.token("gateway")})
    yield started
    started.stop()


def chat(gateway, secret, model="gpt-5-mini"):
    return gateway.chat(model, headers={"authorization": f"Bearer {secret}"})


def provider_of(answer):
    assert answer.status_code == 200, answer.text
    return answer.headers["x-langwatch-provider"]


def test_each_team_reaches_its_own_and_what_is_shared_and_listed(gateway):
    assert provider_of(chat(gateway, ALPHA_SECRET)) == "alpha-sim"
    assert provider_of(chat(gateway, BETA_SECRET)) == "beta-sim"
    assert provider_of(chat(gateway, BETA_SECRET, "claude-haiku-4-5")) == "common"
    assert chat(gateway, BETA_SECRET, "alpha-sim/gpt-5-mini").status_code == 404
    assert chat(gateway, ALPHA_SECRET, "beta-sim/gpt-5-mini").status_code == 403
    assert chat(gateway, BETA_SECRET, "fast").status_code == 404


def test_what_one_team_applies_does_not_reach_the_other(gateway, teams):
    teams.apply("beta", BETA + ATTACKS)

    gateway.wait(lambda: chat(gateway, BETA_SECRET).status_code != 200, 10)
    assert provider_of(chat(gateway, ALPHA_SECRET)) == "alpha-sim"
    assert provider_of(chat(gateway, ALPHA_SECRET, "claude-haiku-4-5")) == "common"
    teams.apply("beta", BETA)
    gateway.wait(lambda: chat(gateway, BETA_SECRET).status_code == 200, 10)


def test_what_a_gateway_cannot_serve_of_one_team_holds_up_no_other(gateway, teams):
    live = BETA_HASH.replace(BETA_HASH[-4:], "beef")
    teams.apply("beta", BETA + f'  beta-live: {{environment: live, secret_hash: "{live}"}}\n')
    gateway.wait(lambda: gateway.readyz()["control_plane"]["rejected_revision"], 10)

    teams.apply("alpha", ALPHA.replace("{fast: ", "{more: alpha-sim/gpt-5-mini, fast: "))

    gateway.wait(lambda: chat(gateway, ALPHA_SECRET, "more").status_code == 200, 10)
    serves = f'gateway_config_info{{revision="{gateway.readyz()["revision"]}"}}'
    gateway.wait(lambda: serves in gateway.client.get("/metrics").text, 5)
    assert provider_of(chat(gateway, BETA_SECRET)) == "beta-sim"
    assert "development-pepper" in "".join(gateway.readyz()["diagnostics"])
    teams.apply("beta", BETA)
    gateway.wait(lambda: gateway.readyz()["config"] == "current", 10)
    teams.apply("alpha", ALPHA)
    gateway.wait(lambda: chat(gateway, ALPHA_SECRET, "more").status_code == 404, 10)


def test_a_plan_says_what_to_add(teams):
    done = teams.run(["plan"], "beta", BETA + "model_aliases: {x: alpha-sim/gpt-5-mini}\n")

    assert done.returncode == 1
    assert "In the file of alpha, add to providers.alpha-sim: shared_with: [beta]." in done.stdout + done.stderr


def test_validation_leaves_names_of_others_to_the_control_plane(teams):
    shared = BETA + "model_aliases: {x: common/claude-haiku-4-5}\n"
    not_shared = BETA + "model_aliases: {x: alpha-sim/gpt-5-mini, y: comon/claude-haiku-4-5}\n"
    file = teams.directory / "checked.yaml"

    def validate(content, *arguments):
        file.write_text(content)
        environment = {**os.environ, "GATEWAY_CONTROL_PLANE_TOKEN": teams.tokens["beta"]}
        return launcher.run(["validate", str(file), *arguments], env=environment)

    where = ("--control-plane", f"http://127.0.0.1:{teams.plane.port}")
    alone, asked = validate(shared), validate(shared, *where)
    wrong_alone, wrong = validate(not_shared), validate(not_shared, *where)

    assert (alone.returncode, asked.returncode) == (0, 0)
    assert (
        "note[unknown-reference] not checked, belongs to another owner? there is no provider named 'common'"
        in alone.stderr
    )
    assert "note[" not in asked.stderr
    assert (wrong_alone.returncode, wrong.returncode) == (0, 1)
    assert "beta names providers.alpha-sim, which belongs to alpha and is not shared" in wrong.stderr
    assert "there is no provider named 'comon'" in wrong.stderr


def test_a_file_of_another_owner_is_not_planned(teams):
    done = teams.run(["plan"], "beta", ALPHA)

    assert done.returncode == 1
    assert "the token is bound to beta, and this is a file of alpha" in done.stderr


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("DELETE", "/resources/virtual_keys/alpha-key", None, 404),
        ("POST", "/virtual-keys/alpha-key/revoke", {}, 404),
        ("POST", "/virtual-keys/alpha-key/rotate", {}, 404),
        ("PUT", "/resources/providers/alpha-sim", {"spec": {"type": "simulator"}}, 409),
        ("PUT", "/resources/teams/new", {"spec": {}, "owner": "alpha"}, 403),
        ("POST", "/virtual-keys", {"name": "new", "spec": {"environment": "test"}, "owner": "alpha"}, 403),
        ("PUT", "/resources/model_aliases/x", {"spec": "alpha-sim/gpt-5-mini"}, 409),
        ("POST", "/owners/providers/alpha-sim", {"owner": "beta"}, 403),
    ],
)
def test_no_single_change_reaches_the_other(teams, gateway, method, path, body, status):
    answer = teams.ask("beta", method, path, json=body)

    assert answer.status_code == status, answer.text
    assert provider_of(chat(gateway, ALPHA_SECRET)) == "alpha-sim"


def test_a_single_change_is_of_the_only_owner_that_the_token_is_bound_to(teams):
    made = teams.ask("beta", "PUT", "/resources/teams/beta-team", json={"spec": {}})
    minted = teams.ask("beta", "POST", "/virtual-keys", json={"name": "beta-more", "spec": {"environment": "test"}})

    assert (made.status_code, made.json()["owner"]) == (200, "beta")
    assert minted.status_code == 200
    assert {one["owner"] for one in teams.ask("beta", "GET", "/resources").json()["resources"]} == {"beta"}
    both = teams.plane.token("apply", owners=("alpha", "beta"))
    unsaid = teams.plane.client.put(
        f"{API}/resources/teams/t", json={"spec": {}}, headers={"authorization": f"Bearer {both}"}
    )
    assert (unsaid.status_code, unsaid.json()["error"]["param"]) == (400, "owner")
    for path in ("/resources/teams/beta-team", "/resources/virtual_keys/beta-more"):
        assert teams.ask("beta", "DELETE", path).status_code == 200


def test_each_reads_its_own_spend_of_a_provider_that_both_use(teams, gateway):
    assert teams.ask("beta", "GET", "/resources/providers/common").status_code == 404
    told = teams.ask("beta", "GET", "/resources").json()
    assert told["of_others"] == ["providers.common"]
