"""What the control plane accepts, every gateway can serve; what is revoked stays so; secrets stay where they go."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.assemble import assemble
from gateway.config.judge import Serving
from gateway.config.resources import Resource
from gateway.control_plane import edit as edits
from gateway.control_plane import key_life, state
from gateway.control_plane.edit import EditError
from gateway.control_plane.minting import Minter
from gateway.control_plane.planning import PlanError
from gateway.control_plane.state import RevokedError
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper
from gateway.plan.diff import shown
from gateway.providers.registry import ProviderSet
from gateway.secret import Secret
from gateway.snapshot.compile import compile_snapshot
from gateway.snapshot.snapshot import Revision
from gateway.storage.engine import writing
from gateway.upstream.request import NoTransport
from tests.unit.control_plane.planes import ME, NOW, SIMULATOR, Plane, hash_of, key, team
from tests.unit.storage.databases import empty

OPENAI = {"type": "openai", "api_key": "sk-stored", "headers": {"x-one": "one", "x~two": "two"}}
SHOWN = {"type": "openai", "api_key": "(sensitive)", "headers": {"x-one": "(sensitive)", "x~two": "(sensitive)"}}
AT = ("providers", "openai")
HASH = hash_of(1)


@pytest.fixture
def plane(engine):
    return Plane(engine)


def put(plane, at, written, **more):
    return plane.edit(edits.put, at, written, owner="api", **more)


@pytest.mark.parametrize(
    ("at", "written", "said"),
    [
        (("teams", "t"), {"description": "use ${VAR} in prompts"}, r"a node resolves \$\{runtime-env:NAME\} only"),
        (("teams", "t"), {"description": "${env:HOME}"}, "others are resolved where a file is loaded"),
        (("teams", "t"), {"description": "${runtime-env:NOT A NAME}"}, "malformed"),
        (("teams", "t"), {"description": "${runtime-env:OPEN"}, "a node resolves"),
        (
            ("providers", "p"),
            {"type": "simulator", "models": ["${runtime-env:KEY}"]},
            "a model's name cannot come from a reference",
        ),
        (("virtual_keys", "k"), {"environment": "live"}, "secret_hash: a key without one answers to nobody"),
        (("policy_rules", "r"), {"tools": {"deny": ["("]}}, "RE2"),
        (AT, {**OPENAI, "api_key": "${file:/etc/passwd}"}, "a node resolves"),
        (AT, {**OPENAI, "api_key": "(sensitive)"}, r"api_key: \(sensitive\) stands in place of a secret and is none"),
        (AT, {**OPENAI, "headers": {"x": "(sensitive, changed)"}}, "headers.x: .* stands in place of a secret"),
    ],
)
def test_what_no_gateway_could_serve_is_refused(plane, at, written, said):
    with pytest.raises(EditError, match=said) as refused:
        put(plane, at, written)

    assert refused.value.code == "invalid"
    assert plane.live().revision == 0


@pytest.mark.parametrize("text", ["$${VAR}", "${runtime-env:NODE_NAME}", "a $ and a {"])
def test_what_every_gateway_can_serve_is_taken(plane, text):
    put(plane, ("teams", "t"), {"description": text})

    assert plane.specs() == {"teams.t": {"description": text}}


def test_a_file_is_judged_alike(plane):
    refused = plane.plan(team("t", description="${VAR}")).plan

    assert "a node resolves" in refused.errors[0]
    with pytest.raises(PlanError, match="stands in place of a secret"):
        plane.plan(Resource("providers", "openai", {"type": "openai", "api_key": Secret("(sensitive)")}))


def test_what_was_wrong_before_is_mended_one_by_one(plane):
    with writing(plane.engine) as connection:
        revision = state.Revision(connection, plane.vault, ME, now=NOW)
        for name in ("a", "b"):
            revision.put(team(name, description="${VAR}"), owner="api", had=None)
        revision.finish()

    put(plane, ("teams", "a"), {})
    plane.edit(edits.delete, ("teams", "b"))

    assert plane.specs() == {"teams.a": {}}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"rate_limits": {"rpm": 5}, "models": ["gpt-5-mini"]},
        {"protected": True, "timeouts": {"idle_ms": 5}, "circuit_breaker": {"failures": 3}, "price_factor": 2},
    ],
)
def test_a_secret_stays_while_it_goes_where_it_went(plane, more):
    put(plane, AT, OPENAI)

    put(plane, AT, {**SHOWN, **more})

    spec = plane.specs()["providers.openai"]
    assert spec["api_key"] == Secret("sk-stored")
    assert spec["headers"] == {"x-one": Secret("one"), "x~two": Secret("two")}
    assert more.keys() <= spec.keys()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({**SHOWN, "base_url": "https://elsewhere.example"}, "only while base_url stays as it is"),
        ({**SHOWN, "type": "custom", "base_url": "https://elsewhere.example"}, "only while base_url, type stays"),
        ({**SHOWN, "type": "anthropic"}, "only while type stays as it is"),
        ({**SHOWN, "organization": "another"}, "only while organization stays as it is"),
        ({**SHOWN, "headers": {**SHOWN["headers"], "host": "elsewhere.example"}}, "only while headers stays"),
        ({**SHOWN, "headers": {"x-one": "(sensitive)"}}, "only while headers stays as it is"),
        ({**SHOWN, "headers": {"x-three": "(sensitive)"}}, "x-three: .* stands in place of a secret and is none"),
    ],
)
def test_a_secret_does_not_go_elsewhere_unseen(plane, written, said):
    put(plane, AT, OPENAI)

    with pytest.raises(EditError, match=said) as refused:
        put(plane, AT, written)

    assert refused.value.code == "invalid"
    assert plane.live().revision == 1


@pytest.mark.parametrize(
    ("type_", "field", "other"),
    [
        ({"type": "bedrock", "region": "eu-central-1", "api_key": "k"}, "region", "us-east-1"),
        ({"type": "vertex", "project": "p", "location": "global", "credentials": "k"}, "project", "q"),
        ({"type": "azure", "base_url": "https://a.example", "api_key": "k"}, "base_url", "https://b.example"),
        ({"type": "azure", "base_url": "https://a.example", "api_key": "k"}, "deployments", {"a": "../b"}),
    ],
)
def test_each_type_has_its_places(plane, type_, field, other):
    put(plane, AT, type_)
    (secret,) = {"api_key", "credentials"} & type_.keys()

    with pytest.raises(EditError, match=f"only while {field} stays as it is"):
        put(plane, AT, {**type_, secret: "(sensitive)", field: other})


@pytest.mark.parametrize("written", [" (sensitive) ", "Bearer (sensitive)", "(sensitive, changed)"])
def test_what_stands_in_place_of_a_secret_is_none_whatever_is_around_it(plane, written):
    with pytest.raises(EditError, match="stands in place of a secret and is none"):
        plane.edit(edits.put, ("providers", "p"), {"type": "openai", "api_key": written}, owner="platform")


@pytest.mark.parametrize(
    ("at", "written"),
    [(("model_aliases", "fast"), ["sim/m"]), (("settings", "on_disconnect"), "drain"), (("teams", "t"), {})],
)
def test_what_is_shown_may_be_put_back(plane, at, written):
    plane.put_in_force(SIMULATOR)
    made = plane.edit(edits.put, at, written, owner="platform")

    again = plane.edit(edits.put, at, shown(made.resource.spec, made.resource.references), owner="platform")

    assert again == made


def test_the_places_of_secrets_in_lists_keep_them_too(plane):
    custom = {"type": "custom", "base_url": "http://a.example"}
    put(plane, AT, {**custom, "api_key": "stored"})

    put(plane, AT, {**custom, "api_key": None, "models": ["m"]})
    assert plane.specs()["providers.openai"]["api_key"] == Secret("stored")
    put(plane, AT, custom)
    assert plane.specs()["providers.openai"] == custom


def test_what_is_shown_as_a_reference_keeps_what_it_stood_for(plane):
    references = {"/api_key": "${env:KEY}", "/headers/x-one": "${env:ONE}", "/organization": "${env:ORG}"}
    spec = {"type": "openai", "api_key": Secret("k"), "headers": {"x-one": Secret("one")}, "organization": "acme"}
    plane.put_in_force(Resource("providers", "openai", spec, references))
    written = {"type": "openai", "headers": {"x-one": "${env:ONE}"}, "organization": "${env:ORG}", "models": ["m"]}

    put(plane, AT, {**written, "api_key": "(sensitive)"})
    assert plane.specs()["providers.openai"] == {**spec, "models": ["m"]}
    with pytest.raises(EditError, match="only while api_key stays as it is"):
        put(plane, AT, {**written, "api_key": "another"})


REVIVALS = {
    "put back": lambda plane: put(plane, ("virtual_keys", "k"), {"environment": "test", "secret_hash": HASH}),
    "put active": lambda plane: put(
        plane, ("virtual_keys", "k"), {"environment": "test", "secret_hash": HASH, "state": "active"}
    ),
    "put with another secret": lambda plane: put(
        plane, ("virtual_keys", "k"), {"environment": "test", "secret_hash": hash_of(2)}
    ),
    "put under another name": lambda plane: put(
        plane, ("virtual_keys", "other"), {"environment": "test", "secret_hash": HASH}
    ),
    "put as the secret before a rotation": lambda plane: put(
        plane,
        ("virtual_keys", "other"),
        {
            "environment": "test",
            "secret_hash": hash_of(2),
            "previous_secret_hash": HASH,
            "previous_secret_expires_at": "2030-01-01T00:00:00Z",
        },
    ),
}


@pytest.mark.parametrize("removed_first", [False, True])
@pytest.mark.parametrize("way", REVIVALS)
def test_a_revoked_key_stays_revoked_whatever_is_put(plane, way, removed_first):
    plane.put_in_force(SIMULATOR, key(secret_hash=HASH))
    plane.edit(key_life.revoke, "k")
    if removed_first:
        plane.edit(edits.delete, ("virtual_keys", "k"))
    before = plane.specs()

    if (way, removed_first) == ("put with another secret", True):
        REVIVALS[way](plane)  # a key of that name with a secret of its own is another key
        return
    with pytest.raises((RevokedError, EditError), match=r"final|has the same secret"):
        REVIVALS[way](plane)

    assert plane.specs() == before


@pytest.mark.parametrize("name", ["k", "other"])
def test_a_secret_that_was_rotated_away_is_not_put_back_in_passing(plane, name):
    plane.put_in_force(SIMULATOR, key(secret_hash=HASH))
    plane.edit(edits.put, ("virtual_keys", "k"), {"environment": "test", "secret_hash": hash_of(2)}, owner="a")
    before = plane.specs()

    with pytest.raises(EditError, match="another secret took the place of this one"):
        plane.edit(edits.put, ("virtual_keys", name), {"environment": "test", "secret_hash": HASH}, owner="a")

    assert plane.specs() == before


@pytest.mark.parametrize(
    "wanted",
    [
        key(secret_hash=HASH, state="active"),
        key("other", secret_hash=HASH),
        key(secret_hash=hash_of(2), state="active"),
    ],
)
def test_no_file_brings_a_revoked_key_back(plane, wanted):
    plane.put_in_force(SIMULATOR, key(secret_hash=HASH))
    plane.edit(key_life.revoke, "k")

    assert "final" in plane.plan(SIMULATOR, wanted).plan.errors[0]
    plane.put_in_force(SIMULATOR)
    if wanted.spec["secret_hash"] == HASH:
        assert "final" in plane.plan(SIMULATOR, wanted).plan.errors[0]


def test_a_file_that_says_nothing_of_it_leaves_a_key_revoked(plane):
    plane.put_in_force(SIMULATOR, key(secret_hash=HASH))
    plane.edit(key_life.revoke, "k")

    plane.put_in_force(SIMULATOR, key(secret_hash=HASH, description="another"))
    moved = plane.plan(SIMULATOR, key("new", secret_hash=HASH), moves=[("virtual_keys.k", "virtual_keys.new")])
    plane.apply(moved)

    assert plane.specs()["virtual_keys.new"]["state"] == "revoked"


NAMES = st.sampled_from(["a", "b"])
TEXT = st.sampled_from(["plain", "${VAR}", "$${VAR}", "${runtime-env:A}", "${env:A}", "${"])
HASHES = st.sampled_from([hash_of(number) for number in range(3)])
CHANGES = st.one_of(
    st.tuples(st.just("put"), st.just("teams"), NAMES, st.fixed_dictionaries({"description": TEXT})),
    st.tuples(
        st.just("put"),
        st.just("providers"),
        NAMES,
        st.one_of(
            st.just({"type": "simulator"}),
            st.fixed_dictionaries({"type": st.just("openai"), "api_key": TEXT | st.just("(sensitive)")}),
            st.fixed_dictionaries({"type": st.just("custom"), "base_url": TEXT | st.just("http://a.example")}),
        ),
    ),
    st.tuples(
        st.just("put"),
        st.just("virtual_keys"),
        NAMES,
        st.fixed_dictionaries(
            {"environment": st.just("test")},
            optional={
                "secret_hash": HASHES,
                "state": st.sampled_from(["active", "disabled", "revoked"]),
                "team": NAMES,
                "providers": st.lists(NAMES, max_size=2),
                "models_allowed": st.lists(st.sampled_from(["*", "[", "${VAR}"]), max_size=1),
                "policy_rules": st.lists(st.sampled_from([{"tools": {"deny": ["("]}}, {"tools": {"deny": ["a"]}}])),
            },
        ),
    ),
    st.tuples(st.just("put"), st.just("model_aliases"), NAMES, st.sampled_from(["a/m", "b/${runtime-env:A}", "a/${"])),
    st.tuples(st.just("delete"), st.sampled_from(["teams", "providers", "virtual_keys"]), NAMES),
    st.tuples(st.sampled_from(["rotate", "revoke", "disable", "enable"]), NAMES),
    st.tuples(st.just("apply"), st.lists(st.tuples(NAMES, HASHES), max_size=2, unique_by=lambda one: one[0])),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CHANGES, min_size=1, max_size=10))
def test_whatever_is_accepted_compiles_at_a_gateway_and_what_is_revoked_stays_refused(engine, steps):
    empty(engine)
    plane, revoked = Plane(engine), set()
    for step in steps:
        try:
            carry_out(plane, step)
        except (EditError, RevokedError, PlanError):
            continue
        live = plane.live()
        config = assemble(
            (one.resource for one in live.resources.values()),
            now=datetime.fromtimestamp(NOW / 1e6, UTC),
            environ={"A": "http://resolved.example"},
            serving=Serving(development_pepper=True, runtime_env=("A",)),
        ).config
        assert config is not None
        snapshot = compile_snapshot(config, Revision("x", None), Pepper(DEVELOPMENT_PEPPER), ProviderSet(NoTransport()))
        answering = {}
        for name, section in config.virtual_keys.items():
            assert section.secret_hash is not None
            snapshot.key_named(name)
            answering |= {one: section.state for one in (section.secret_hash, section.previous_secret_hash) if one}
        revoked |= {one for one, how in answering.items() if how == "revoked"}
        assert all(answering.get(one, "revoked") == "revoked" for one in revoked)


def carry_out(plane, step):
    what, *rest = step
    if what == "put":
        kind, name, written = rest
        put(plane, (kind, name), written)
    elif what == "delete":
        plane.edit(edits.delete, tuple(rest))
    elif what == "rotate":
        plane.edit(key_life.rotate, *rest, mint=Minter(None))
    elif what == "apply":
        keys = [key(name, secret_hash=digest) for name, digest in rest[0]]
        saved = plane.plan(Resource("providers", "sim", {"type": "simulator"}), *keys)
        if not saved.plan.errors:
            plane.apply(saved)
    else:
        plane.edit(getattr(key_life, what), *rest)
