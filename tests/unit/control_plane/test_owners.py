"""One owner against another: what somebody does whose token is bound to `beta` never reaches what `alpha` has."""

import sqlite3
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import cache

import msgspec
import pytest

from gateway.config.field_tree import SETTINGS
from gateway.config.resources import Resource
from gateway.config.sections.access import Access
from gateway.control_plane import audit, key_life
from gateway.control_plane import edit as edits
from gateway.control_plane.changes import changes_since
from gateway.control_plane.edit import EditError
from gateway.control_plane.planning import PlanError
from gateway.control_plane.state import RevokedError
from gateway.pipeline.explain import explain
from gateway.plan.guards import Allowed
from gateway.secret import Secret
from gateway.shapes.endpoints import ENDPOINTS
from gateway.snapshot.of_resources import judged
from gateway.storage.engine import open_engine
from tests.support.sqlite import migrated
from tests.unit.control_plane.planes import ME, NOW, Plane, hash_of
from tests.unit.ledger.ledger_entries import HOUR, entry
from tests.unit.ledger.ledger_entries import put as put_in_ledger
from tests.unit.storage.databases import empty, shared_postgresql

BETA = ("beta",)
CHAT = ENDPOINTS["chat_completions"]
ASKED = ("gpt-5-mini", "gpt-5", "fast", "alpha-sim/gpt-5", "beta-sim/gpt-5", "own", "alpha-model")


def one(kind, name, **spec):
    return Resource(kind, name, spec)


def alias(name, *targets):
    return Resource("model_aliases", name, {"targets": [*targets]})


def setting(name, value):
    return Resource("settings", name, {"value": value})


def collector(name):
    return one("trace_collectors", name, endpoint="https://traces.example.com", headers={"k": Secret("s")})


ALPHA = (
    collector("alpha-traces"),
    one("teams", "alpha-team", trace_collector="alpha-traces"),
    one("projects", "alpha-project", team="alpha-team"),
    one("principals", "alpha-person", team="alpha-team"),
    one("providers", "alpha-sim", type="simulator", models=["gpt-5-mini", "alpha-model"]),
    one("providers", "alpha-second", type="simulator"),
    alias("fast", "alpha-sim/gpt-5-mini", "alpha-second/gpt-5-mini"),
    one("policy_rules", "alpha-rules", tools={"deny": ["^shell$"]}),
    one(
        "virtual_keys",
        "alpha-key",
        environment="test",
        secret_hash=hash_of(1),
        project="alpha-project",
        principal="alpha-person",
        policy_rules=["alpha-rules"],
        model_aliases={"own": ["alpha-sim/gpt-5"]},
        tags=["env=prod"],
    ),
    one("budgets", "alpha-cap", scope={"team": "alpha-team"}, window="month", limit_usd="5"),
    one("budgets", "alpha-tagged", scope={"tag": "env=prod"}, window="month", limit_usd="5"),
    one("prices", "alpha-sim/gpt-5", input_usd_per_mtok="1", output_usd_per_mtok="2"),
    setting("organization", "acme"),
)
BASE = (
    one("teams", "beta-team"),
    one("providers", "beta-sim", type="simulator"),
    one("virtual_keys", "beta-key", environment="test", secret_hash=hash_of(2), team="beta-team"),
)
SETTINGS_OF_BETA = {
    "trace_collector": "beta-traces",
    "content_capture": {"enabled": True},
    "fallback": {"chain": ["beta-sim"], "timeout_ms": 1},
    "on_missing_usage": "charge_zero",
    "assumed_output_tokens": "max",
    "reservations": {"stored_tokens": 9, "tool_calls": 9},
    "on_disconnect": "drain",
    "stream_keepalive_s": 9,
    "unary_keepalive_s": 9,
}
HARMLESS = {
    "an alias of a model that others ask for": [alias("gpt-5-mini", "beta-sim/evil")],
    "an alias of another model": [alias("gpt-5", "beta-sim/evil"), alias("gpt-5:fallback", "beta-sim/evil")],
    "an alias of another's provider": [alias("alpha-sim/gpt-5", "beta-sim/evil")],
    "an alias of another's key": [alias("own", "beta-sim/evil")],
    "a provider that declares another's models": [
        one("providers", "aaa", type="simulator", models=["gpt-5-mini", "alpha-model", "gpt-5"])
    ],
    "a provider that is shared with somebody who did not ask": [
        one("providers", "aaa", type="openai", api_key=Secret("k"), models=["gpt-5-mini"], shared_with=["alpha", "*"])
    ],
    "a budget over the organization": [
        one("budgets", "b", scope={"organization": "acme"}, window="total", limit_usd="0")
    ],
    "a budget that wants end users": [
        one("budgets", "b", scope={"organization": "acme"}, each="end_user", window="total", limit_usd="0")
    ],
    "a budget over a tag": [one("budgets", "b", scope={"tag": "env=prod"}, window="total", limit_usd="0")],
    "a key with another's tags": [
        one("virtual_keys", "k", environment="test", secret_hash=hash_of(3), tags=["env=prod"])
    ],
    **{
        f"the setting {name}": [collector("beta-traces"), setting(name, value)]
        for name, value in SETTINGS_OF_BETA.items()
    },
    "a price of its own provider": [one("prices", "beta-sim/gpt-5", input_usd_per_mtok="0", output_usd_per_mtok="0")],
}


def key(**spec):
    return one("virtual_keys", "k", environment="test", secret_hash=hash_of(3), **spec)


NOT_SHARED = {
    "another's provider": (key(providers=["alpha-sim"]), "providers.alpha-sim"),
    "another's provider by an alias of a key": (key(model_aliases={"x": ["alpha-sim/m"]}), "providers.alpha-sim"),
    "another's provider by its share": (
        key(model_aliases={"x": [{"model": "m", "balance": {"beta-sim": 1, "alpha-sim": 9}}]}),
        "providers.alpha-sim",
    ),
    "another's provider by the fallback of a key": (
        key(fallback={"chain": ["beta-sim", "alpha-sim"]}),
        "providers.alpha-sim",
    ),
    "another's provider by an alias": (alias("x", "alpha-sim/m"), "providers.alpha-sim"),
    "another's provider by the fallback of the file": (
        setting("fallback", {"chain": ["beta-sim", "alpha-sim"]}),
        "providers.alpha-sim",
    ),
    "another's project": (key(project="alpha-project"), "projects.alpha-project"),
    "another's principal": (key(principal="alpha-person"), "principals.alpha-person"),
    "another's team": (key(team="alpha-team"), "teams.alpha-team"),
    "another's team by a project": (one("projects", "p", team="alpha-team"), "teams.alpha-team"),
    "another's team by a principal": (one("principals", "p", team="alpha-team"), "teams.alpha-team"),
    "another's rules": (key(policy_rules=["alpha-rules"]), "policy_rules.alpha-rules"),
    "another's collector by a team": (one("teams", "t", trace_collector="alpha-traces"), "alpha-traces"),
    "another's collector by a project": (one("projects", "p", trace_collector="alpha-traces"), "alpha-traces"),
    "another's collector by a setting": (setting("trace_collector", "alpha-traces"), "alpha-traces"),
    "a budget over another's team": (
        one("budgets", "b", scope={"team": "alpha-team"}, window="total", limit_usd="0"),
        "teams.alpha-team",
    ),
    "a budget over another's project": (
        one("budgets", "b", scope={"project": "alpha-project"}, window="total", limit_usd="0"),
        "projects.alpha-project",
    ),
    "a budget over another's principal": (
        one("budgets", "b", scope={"principal": "alpha-person"}, window="total", limit_usd="0"),
        "principals.alpha-person",
    ),
    "a budget over another's key": (
        one("budgets", "b", scope={"virtual_key": "alpha-key"}, window="total", limit_usd="0"),
        "virtual_keys.alpha-key",
    ),
    "a budget of another's provider": (
        one("budgets", "b", scope={"team": "beta-team"}, provider="alpha-sim", window="total", limit_usd="0"),
        "providers.alpha-sim",
    ),
    "a price of another's provider": (
        one("prices", "alpha-sim/gpt-5-mini", input_usd_per_mtok="0", output_usd_per_mtok="0"),
        "alpha-sim",
    ),
    "a level of the log of everybody": (setting("log_level", "debug"), "log_level"),
    "what nodes have for everybody": (
        one(
            "providers", "x", type="custom", base_url="http://evil.example", api_key=Secret("${runtime-env:OPENAI_KEY}")
        ),
        "runtime-env",
    ),
    "what nodes have for everybody, in a URL": (
        one("providers", "x", type="custom", base_url="http://evil.example/${runtime-env:OPENAI_KEY}"),
        "runtime-env",
    ),
    "another's secret": (
        one("virtual_keys", "k", environment="test", secret_hash=hash_of(1)),
        "another key has this secret",
    ),
}


def put_both_in_force(engine, alpha_is):
    made = Plane(engine)
    made.put_in_force(*ALPHA, owner="alpha", owners=("alpha",) if alpha_is == "bound" else None)
    made.put_in_force(*BASE, owner="beta", owners=BETA)
    return made


@pytest.fixture(scope="module")
def both_in_force(tmp_path_factory):
    """An engine of an SQLite database that has both files again, whatever the test before has left there."""
    directory = tmp_path_factory.mktemp("owners")

    with ExitStack() as ended:

        @cache
        def made(alpha_is):
            engine = open_engine(migrated(directory / f"{alpha_is}.db"))
            ended.callback(engine.dispose)
            put_both_in_force(engine, alpha_is)
            kept = ended.enter_context(closing(sqlite3.connect(directory / f"kept-{alpha_is}.db")))
            with closing(sqlite3.connect(engine.url.database)) as connection:
                connection.backup(kept)
            return engine, kept

        def again(alpha_is):
            engine, kept = made(alpha_is)
            with closing(sqlite3.connect(engine.url.database)) as connection:
                kept.backup(connection)
            return engine

        yield again


ON_SQLITE = ["sqlite-bound", "sqlite-unbound"]
what_is_judged = pytest.mark.parametrize("plane", ON_SQLITE, indirect=True)
"""For what no statement has to do with."""


@pytest.fixture(params=[*ON_SQLITE, pytest.param("postgresql-bound", marks=pytest.mark.service)])
def plane(request, both_in_force):
    """Alpha's file was applied with a token of its own, or with one that is bound to nobody; then beta's with its own."""
    kind, _, alpha_is = request.param.partition("-")
    if kind == "sqlite":
        return Plane(both_in_force(alpha_is))
    engine = request.getfixturevalue("on_postgresql")
    empty(engine)
    return put_both_in_force(engine, alpha_is)


@pytest.fixture(scope="module")
def on_postgresql():
    engine = open_engine(shared_postgresql())
    yield engine
    engine.dispose()


def world(plane, name="alpha-key"):
    """All that a key is, and what becomes of its requests."""
    snapshot = judged(
        (live.resource for live in plane.live().resources.values()), datetime.fromtimestamp(NOW / 1e6, UTC)
    )
    compiled = snapshot.key_named(name)
    told = {
        asked: msgspec.to_builtins(
            explain(
                snapshot,
                name,
                CHAT,
                msgspec.json.encode({"model": asked, "messages": [{"role": "user", "content": "hello"}]}),
            )
        )
        for asked in ASKED
    }
    keepalive = (compiled.stream_keepalive_s, compiled.unary_keepalive_s)
    more = (compiled.drains, keepalive, compiled.assumed_output_tokens, compiled.trace_collector)
    held = compiled.in_force.reservations
    return {
        "requests": told,
        "key": (*more, compiled.capture is None, compiled.attribution, compiled.state),
        "fallback": compiled.fallback,
        "budgets": [meter.budget for meter in compiled.budgets],
        "reaches": [*compiled.upstreams],
        "holds": (held.stored_tokens, held.assumed, compiled.in_force.charges_missing_usage),
    }


def written(resource):
    if resource.kind == "model_aliases":
        return resource.spec["targets"]
    if resource.kind == "settings":
        return resource.spec["value"]
    return {
        name: value.reveal() if isinstance(value, Secret) else value for name, value in plain(resource.spec).items()
    }


def plain(value):
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return value.reveal() if isinstance(value, Secret) else value


def put(plane, resource, owners=BETA, owner="beta"):
    at = (resource.kind, resource.name)
    return plane.edit(edits.put, at, written(resource), owner=owner, owners=owners)


@what_is_judged
@pytest.mark.parametrize("attack", HARMLESS)
def test_what_an_owner_has_acts_on_its_own_keys_alone(plane, attack):
    before = world(plane)

    plane.put_in_force(*BASE, *HARMLESS[attack], owner="beta", owners=BETA)

    assert world(plane) == before


@what_is_judged
@pytest.mark.parametrize("attack", HARMLESS)
def test_single_changes_do_as_well(plane, attack):
    before = world(plane)

    for resource in HARMLESS[attack]:
        put(plane, resource)

    assert world(plane) == before


def test_it_does_act_on_its_own(plane):
    of_alpha = world(plane)
    settings = (setting(name, value) for name, value in SETTINGS_OF_BETA.items())
    more = (alias("gpt-5", "beta-sim/mine"), one("budgets", "b", scope={"tag": "t"}, window="total", limit_usd="0"))

    plane.put_in_force(
        *BASE[:2],
        one("virtual_keys", "beta-key", environment="test", secret_hash=hash_of(2), team="beta-team", tags=["t"]),
        collector("beta-traces"),
        *settings,
        *more,
        owner="beta",
        owners=BETA,
    )

    own = world(plane, "beta-key")
    assert own["reaches"] == ["beta-sim"]
    assert own["requests"]["gpt-5"]["candidates"][0]["model"] == "mine"
    assert [budget.name for budget in own["budgets"]] == ["b"]
    assert own["fallback"].chain == ("beta-sim",)
    assert own["key"][:5] == (True, (9.0, 9.0), None, "beta-traces", False)
    assert (own["holds"][0], own["holds"][2]) == (9, False)
    assert world(plane) == of_alpha


@what_is_judged
@pytest.mark.parametrize("attack", NOT_SHARED)
def test_what_is_not_shared_is_refused_with_what_to_add(plane, attack):
    resource, named = NOT_SHARED[attack]
    before = plane.specs()

    plan = plane.plan(*BASE, resource, owner="beta", owners=BETA).plan

    assert len(plan.errors) == 1
    assert named in plan.errors[0]
    if plan.errors[0].count("is not shared") and not named.startswith("virtual_keys"):
        assert "shared_with: [beta]" in plan.errors[0]
    with pytest.raises(EditError) as refused:
        put(plane, resource)
    assert named in str(refused.value)
    assert plane.specs() == before


@what_is_judged
@pytest.mark.parametrize("attack", NOT_SHARED)
def test_a_bound_token_does_not_apply_what_somebody_else_planned_for_it(plane, attack):
    resource, _ = NOT_SHARED[attack]
    saved = plane.plan(*BASE, resource, owner="beta")

    with pytest.raises(PlanError):
        plane.apply(saved, actor=msgspec.structs.replace(ME, owners=BETA))


SHAREABLE = {
    "providers": ("alpha-sim", key(providers=["alpha-sim"])),
    "teams": ("alpha-team", key(team="alpha-team")),
    "projects": ("alpha-project", key(project="alpha-project")),
    "principals": ("alpha-person", key(principal="alpha-person")),
    "policy_rules": ("alpha-rules", key(policy_rules=["alpha-rules"])),
    "trace_collectors": ("alpha-traces", one("teams", "t", trace_collector="alpha-traces")),
}


@what_is_judged
@pytest.mark.parametrize("with_whom", ["beta", "*"])
@pytest.mark.parametrize("kind", SHAREABLE)
def test_what_is_shared_may_be_named(plane, kind, with_whom):
    name, naming = SHAREABLE[kind]
    shared = [
        Resource(a.kind, a.name, {**a.spec, "shared_with": [with_whom]}) if (a.kind, a.name) == (kind, name) else a
        for a in ALPHA
    ]

    change = plane.plan(*shared, owner="alpha").plan.resource_changes
    plane.put_in_force(*shared, owner="alpha")

    assert [(one.address, one.access) for one in change] == [(f"{kind}.{name}", Access.WIDENS)]
    assert plane.plan(*BASE, naming, owner="beta", owners=BETA).plan.errors == []
    of_gamma = plane.plan(naming, owner="gamma", owners=("gamma",)).plan.errors
    assert ("belongs to alpha and is not shared" in "".join(of_gamma)) is (with_whom == "beta")
    plane.put_in_force(*BASE, naming, owner="beta", owners=BETA)
    taken_back = plane.plan(*ALPHA, owner="alpha", owners=("alpha",)).plan
    assert [one.access for one in taken_back.resource_changes] == [Access.NARROWS]
    said = f"error[not-shared] beta names {kind}.{name}, which belongs to alpha and is not shared\n"
    assert taken_back.errors == [f"{said}  hint: In the file of alpha, add to {kind}.{name}: shared_with: [beta]."]


def test_gateways_of_the_version_before_read_what_is_shared(plane):
    """They refuse fields of a spec that they do not know, and pass over members of a document."""
    shared = [
        Resource(a.kind, a.name, {**a.spec, "shared_with": ["beta"]}) if a.name == "alpha-sim" else a for a in ALPHA
    ]
    plane.put_in_force(*shared, owner="alpha")

    with plane.engine.connect() as connection:
        whole = changes_since(connection, plane.vault, lineage="", revision=0)

    (sent,) = (one for one in whole.resources if one.name == "alpha-sim")
    assert "shared_with" not in sent.spec
    assert sent.resource().spec == plane.specs()["providers.alpha-sim"]
    assert plane.specs()["providers.alpha-sim"]["shared_with"] == ["beta"]


def test_budgets_over_what_is_shared_count_whoever_names_it(plane):
    shared = [
        Resource(a.kind, a.name, {**a.spec, "shared_with": ["beta"]}) if a.name == "alpha-team" else a for a in ALPHA
    ]
    plane.put_in_force(*shared, owner="alpha")
    over = one("budgets", "over", scope={"team": "alpha-team"}, window="total", limit_usd="0")

    plane.put_in_force(*BASE, key(team="alpha-team"), over, owner="beta", owners=BETA)

    assert [budget.name for budget in world(plane, "k")["budgets"]] == ["alpha-cap", "over"]
    assert [budget.name for budget in world(plane)["budgets"]] == ["alpha-cap", "alpha-tagged"]


def test_consequences_and_replays_are_of_its_own_keys(plane):
    """Alpha's provider is asked by keys of both: each is told of its own requests alone."""
    shared = [
        Resource(a.kind, a.name, {**a.spec, "shared_with": ["beta"]}) if a.name == "alpha-sim" else a for a in ALPHA
    ]
    plane.put_in_force(*shared, owner="alpha")
    plane.put_in_force(*BASE, key(providers=["alpha-sim"]), owner="beta", owners=BETA)
    put_in_ledger(
        plane.engine,
        *(
            entry(
                f"grq_{name}_{number}",
                occurred_at=NOW - HOUR,
                virtual_key=name,
                provider="alpha-sim",
                model="gpt-5-mini",
                model_asked="fast",
                endpoint="chat_completions",
            )
            for name, requests in (("alpha-key", 3), ("k", 5))
            for number in range(requests)
        ),
    )
    other = [alias("fast", "alpha-second/x") if a.name == "fast" else a for a in shared]
    gone = [a for a in other if a.name != "alpha-sim" and a.kind != "prices" and a.name != "alpha-key"]

    moved = plane.plan(*other, owner="alpha", owners=("alpha",), replay_days=1).plan
    removed = plane.plan(*gone, owner="alpha", owners=("alpha",)).plan
    everything = plane.plan(*gone, owner="alpha").plan

    told = {one.name: "".join(follows.text for follows in one.consequences) for one in removed.resource_changes}
    assert "served 3 requests in the last 7 days, for alpha-key" in told["alpha-sim"]
    assert moved.replay.requests == 3
    (of_alias,) = moved.resource_changes
    assert "3 requests" in "".join(follows.text for follows in of_alias.consequences)
    whole = {one.name: "".join(follows.text for follows in one.consequences) for one in everything.resource_changes}
    assert "served 8 requests in the last 7 days, for alpha-key, k" in whole["alpha-sim"]


OF_ALPHA = ("providers", "alpha-sim"), ("virtual_keys", "alpha-key"), ("teams", "alpha-team")


@pytest.mark.parametrize("at", OF_ALPHA)
def test_nothing_of_another_is_changed(plane, at):
    before = plane.specs()
    spec = written(Resource(*at, plane.specs()[".".join(at)]))

    for act in (
        lambda: plane.edit(edits.put, at, spec, owner="beta", owners=BETA),
        lambda: plane.edit(edits.put, at, spec, owner="alpha", owners=BETA),
        lambda: plane.edit(edits.delete, at, owners=BETA),
        lambda: plane.edit(edits.hand_over, at, owner="beta", owners=BETA),
        lambda: plane.edit(edits.hand_over, at, owner="alpha", owners=BETA),
    ):
        with pytest.raises(EditError) as refused:
            act()
        assert refused.value.code in ("conflict", "not_found", "foreign")
    assert plane.specs() == before


@pytest.mark.parametrize("verb", [key_life.revoke, key_life.disable, key_life.enable])
def test_the_keys_of_others_live_on(plane, verb):
    with pytest.raises(EditError) as refused:
        plane.edit(verb, "alpha-key", owners=BETA)

    assert refused.value.code == "not_found"


def test_nothing_is_given_to_others_or_made_in_their_name(plane):
    mine = one("teams", "new")

    with pytest.raises(EditError, match="bound to beta, and this would be of alpha"):
        put(plane, mine, owner="alpha")
    with pytest.raises(EditError, match="bound to beta, and this would be of alpha"):
        plane.edit(edits.hand_over, ("teams", "beta-team"), owner="alpha", owners=BETA)


def test_no_plan_is_made_or_applied_for_others(plane):
    with pytest.raises(PlanError, match="bound to beta, and this is a file of alpha") as refused:
        plane.plan(owner="alpha", owners=BETA)
    assert refused.value.code == "foreign"
    of_alpha = plane.plan(*ALPHA[:1], owner="alpha")
    with pytest.raises(PlanError, match="this is a file of alpha"):
        plane.apply(of_alpha, allowed=Allowed(delete=99), actor=msgspec.structs.replace(ME, owners=BETA))


def test_a_name_of_another_is_not_taken_and_nothing_is_moved_away(plane):
    taken = plane.plan(*BASE, one("providers", "alpha-sim", type="simulator"), owner="beta", owners=BETA).plan
    moved = plane.plan(
        *BASE, one("teams", "mine"), owner="beta", owners=BETA, moves=[("teams.alpha-team", "teams.mine")]
    ).plan

    (said,) = taken.errors
    assert said.startswith("providers.alpha-sim belongs to alpha, and this file's owner is beta: names are one for all")
    assert said.endswith("choose another, or have it handed over (gateway adopt)")
    assert [one.actions for one in moved.resource_changes] == [["create"]]


def test_a_plan_tells_nothing_of_others(plane):
    shared = [
        Resource(a.kind, a.name, {**a.spec, "shared_with": ["beta"]}) if a.name == "alpha-rules" else a for a in ALPHA
    ]
    plane.put_in_force(*shared, owner="alpha")
    plane.put_in_force(*BASE, key(policy_rules=["alpha-rules"]), owner="beta", owners=BETA)

    of_beta = plane.plan(*BASE, owner="beta", owners=BETA)
    of_alpha = plane.plan(
        *(
            Resource(a.kind, a.name, {"shared_with": ["beta"], "mcp": {"deny": ["x"]}})
            if a.name == "alpha-rules"
            else a
            for a in shared
        ),
        owner="alpha",
        owners=("alpha",),
    )

    assert "alpha" not in msgspec.json.encode(of_beta.plan).decode().replace("alpha-rules", "")
    assert "beta" not in msgspec.json.encode(of_alpha.plan.resource_changes[0].consequences).decode()
    assert of_alpha.plan.unmanaged == {}


def test_the_first_thing_that_a_bound_token_writes_confines_its_owner_and_the_plan_says_so(engine):
    plane = Plane(engine)
    plane.put_in_force(*ALPHA, owner="alpha")
    plane.put_in_force(*BASE, alias("gpt-5-mini", "beta-sim/x"), owner="beta")
    assert world(plane)["requests"]["gpt-5-mini"]["candidates"][0]["provider"] == "beta-sim"
    before = plane.live().revision

    plan = plane.plan(*BASE, alias("gpt-5-mini", "beta-sim/y"), owner="beta", owners=BETA).plan
    nothing = plane.plan(*BASE, alias("gpt-5-mini", "beta-sim/x"), owner="beta", owners=BETA).plan
    plane.put_in_force(*BASE, alias("gpt-5-mini", "beta-sim/y"), owner="beta", owners=BETA)

    assert plan.warnings[-1] == "from this apply on, what beta has acts on the keys of beta alone"
    assert "alpha" not in "".join(plan.warnings)
    assert nothing.warnings == []
    assert plane.live().confined == {"beta"}
    assert world(plane)["requests"]["gpt-5-mini"]["candidates"][0]["provider"] == "alpha-sim"
    with engine.connect() as connection:
        news = changes_since(connection, plane.vault, lineage=plane.live().lineage, revision=before)
    assert {(one.name, one.owner, one.confined) for one in news.resources} == {
        (one.name, "beta", True) for one in (*BASE, alias("gpt-5-mini"))
    }


def test_whoever_writes_for_a_confined_owner_it_stays_so(engine):
    plane = Plane(engine)
    plane.put_in_force(*ALPHA, owner="alpha")
    plane.put_in_force(*BASE, owner="beta", owners=BETA)
    before = world(plane)

    plane.put_in_force(*BASE, *HARMLESS["a budget over the organization"], owner="beta")
    put(plane, alias("gpt-5-mini", "beta-sim/evil"), owners=None)

    assert world(plane) == before
    plane.put_in_force(owner="beta")
    put(plane, alias("gpt-5-mini", "alpha-sim/m"), owners=None, owner="gamma")
    assert plane.live().confined == {"beta"}


def test_what_happens_in_the_life_of_a_key_confines_nobody(engine):
    plane = Plane(engine)
    plane.put_in_force(*ALPHA, owner="alpha")
    plane.put_in_force(key(project="alpha-project"), owner="beta")

    plane.edit(key_life.disable, "k", owners=BETA)

    assert plane.live().confined == frozenset()
    tagged = key(project="alpha-project", tags=["t"])
    assert "is not shared" in plane.plan(tagged, owner="beta", owners=BETA).plan.errors[0]


@pytest.mark.parametrize("kind", ["virtual_keys", "budgets"])
def test_a_name_with_a_past_of_another_is_not_taken(plane, kind):
    gone = [a for a in ALPHA if (a.kind, a.name) not in {("virtual_keys", "alpha-key"), ("budgets", "alpha-cap")}]
    plane.put_in_force(*gone, owner="alpha")
    new = (
        one("virtual_keys", "alpha-key", environment="test", secret_hash=hash_of(7))
        if kind == "virtual_keys"
        else one("budgets", "alpha-cap", scope={"team": "beta-team"}, window="month", limit_usd="5")
    )

    assert "was another owner's before" in plane.plan(*BASE, new, owner="beta", owners=BETA).plan.errors[0]
    with pytest.raises(EditError, match="was another owner's before"):
        put(plane, new)


def test_every_setting_is_an_attack_of_the_table():
    assert {*SETTINGS_OF_BETA, "log_level", "organization"} == {*SETTINGS}


def test_a_hand_over_is_told_with_both_owners(plane):
    put(plane, one("teams", "spare"))

    plane.edit(edits.hand_over, ("teams", "spare"), owner="gamma")

    with plane.engine.connect() as connection:
        newest = audit.page(connection, limit=1)[0]
    assert (newest.action, newest.before, newest.after, newest.owner) == (
        "hand over",
        {"owner": "beta"},
        {"owner": "gamma"},
        "gamma",
    )


def test_revoked_secrets_stay_so_across_owners(plane):
    plane.edit(key_life.revoke, "alpha-key")

    with pytest.raises((RevokedError, EditError)):
        put(plane, one("virtual_keys", "k", environment="test", secret_hash=hash_of(1)))


def led_back(plane, revision, owners=BETA):
    return plane.plan(owner="beta", owners=owners, to_revision=revision)


def test_a_bound_token_is_led_back_to_what_its_owner_had_and_to_nothing_else(plane):
    revision = plane.live().revision
    before = plane.specs()
    put(plane, one("teams", "beta-team", description="later"))
    plane.put_in_force(*ALPHA[:-1], owner="alpha")
    of_alpha = plane.specs()

    saved = led_back(plane, revision)
    plane.apply(saved, actor=msgspec.structs.replace(ME, owners=BETA), allowed=Allowed(discard_outside_edits=True))

    assert [one.address for one in saved.plan.resource_changes] == ["teams.beta-team"]
    assert "alpha" not in msgspec.json.encode(saved.plan).decode()
    assert plane.specs() == {**of_alpha, "teams.beta-team": before["teams.beta-team"]}
    with pytest.raises(PlanError, match="this is a file of alpha") as refused:
        plane.plan(owner="alpha", owners=BETA, to_revision=revision)
    assert refused.value.code == "foreign"


@pytest.mark.parametrize("renamed", [False, True])
@pytest.mark.parametrize("kind", ["providers", "virtual_keys"])
def test_what_was_given_away_since_is_not_led_back_to(plane, kind, renamed):
    given = one("providers", "given", type="custom", base_url="https://x.example", api_key=Secret("of-beta"))
    if kind == "virtual_keys":
        given = one(kind, "given", environment="test", secret_hash=hash_of(5))
    put(plane, given)
    revision = plane.live().revision
    plane.edit(edits.hand_over, (kind, "given"), owner="alpha")
    of_alpha = [*ALPHA, Resource(kind, "renamed-by-alpha" if renamed else "given", given.spec)]
    moves = [(f"{kind}.given", f"{kind}.renamed-by-alpha")] if renamed else []
    plane.put_in_force(*of_alpha, owner="alpha", moves=moves)
    before = plane.specs()

    saved = led_back(plane, revision)

    plane.apply(saved, actor=msgspec.structs.replace(ME, owners=BETA))
    assert saved.plan.warnings == [f"{kind}.given was given to another owner since, and stays theirs"]
    assert saved.plan.is_empty
    assert plane.specs() == before


def test_what_was_another_owners_then_is_not_led_back_to(plane):
    revision = plane.live().revision
    put(plane, one("teams", "spare"), owners=("alpha",), owner="alpha")
    plane.edit(edits.hand_over, ("teams", "spare"), owner="beta")

    plan = led_back(plane, revision + 1).plan

    assert [(one.address, one.actions) for one in plan.resource_changes] == [("teams.spare", ["delete"])]
