"""The revisions of a control plane, and plans that lead back to them."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gateway.config.resources import Resource
from gateway.control_plane import edit as edits
from gateway.control_plane import key_life, state
from gateway.control_plane.history import history
from gateway.control_plane.minting import Minter
from gateway.control_plane.planning import PlanError
from gateway.plan.guards import Allowed
from gateway.secret import Secret
from tests.unit.control_plane.planes import OPENAI, SIMULATOR, Plane, hash_of, key, team
from tests.unit.storage.databases import empty

ANYTHING = Allowed(delete=1_000, empty=True, discard_outside_edits=True)


@pytest.fixture
def plane(engine):
    return Plane(engine)


def back(plane, revision, owner="platform", **more):
    return plane.plan(owner=owner, to_revision=revision, **more)


def go_back(plane, revision):
    done = plane.apply(back(plane, revision), allowed=ANYTHING)
    assert back(plane, revision).plan.is_empty
    return done


def test_what_was_there_is_there_again_with_its_credentials_and_references(plane):
    written = Resource(OPENAI.kind, OPENAI.name, OPENAI.spec, {"/api_key": "${env:OPENAI_API_KEY}"})
    plane.put_in_force(SIMULATOR, written, team("a", description="first"))
    before = plane.specs()
    plane.put_in_force(SIMULATOR, team("a", description="second"), team("b"))
    plane.edit(edits.put, ("teams", "c"), {}, owner="platform")

    saved = back(plane, 1)
    plane.apply(saved, allowed=ANYTHING)

    assert plane.specs() == before
    assert before["providers.openai"]["api_key"] == Secret("sk-canary-value")
    assert plane.live().resources["providers", "openai"].resource.references == written.references
    assert [(one.address, one.actions) for one in saved.plan.resource_changes] == [
        ("teams.a", ["update"]),
        ("teams.b", ["delete"]),
        ("teams.c", ["delete"]),
        ("providers.openai", ["create"]),
    ]
    assert "sk-canary" not in repr(saved)


def test_only_what_the_owner_had_is_led_back(plane):
    plane.put_in_force(SIMULATOR)
    plane.put_in_force(team("theirs"), owner="data")

    assert back(plane, 1).plan.is_empty
    assert [one.address for one in back(plane, 1, owner="data").plan.resource_changes] == ["teams.theirs"]


def test_what_was_renamed_since_is_renamed_back(plane):
    plane.put_in_force(SIMULATOR, team("t"), key(team="t"))
    made = plane.specs()["virtual_keys.k"]["secret_hash"]
    moves = [("virtual_keys.k", "virtual_keys.new"), ("teams.t", "teams.u")]
    plane.put_in_force(SIMULATOR, team("u"), key("new", team="u"), moves=moves)

    saved = back(plane, 1)
    plane.apply(saved, allowed=Allowed(no_widen=True))

    assert {one.actions[0] for one in saved.plan.resource_changes} == {"move"}
    assert plane.specs()["virtual_keys.k"] == {"environment": "test", "team": "t", "secret_hash": made}


def test_the_life_of_a_key_goes_on(plane):
    plane.put_in_force(SIMULATOR, key(tags=["first"], secret_hash=hash_of(1)))
    plane.edit(key_life.rotate, "k", mint=Minter(None), grace_s=3_600)
    plane.edit(key_life.disable, "k")
    plane.edit(edits.put, ("virtual_keys", "k"), {**plane.specs()["virtual_keys.k"], "tags": ["second"]}, owner="x")
    before = plane.specs()["virtual_keys.k"]

    go_back(plane, 1)

    assert plane.specs()["virtual_keys.k"] == {**before, "tags": ["first"]}


@pytest.mark.parametrize("ended", ["revoked", "purged", "rotated", "nothing"])
def test_the_secret_of_a_key_that_is_gone_comes_back_only_if_it_was_not_ended(plane, ended):
    plane.put_in_force(SIMULATOR, key())
    made = plane.specs()["virtual_keys.k"]["secret_hash"]
    if ended == "revoked":
        plane.edit(key_life.revoke, "k")
    if ended == "rotated":
        plane.edit(key_life.rotate, "k", mint=Minter(None), grace_s=0)
    plane.put_in_force(SIMULATOR)
    if ended == "purged":
        plane.edit(lambda connection, _, *rest: key_life.purge(connection, *rest), "k")

    go_back(plane, 1)

    assert (plane.specs()["virtual_keys.k"]["secret_hash"] == made) is (ended == "nothing")


def test_a_revision_that_is_not_known_is_told(plane, monkeypatch):
    monkeypatch.setattr(state, "KEPT_REVISIONS", 1)
    plane.put_in_force(team("a"))
    plane.put_in_force(team("b"))

    for revision in (0, 3):
        with pytest.raises(PlanError, match=f"revision {revision} is not known: 1 to 2 are"):
            back(plane, revision)
    with pytest.raises(PlanError, match="takes no resources"):
        plane.plan(team("a"), to_revision=1)


def test_history_says_who_made_what(plane):
    plane.put_in_force(SIMULATOR, team("t"))
    plane.put_in_force(SIMULATOR, team("u"), moves=[("teams.t", "teams.u")])
    plane.edit(edits.delete, ("teams", "u"))

    with plane.engine.connect() as connection:
        rows = history(connection, before=None, limit=9)
        earlier = history(connection, before=2, limit=9)
        identities = {*connection.scalars(text("SELECT identity FROM revisions"))}

    told = [(row.revision, row.actor, row.owner, dict(row.changes), row.address) for row in rows]
    assert told == [
        (3, "on-call", None, {"delete": 1}, "teams.u"),
        (2, "me", "platform", {"move": 1}, "teams.t"),
        (1, "me", "platform", {"create": 2}, None),
    ]
    assert earlier == rows[2:]
    assert len(identities) == 3


TEAMS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(("one", "two")), max_size=3)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEAMS, st.sampled_from(((), ("a", "b"), ("b", "c")))), min_size=1, max_size=5), st.data())
def test_every_revision_can_be_come_back_to(engine, courses, data):
    empty(engine)
    plane = Plane(engine)
    known = {0: {}}
    for wanted, moved in courses:
        moves = [tuple(f"teams.{name}" for name in moved)] if moved else []
        done = plane.put_in_force(*(team(name, description=said) for name, said in wanted.items()), moves=moves)
        known[done.revision] = plane.specs()

    to = data.draw(st.sampled_from(sorted(known)))
    go_back(plane, to)

    assert plane.specs() == known[to]
    assert msgspec.structs.asdict(back(plane, to).plan)["resource_changes"] == []
