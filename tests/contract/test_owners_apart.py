"""What a token that is bound to owners sees of others: nothing but the names that its own resources refer to."""

import os
import re
import time

import pytest

from gateway.control_plane.app import NOUNS
from gateway.control_plane.encryption import generate_key
from gateway.storage.engine import open_engine
from gateway.telemetry.decision_record import AttemptRecord, Charge
from tests.support import launcher
from tests.support.console import Visitor
from tests.support.control_plane import API, ControlPlane
from tests.unit.ledger.ledger_entries import entry, put
from tests.unit.storage.databases import module_database_url

__all__ = ["module_database_url"]

NOW = int(time.time() * 1_000_000)
ALPHA = """version: 1
owner: alpha
teams: {alpha-team: {description: alpha-canary}}
projects: {alpha-project: {team: alpha-team}}
providers: {alpha-provider: {type: custom, base_url: "http://alpha.example", api_key: alpha-secret}, shared: {type: simulator, shared_with: [beta]}}
model_aliases: {alpha-model: alpha-provider/alpha-model}
policy_rules: {alpha-rules: {tools: {deny: [alpha-tool]}}}
virtual_keys: {alpha-key: {environment: test, project: alpha-project, policy_rules: [alpha-rules]}}
budgets: {alpha-budget: {scope: {team: alpha-team}, window: total, limit_usd: 7}}
"""
BETA = """version: 1
owner: beta
teams: {beta-team: {}}
virtual_keys: {beta-key: {environment: test, team: beta-team, providers: [shared]}}
budgets: {beta-budget: {scope: {team: beta-team}, window: total, limit_usd: 5}}
"""
PATHS = (
    "/spend",
    "/spend?by=team,virtual_key,provider",
    "/spend?by=tag",
    "/spend?key=alpha-key",
    "/ledger/differences",
    "/warnings",
    "/spend/unpriced",
    "/spend/unpriced?key=alpha-key",
    "/budgets",
    "/requests",
    "/requests?key=alpha-key",
    "/requests/grq_alpha",
    "/requests?trace_id=" + "a" * 32,
    "/resources",
    "/resources?owner=alpha",
    "/resources?after=providers.a",
    "/resources/providers/alpha-provider",
    "/resources/teams/alpha-team",
    "/virtual-keys",
    "/virtual-keys?after=a",
    "/audit",
    "/audit?address=providers.alpha-provider",
    "/audit?actor=ci-alpha",
    "/applies",
    "/nodes",
    "/revisions",
    "/traffic",
    "/providers",
)
PAGES = (
    "/console",
    "/console/spend",
    "/console/spend?by=virtual_key",
    "/console/spend.csv?by=virtual_key",
    "/console/budgets",
    "/console/keys",
    "/console/keys?q=alpha",
    "/console/keys?owner=alpha",
    "/console/keys/alpha-key",
    "/console/keys/beta-key",
    "/console/providers",
    "/console/requests",
    "/console/requests?key=alpha-key",
    "/console/requests/grq_alpha",
    "/console/configuration",
    "/console/configuration/audit",
    "/console/configuration/audit?address=teams.alpha-team",
    "/console/configuration/resources/providers",
    "/console/configuration/resources/providers/alpha-provider",
    "/console/configuration/resources/teams",
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory, module_database_url):
    directory = tmp_path_factory.mktemp("plane")
    made = ControlPlane(directory, module_database_url, env={"GATEWAY_ENCRYPTION_KEYS": generate_key()})
    for who, content in (("alpha", ALPHA), ("beta", BETA)):
        (directory / f"{who}.yaml").write_text(content)
        environment = {**os.environ, "GATEWAY_CONTROL_PLANE_TOKEN": made.token("apply", owners=(who,))}
        command = ["apply", "-c", f"{who}.yaml", "-y", "--control-plane", f"http://127.0.0.1:{made.port}"]
        launcher.run(command, env=environment, directory=directory).check_returncode()
    engine = open_engine(module_database_url)
    for who in ("alpha", "beta"):
        put(
            engine,
            entry(
                f"grq_{who}",
                occurred_at=NOW - 1_000_000,
                virtual_key=f"{who}-key",
                team=f"{who}-team",
                project=f"{who}-project",
                tags=(f"{who}-tag",),
                end_user=f"{who}-user",
                provider=f"{who}-provider",
                model=f"{who}-model",
                model_asked=f"{who}-model",
                cost_nano_usd=100_000,
                trace_id=who[0] * 32,
                status=502,
                outcome="failed",
                attempts=(AttemptRecord(f"{who}-provider", f"{who}-model", "503", 0, 80),),
                budgets=(Charge(f"budget:{who}-budget:team={who}-team:total=total", 100_000),),
            ),
        )
    engine.dispose()
    report = {"node": "gw", "version": "1", "serving_revision": 1, "serving_since": NOW, "rejected_revision": 2}
    report |= {"rejected_because": "alpha-provider: alpha-canary", "open_circuits": ["alpha-provider"]}
    headers = {"authorization": f"Bearer {made.token('gateway')}"}
    assert made.client.post(f"{API}/nodes", json=report, headers=headers).status_code == 204
    yield made
    made.stop()


@pytest.fixture(scope="module")
def bound(plane):
    return plane.token("apply", owners=("beta",))


def told_beyond(path, answer):
    """An answer, without the words that it was asked with."""
    told = answer.text
    for word in re.findall(r"alpha-[\w-]+|grq_alpha", path):
        told = told.replace(word, "")
    return told


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_another_owner_is_told(plane, bound, path):
    answer = plane.get(path, bound)

    assert answer.status_code in (200, 403, 404)
    assert ("alpha-" if "alpha" in path else "alpha") not in told_beyond(path, answer)


def test_every_list_is_asked():
    routes = {route.path for noun in NOUNS for route in noun(_NoServices()) if "GET" in route.resource.scopes}

    assert {path for path in routes if "{" not in path} - {"/changes"} == {
        path.partition("?")[0] for path in PATHS
    } & routes


class _NoServices:
    database = budgets = vault = mint = news = None


@pytest.mark.parametrize("path", PAGES)
def test_no_page_tells_of_another_owner(plane, bound, path):
    visitor = Visitor(plane)
    assert visitor.sign_in(bound).status_code == 303

    answer = visitor.get(path)

    visitor.client.close()
    assert answer.status_code in (200, 403, 404)
    assert ("alpha-" if "alpha" in path else "alpha") not in told_beyond(path, answer)


def test_its_own_is_all_there(plane, bound):
    assert [one["group"] for one in plane.get("/spend?by=virtual_key", bound).json()["rows"]] == [
        {"virtual_key": "beta-key"}
    ]
    assert plane.get("/spend", bound).json()["total"]["requests"] == 1
    assert [one["request_id"] for one in plane.get("/requests", bound).json()["requests"]] == ["grq_beta"]
    assert plane.get("/requests/grq_beta", bound).status_code == 200
    assert plane.get("/requests/grq_alpha", bound).status_code == 404
    assert [one["budget"] for one in plane.get("/budgets", bound).json()["budgets"]] == ["beta-budget"]
    (applied,) = plane.get("/applies", bound).json()["applies"]
    assert {one["address"] for one in plane.get("/audit", bound).json()["entries"]} == {
        "teams.beta-team",
        "virtual_keys.beta-key",
        "budgets.beta-budget",
        f"applies.{applied['plan_id']}",
    }
    plan = plane.get(f"/applies/{applied['plan_id']}", bound).json()["plan"]
    assert (applied["owner"], plan["unmanaged"]) == ("beta", {})
    assert [one["name"] for one in plane.get("/virtual-keys", bound).json()["virtual_keys"]] == ["beta-key"]
    (node,) = plane.get("/nodes", bound).json()["nodes"]
    assert (node["state"], node["rejected_because"]) == ("refuses", "something that it cannot serve")


def test_names_that_its_own_refer_to_are_told_and_no_more_of_them(plane, bound):
    told = plane.get("/resources", bound).json()

    assert {one["owner"] for one in told["resources"]} == {"beta"}
    assert told["of_others"] == ["providers.shared"]
    assert plane.get("/resources/providers/shared", bound).status_code == 404
    assert "of_others" not in plane.get("/resources", plane.token()).json()


def test_the_applies_of_others_are_not_there(plane, bound):
    everybodys = plane.get("/applies", plane.token()).json()["applies"]
    (other,) = [one["plan_id"] for one in everybodys if one["owner"] == "alpha"]

    assert plane.get(f"/applies/{other}", bound).status_code == 404


def test_figures_are_of_its_own_keys(plane, bound):
    traffic = plane.get("/traffic", bound).json()
    providers = plane.get("/providers", bound).json()["providers"]

    assert traffic["total"]["requests"] == sum(one["requests"] for one in traffic["points"]) == 1
    assert traffic["total"]["endings"]["server_error"] == 1
    assert [(one["provider"], one["attempts"], one["failures"]) for one in providers] == [("beta-provider", 1, 1)]
    everybodys = plane.get("/providers", plane.token()).json()["providers"]
    assert {one["provider"] for one in everybodys} == {"alpha-provider", "beta-provider"}


def test_revisions_are_those_that_touched_its_own(plane, bound):
    (one,) = plane.get("/revisions", bound).json()["revisions"]

    assert (one["revision"], one["owner"], one["changes"], one["address"]) == (2, "beta", {"create": 3}, None)
    assert [one["revision"] for one in plane.get("/revisions", plane.token()).json()["revisions"]] == [2, 1]


def test_what_cannot_be_told_apart_is_not_for_bound_tokens(plane):
    answer = plane.get("/ledger/differences", plane.token("admin", owners=("beta",)))

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "bound_token")


def test_whoever_signs_in_with_a_bound_token_acts_on_its_own_keys(plane, bound):
    visitor = Visitor(plane)
    visitor.sign_in(bound)

    foreign = visitor.get("/console/keys/alpha-key/revoke")
    made = visitor.act("/console/new-key", name="beta-made", environment="test", team="beta-team")
    taken = visitor.act("/console/new-key", name="alpha-key", environment="test")

    visitor.client.close()
    assert foreign.status_code == 404
    assert (made.status_code, "reaches no provider: beta has none" in made.text) == (409, True)
    assert (taken.status_code, "is another owner&#39;s" in taken.text) == (409, True)


def test_the_first_page_of_the_console_counts_its_own_alone(plane, bound):
    visitor = Visitor(plane)
    visitor.sign_in(bound)

    overview = visitor.get("/console").text

    visitor.client.close()
    assert ">1 request<" in overview or "1 request" in overview
