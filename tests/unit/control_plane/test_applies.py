"""Plans carried out in the database: whole, once, and by nobody else meanwhile."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import MetaData, func, select, text

from gateway.clock import moment_at
from gateway.config.resources import Resource
from gateway.control_plane import audit, key_life, state
from gateway.control_plane import edit as edits
from gateway.control_plane.audit import Actor
from gateway.control_plane.changes import changes_since
from gateway.control_plane.database import Database
from gateway.control_plane.edit import EditError
from gateway.control_plane.encryption import EncryptionError, Vault, generate_key, open_vault, rotate
from gateway.control_plane.minted_secrets import KEPT_US as KEPT_FOR_US
from gateway.control_plane.minting import Minter
from gateway.control_plane.planning import PlanError
from gateway.control_plane.repeats import KEPT_US, Asked, Told, once
from gateway.ledger import names
from gateway.plan.guards import Allowed
from gateway.secret import Secret
from gateway.storage.engine import writing
from gateway.storage.tables import applies, audit_log, changes, minted_secrets, resources
from tests.unit.control_plane.planes import CANARY, KEY, NOW, OPENAI, SIMULATOR, Plane, hash_of, key, team
from tests.unit.storage.databases import empty


@pytest.fixture
def plane(engine):
    return Plane(engine)


def test_what_is_applied_is_there_and_is_not_planned_again(plane):
    wanted = (SIMULATOR, OPENAI, key(secret_hash=hash_of(1)))

    done = plane.put_in_force(*wanted)

    assert done.revision == 1
    assert plane.specs() == {one.address: one.spec for one in wanted}
    assert plane.plan(*wanted).plan.is_empty


def test_an_apply_of_nothing_writes_nothing(plane):
    plane.put_in_force(SIMULATOR)

    done = plane.put_in_force(SIMULATOR)

    assert done.revision == 1
    assert plane.count(applies) == 1


def test_a_plan_is_applied_once(plane):
    saved = plane.plan(SIMULATOR, key())
    first, again = plane.apply(saved), plane.apply(saved)

    assert (first.already, again.already) == (False, True)
    assert again.revision == first.revision == 1
    assert set(first.minted) == {"k"}
    assert again.minted == first.minted
    assert plane.apply(saved).minted == {}


@pytest.mark.parametrize(("who", "later"), [("another", 0), ("me", KEPT_FOR_US + 1)])
def test_secrets_whose_answer_was_lost_are_told_to_whoever_applied_and_for_an_hour(plane, who, later):
    saved = plane.plan(SIMULATOR, key())
    plane.apply(saved, actor=Actor("me", token_id="me"))

    assert plane.apply(saved, actor=Actor("me", token_id=who), now=NOW + later).minted == {}

    with plane.engine.connect() as connection:
        told = [
            (one.action, one.actor) for one in audit.page(connection, limit=9, address=f"applies.{saved.plan.plan_id}")
        ]
        kept = [*connection.execute(select(minted_secrets)).mappings()]
    assert told == [("destroy secrets", "control plane"), ("keep secrets", "me")][not later :]
    assert len(kept) == (not later)
    assert all(CANARY not in str(row) and "lw_vk" not in str(row) for row in kept)


def test_that_secrets_were_told_again_is_in_the_audit_log(plane):
    saved = plane.plan(SIMULATOR, key())
    plane.apply(saved)
    plane.apply(saved)
    plane.apply(saved)

    with plane.engine.connect() as connection:
        told = [one.action for one in audit.page(connection, limit=9, address=f"applies.{saved.plan.plan_id}")]
    assert told == ["hand out secrets", "keep secrets"]


def test_a_plan_goes_stale_and_says_what_moved(plane):
    saved = plane.plan(SIMULATOR)
    plane.put_in_force(team("theirs"), owner="data")

    with pytest.raises(PlanError, match=r"from revision 0 to 1: teams.theirs \(create by me, revision 1\)") as refused:
        plane.apply(saved)
    assert refused.value.code == "stale"
    assert "providers.sim" not in plane.specs()


def test_a_plan_lasts_a_day(plane):
    saved = plane.plan(SIMULATOR)

    a_day = timedelta(hours=24)
    assert saved.plan.expires_at - saved.plan.created_at == a_day
    with pytest.raises(PlanError, match="could be applied until 25 Nov 2026 08:46 UTC"):
        plane.apply(saved, now=NOW + int(a_day.total_seconds() * 1e6) + 1)


def test_a_plan_that_was_changed_is_refused(plane):
    saved = plane.plan(SIMULATOR, team("a"))
    forged = msgspec.structs.replace(
        saved, plan=msgspec.structs.replace(saved.plan, resource_changes=saved.plan.resource_changes[:1])
    )

    with pytest.raises(PlanError, match="was changed after it was made"):
        plane.apply(forged)
    with pytest.raises(PlanError, match="made by another control plane"):
        plane.apply(msgspec.structs.replace(saved, sealed=Vault((generate_key(),)).seal_bytes(b"{}")))
    assert plane.specs() == {}


def test_who_ended_a_key_is_told_whoever_changed_it_since(plane):
    plane.put_in_force(SIMULATOR, key(secret_hash=hash_of(1)))
    plane.edit(key_life.disable, "k")
    changed = (SIMULATOR, key(description="of the laboratory"))
    plane.put_in_force(*changed, now=NOW + 5)

    (found,) = plane.plan(*changed).plan.drift

    assert (found.path, found.live, found.effect) == ("/state", "disabled", "kept")
    assert (found.changed_by, found.changed_at) == ("on-call", moment_at(NOW + 1))


def test_what_was_deleted_outside_the_file_is_told_before_it_is_made_again(plane):
    plane.put_in_force(team("a"), team("b"), team("c"))
    plane.put_in_force(team("b"), team("c"))
    plane.edit(edits.delete, ("teams", "b"))

    plan = plane.plan(team("a"), team("b"), team("c")).plan

    assert [(one.address, one.path, one.live, one.effect, one.changed_by) for one in plan.drift] == [
        ("teams.b", "", None, "overwritten", "on-call")
    ]
    with pytest.raises(PlanError, match="--discard-outside-edits"):
        plane.apply(plane.plan(team("a"), team("b"), team("c")))


def test_a_guard_refuses_and_nothing_happens(plane):
    teams = [team(f"t{number}") for number in range(4)]
    plane.put_in_force(*teams)
    saved = plane.plan(teams[0])

    with pytest.raises(PlanError, match="--allow-delete 3") as refused:
        plane.apply(saved)

    assert refused.value.code == "guard"
    assert len(plane.specs()) == 4
    assert plane.apply(saved, allowed=Allowed(delete=3)).revision == 2


def test_protection_outlives_its_block(plane):
    plane.put_in_force(team("t", protected=True))

    with pytest.raises(PlanError, match="protected"):
        plane.put_in_force()
    plane.put_in_force(team("t"))
    plane.put_in_force()

    assert plane.specs() == {}


def test_errors_of_the_whole_keep_an_apply_from_happening(plane):
    saved = plane.plan(key(providers=["nowhere"]))

    assert "unknown-reference" in saved.plan.errors[0]
    with pytest.raises(PlanError, match="unknown-reference"):
        plane.apply(saved)


def test_two_owners_share_a_control_plane(plane):
    plane.put_in_force(SIMULATOR, owner="platform")
    plane.put_in_force(key(providers=["sim"]), owner="data")

    assert plane.plan(SIMULATOR, owner="platform").plan.is_empty
    taken = plane.plan(SIMULATOR, key(providers=["sim"]), owner="data").plan
    assert "providers.sim belongs to platform" in taken.errors[0]
    gone = plane.plan(owner="platform").plan
    assert "there is no provider named 'sim'" in gone.errors[0]


def test_a_key_keeps_its_secret_and_its_state(plane):
    plane.put_in_force(SIMULATOR, key())
    made = plane.specs()["virtual_keys.k"]["secret_hash"]
    plane.edit(key_life.disable, "k")

    plane.put_in_force(SIMULATOR, key(tags=["a"]))

    spec = plane.specs()["virtual_keys.k"]
    assert (spec["secret_hash"], spec["state"], spec["tags"]) == (made, "disabled", ["a"])
    plane.put_in_force(SIMULATOR, key(tags=["a"], state="active"))
    assert plane.specs()["virtual_keys.k"]["state"] == "active"


def test_a_renamed_key_keeps_its_secret(plane):
    plane.put_in_force(SIMULATOR, key("old"))
    made = plane.specs()["virtual_keys.old"]["secret_hash"]

    plane.put_in_force(SIMULATOR, key("new"), moves=[("virtual_keys.old", "virtual_keys.new")])

    assert plane.specs()["virtual_keys.new"]["secret_hash"] == made
    assert "virtual_keys.old" not in plane.specs()
    assert plane.plan(SIMULATOR, key("new"), moves=[("virtual_keys.old", "virtual_keys.new")]).plan.is_empty


def test_what_is_asked_in_several_statements_is_answered_of_one_moment(plane):
    plane.put_in_force(team("a"))
    database = Database(plane.engine)

    def ask(connection):
        before = state.position(connection)
        plane.put_in_force(team("a", description="new"), team("b"))
        news = changes_since(connection, plane.vault, lineage=before.lineage, revision=0)
        live = state.read_state(connection, plane.vault)
        return before.revision, news.revision, [one.spec for one in news.resources], live.revision, [*live.resources]

    assert asyncio.run(database.read(ask)) == (1, 1, [{}], 1, [("teams", "a")])
    assert asyncio.run(database.read(lambda connection: state.position(connection).revision)) == 2
    with writing(plane.engine) as connection:
        connection.execute(text("UPDATE control_plane_state SET revision = revision"))


def test_rotation(plane):
    plane.put_in_force(SIMULATOR, key())
    before = plane.specs()["virtual_keys.k"]["secret_hash"]

    _, secret = plane.edit(key_life.rotate, "k", mint=Minter(None), grace_s=3_600)

    spec = plane.specs()["virtual_keys.k"]
    assert secret.reveal().startswith("lw_vk_test_")
    assert spec["previous_secret_hash"] == before != spec["secret_hash"]
    assert plane.plan(SIMULATOR, key()).plan.is_empty
    assert plane.plan(SIMULATOR, key()).plan.drift == []


def test_what_is_revoked_stays_so(plane):
    plane.put_in_force(SIMULATOR, key())
    plane.edit(key_life.revoke, "k")

    for verb in (key_life.enable, key_life.disable):
        with pytest.raises(EditError, match="revoked, which is final"):
            plane.edit(verb, "k")
    with pytest.raises(EditError, match="revoked, which is final"):
        plane.edit(key_life.rotate, "k", mint=Minter(None))


def test_live_keys_are_not_minted_under_the_public_pepper(plane):
    live = Resource("virtual_keys", "k", {})

    with pytest.raises(PlanError, match="GATEWAY_KEY_PEPPER"):
        plane.put_in_force(SIMULATOR, live)
    assert plane.specs() == {}


def test_an_edit_beside_the_file_is_drift(plane):
    plane.put_in_force(team("t", description="file"))
    plane.edit(edits.put, ("teams", "t"), {"description": "hand"}, owner="x")

    (drift,) = plane.plan(team("t", description="file")).plan.drift

    assert (drift.last_applied, drift.live, drift.changed_by, drift.effect) == (
        "file",
        "hand",
        "on-call",
        "overwritten",
    )
    plane.put_in_force(team("t", description="file"))
    assert plane.plan(team("t", description="file")).plan.drift == []


def test_edits_see_what_they_have_seen(plane):
    plane.edit(edits.put, ("teams", "t"), {}, owner="api", expected=0)

    with pytest.raises(EditError, match="revision 1, by on-call") as refused:
        plane.edit(edits.put, ("teams", "t"), {"description": "x"}, owner="api", expected=0)
    assert refused.value.code == "precondition_failed"
    plane.edit(edits.delete, ("teams", "t"), expected=1)
    with pytest.raises(EditError, match=r"there is no teams\.t"):
        plane.edit(edits.delete, ("teams", "t"))


@pytest.mark.parametrize(
    ("at", "written", "code"),
    [
        (("teams", "t"), {"unknown": 1}, "invalid"),
        (("nonsense", "t"), {}, "invalid"),
        (("settings", "nonsense"), 1, "invalid"),
        (("projects", "p"), {"team": "nowhere"}, "conflict"),
        (("virtual_keys", "not a name"), {"environment": "test"}, "invalid"),
    ],
)
def test_edits_that_break_something_are_rolled_back(plane, at, written, code):
    with pytest.raises(EditError) as refused:
        plane.edit(edits.put, at, written, owner="api")

    assert refused.value.code == code
    assert plane.live().revision == 0
    assert plane.count(audit_log) == 0


def test_a_resource_changes_hands(plane):
    plane.put_in_force(team("t"), owner="data")
    plane.edit(edits.hand_over, ("teams", "t"), owner="platform")

    assert plane.plan(team("t"), owner="platform").plan.is_empty
    assert plane.plan(owner="data").plan.is_empty


def test_gateways_get_what_is_new(plane, monkeypatch):
    plane.put_in_force(SIMULATOR, team("a"), team("b"))

    def news(lineage, revision):
        with plane.engine.connect() as connection:
            return changes_since(connection, plane.vault, lineage=lineage, revision=revision)

    whole = news("", 0)
    assert whole.whole
    assert len(whole.resources) == 3
    assert news(whole.lineage, 1) is None
    plane.put_in_force(SIMULATOR, team("a", description="new"))
    delta = news(whole.lineage, 1)
    assert not delta.whole
    assert [one.name for one in delta.resources] == ["a"]
    assert delta.gone == [("teams", "b")]
    assert news(whole.lineage, 99).whole
    monkeypatch.setattr(state, "KEPT_REVISIONS", 1)
    plane.put_in_force(SIMULATOR, team("a"))
    assert news(whole.lineage, 1).whole
    assert not news(whole.lineage, 2).whole
    with plane.engine.connect() as connection:
        assert connection.scalars(select(changes.c.revision).distinct()).all() == [3]


def test_encryption_keys_are_replaced(plane):
    plane.put_in_force(OPENAI)
    both, new = Vault((generated := generate_key(), KEY)), Vault((generated,))
    asked, told = Asked("token", "key", "digest", NOW), Told(msgspec.Raw(b'{"secret":"s"}'), 1)
    with writing(plane.engine) as connection:
        assert once(connection, Vault((KEY,)), asked, lambda _: told) == told
        assert rotate(connection, both) == 1

    with plane.engine.connect() as connection:
        live = state.read_state(connection, new)
        assert live.resources["providers", "openai"].resource.spec["api_key"] == Secret(CANARY)
        with pytest.raises(EncryptionError, match="a key that is not there"):
            state.read_state(connection, Vault((KEY,)))
    with writing(plane.engine) as connection:
        assert once(connection, new, asked, pytest.fail) == told
    with writing(plane.engine) as connection:
        a_day_later = msgspec.structs.replace(asked, now=asked.now + KEPT_US + 1)
        assert once(connection, new, a_day_later, lambda _: Told(msgspec.Raw(b"{}"))).revision is None


def test_a_key_file_beside_sqlite_is_made_once(engine):
    if engine.url.get_backend_name() != "sqlite":
        assert open_vault(None, engine).seal({}) == ""
        with pytest.raises(EncryptionError, match="generate-key"):
            open_vault(None, engine).seal({"a": "b"})
        return
    sealed = open_vault(None, engine).seal({"a": "b"})
    file = engine.url.database + ".encryption-key"

    assert os.stat(file).st_mode & 0o777 == 0o600
    assert open_vault(None, engine).unseal(sealed) == {"a": "b"}


def test_keys_that_are_none_are_refused_without_being_shown(engine):
    with pytest.raises(EncryptionError) as refused:
        open_vault("not-a-key-but-secret", engine)
    assert "not-a-key" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_no_secret_is_anywhere_in_the_database(plane):
    plane.put_in_force(SIMULATOR, OPENAI, key())
    minted = plane.put_in_force(SIMULATOR, OPENAI, key(), key("other")).minted["other"].reveal()
    changed = Resource("providers", "openai", {"type": "openai", "api_key": Secret(CANARY + "2")})
    plane.put_in_force(SIMULATOR, changed, key(), key("other"))
    plane.put_in_force(SIMULATOR, key(), key("other"))
    tables = MetaData()
    tables.reflect(plane.engine)

    with plane.engine.connect() as connection:
        everything = "".join(
            repr(row) for table in tables.sorted_tables for row in connection.execute(select(table)).all()
        )

    assert "(sensitive, changed)" in everything
    assert CANARY not in everything
    assert minted not in everything


def test_the_audit_log_says_who_did_what(plane, snapshot):
    plane.put_in_force(OPENAI, team("t"))
    changed = Resource("providers", "openai", {"type": "openai", "api_key": Secret(CANARY + "2"), "project": "p"})
    plane.put_in_force(changed)

    with plane.engine.connect() as connection:
        entries = audit.page(connection, limit=10)
        first = audit.page(connection, limit=1)
        rest = audit.page(connection, limit=10, before=(first[0].at, first[0].id))
        mine = audit.page(connection, limit=10, address="teams.t")

    told = sorted((one.revision, one.address, one.actor, one.action, one.before, one.after) for one in entries)
    assert told == snapshot(name="entries")
    assert first + rest == entries
    assert {one.action for one in mine} == {"create", "delete"}


def test_what_is_renamed_to_the_name_of_something_gone_is_told_apart_from_it(plane):
    plane.put_in_force(team("a"), team("b"))
    plane.put_in_force(team("b"))
    plane.put_in_force(team("a"), team("never-there-before"), moves=[("teams.b", "teams.a")])
    plane.put_in_force(team("a"), team("new"), moves=[("teams.never-there-before", "teams.new")])

    with plane.engine.connect() as connection:
        known = names.read(connection)
    assert [known.name_of("teams", stored) for stored in ("a", "b")] == ["a (removed)", "a"]
    assert (known.texts_of("teams", "a"), known.texts_of("teams", "a (removed)")[0]) == (["b"], "a")
    assert known.name_of("teams", "new") == "new"
    assert ("teams", "new (removed)") not in known.ids


def test_the_audit_log_says_what_was_called_otherwise_before(plane):
    plane.put_in_force(team("t", description="old"))
    plane.put_in_force(team("u", description="new"), moves=[("teams.t", "teams.u")])

    with plane.engine.connect() as connection:
        (moved,) = audit.page(connection, limit=1)
    assert (moved.action, moved.address) == ("move", "teams.u")
    assert moved.before == {"name": "t", "description": "old"}
    assert moved.after == {"name": "u", "description": "new"}


def test_of_two_applies_at_once_one_wins(plane):
    saved = [plane.plan(team(name), owner=name) for name in ("a", "b")]
    outcomes = []

    def apply(one):
        try:
            outcomes.append(plane.apply(one).revision)
        except PlanError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=apply, args=(one,)) for one in saved]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(map(str, outcomes)) == ["1", "stale"]
    assert len(plane.specs()) == 1


NAMES = st.sampled_from("abc")
WANTED = st.dictionaries(NAMES, st.sampled_from([{}, {"description": "x"}, {"protected": True}]), max_size=3)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("apply"), st.sampled_from(["one", "other"]), WANTED),
        st.tuples(st.just("put"), NAMES, st.sampled_from(["x", "y"])),
        st.tuples(st.just("delete"), NAMES, st.none()),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_any_course_of_applies_and_edits_leaves_what_was_said(plane, steps):
    empty(plane.engine)
    expected: dict[str, tuple[str, dict[str, object]]] = {}
    for step, name, value in steps:
        try:
            if step == "apply":
                wanted = {name: spec for name, spec in value.items() if expected.get(name, (name,))[0] in (name, "one")}
                owner = "one" if wanted == value else "other"
                plane.put_in_force(*(team(at, **spec) for at, spec in value.items()), owner=owner)
                mine = {at: (owner, spec) for at, spec in value.items()}
                expected = {**{at: one for at, one in expected.items() if one[0] != owner}, **mine}
                assert plane.plan(*(team(at, **spec) for at, spec in value.items()), owner=owner).plan.is_empty
            elif step == "put":
                found = plane.edit(edits.put, ("teams", name), {"description": value}, owner="one")
                expected[name] = (found.owner, {"description": value})
            else:
                plane.edit(edits.delete, ("teams", name))
                del expected[name]
        except (PlanError, EditError):
            continue
        finally:
            there = {one.resource.name: (one.owner, one.resource.spec) for one in plane.live().resources.values()}
            assert there == expected


KILLED = """
import os, sys
from tests.unit.control_plane.test_applies import Plane, team
from gateway.storage.engine import open_engine

for _ in sys.stdin:  # each line is answered by a process that applies until it is killed
    if (pid := os.fork()) == 0:
        plane = Plane(open_engine(sys.argv[1]))
        print(os.getpid(), flush=True)
        for turn in range(10_000):
            plane.put_in_force(*(team(f"t{number}", description=f"turn {turn}") for number in range(30)))
    os.waitpid(pid, 0)
    print("ended", flush=True)
"""


OTHER_CLIENTS = """
SELECT count(*) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
"""


def test_a_process_killed_while_it_applies_leaves_one_revision_whole(plane):
    url = plane.engine.url.render_as_string(hide_password=False)
    turns = set()
    command = [sys.executable, "-c", KILLED, url]
    plane.engine.dispose()  # connections that tests before have left would pass for those of the process
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forking:
        for kill in range(20):
            print(file=forking.stdin, flush=True)
            pid = int(forking.stdout.readline())
            # On a slow machine no apply would ever come to its end: until one has, it gets more time.
            time.sleep((0.01 + 0.004 * (kill % 20)) * (1 if turns else 1 + kill))
            os.kill(pid, signal.SIGKILL)
            assert forking.stdout.readline() == "ended\n"
            _wait_for_the_last_word(plane.engine)
            _is_whole(plane, turns)
    assert turns


def _wait_for_the_last_word(engine):
    """PostgreSQL carries out what it was sent last, a commit for one, after the process that sent it is gone."""
    if engine.dialect.name == "postgresql":
        deadline = time.monotonic() + 30
        while True:
            with engine.connect() as connection:
                if not connection.scalar(text(OTHER_CLIENTS)):
                    return
            assert time.monotonic() < deadline
            time.sleep(0.005)


def _is_whole(plane, turns):
    live = plane.live()
    said = {one.resource.spec["description"] for one in live.resources.values()}
    turns |= said
    assert len(said) <= 1
    assert len(live.resources) in (0, 30)
    with plane.engine.connect() as connection:
        revision = live.revision
        assert connection.scalar(select(func.count()).where(applies.c.revision > revision)) == 0
        assert connection.scalar(select(func.count()).where(changes.c.revision > revision)) == 0
        assert connection.scalar(select(func.count()).where(audit_log.c.revision == revision)) == len(live.resources)
        assert {row.revision for row in connection.execute(select(resources.c.revision))} <= {revision}
        connection.execute(text("SELECT 1"))
