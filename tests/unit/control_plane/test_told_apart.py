"""What each asks the database for: owners of their own, gateways of the course that they know."""

from sqlalchemy import select

from gateway.config.resources import Resource
from gateway.control_plane import edit as edits
from gateway.control_plane import state
from gateway.control_plane.changes import changes_since
from gateway.control_plane.encryption import Vault, generate_key, rotate
from gateway.control_plane.history import history
from gateway.ledger.traffic import providers, traffic
from gateway.secret import Secret
from gateway.storage.engine import writing
from gateway.storage.tables import changes, minted_secrets, resources, revisions
from gateway.telemetry.decision_record import AttemptRecord
from tests.unit.control_plane.planes import KEY, NOW, SIMULATOR, Plane, key, team
from tests.unit.ledger.ledger_entries import HOUR, NOON, entry, put


def test_traffic_is_that_of_the_keys_that_owners_have(engine):
    plane = Plane(engine)
    plane.put_in_force(SIMULATOR, key("mine"), owner="alpha")
    plane.put_in_force(key("theirs"), owner="beta")
    ids = {one.resource.name: one.resource.id for one in plane.live().resources.values()}
    put(
        engine,
        entry("grq_1", virtual_key=ids["mine"]),
        entry("grq_2", virtual_key=ids["mine"], status=502, outcome="failed"),
        entry("grq_3", virtual_key=ids["theirs"]),
    )

    with engine.connect() as connection:
        found = {
            owners: traffic(connection, start=NOON, end=NOON + HOUR, owners=owners).total.endings
            for owners in (("alpha",), ("beta",), ("alpha", "beta"), ("nobody",))
        }

    assert found == {
        ("alpha",): {"ok": 1, "server_error": 1},
        ("beta",): {"ok": 1},
        ("alpha", "beta"): {"ok": 2, "server_error": 1},
        ("nobody",): {},
    }


def test_what_owners_name_and_others_have_is_told(engine):
    plane = Plane(engine)
    plane.put_in_force(SIMULATOR, team("shared"), team("alone"), owner="alpha")
    plane.put_in_force(Resource("projects", "p", {"team": "shared"}), key(project="p"), owner="beta")

    with engine.connect() as connection:
        assert state.named_of_others(connection, ("beta",)) == ["teams.shared"]
        assert state.named_of_others(connection, ("alpha",)) == []
        assert state.named_of_others(connection, ("alpha", "beta")) == []


def test_a_revision_of_another_course_is_told_by_its_identity(engine):
    plane = Plane(engine)
    for description in ("one", "two"):
        plane.put_in_force(SIMULATOR, team("t", description=description))
    before = plane.live().revision - 1

    with engine.connect() as connection:
        at = state.position(connection)
        identity = connection.scalar(select(revisions.c.identity).where(revisions.c.revision == before))

        def news(revision, of):
            return changes_since(connection, plane.vault, lineage=at.lineage, revision=revision, identity=of)

        assert [one.name for one in news(before, identity).resources] == ["t"]
        assert not news(before, identity).whole
        assert news(before, "another").whole
        assert news(at.revision, at.identity) is None
        assert news(at.revision, "another").whole


def test_a_name_that_another_has_given_up_stands_for_somebody_else(engine):
    plane = Plane(engine)
    plane.put_in_force(team("a"), team("other"))
    plane.put_in_force(team("b"), team("other"), moves=[("teams.a", "teams.b")])
    plane.put_in_force(team("a"), team("b"), team("other"))

    ids = {one.resource.name: one.resource.id for one in plane.live().resources.values()}

    assert len(set(ids.values())) == len(ids) == 3


def test_what_somebody_changed_to_what_the_file_says_is_the_files_again(engine):
    plane = Plane(engine)
    plane.put_in_force(team("t"))
    plane.edit(edits.put, ("teams", "t"), {"description": "by hand"}, owner="platform")

    plane.put_in_force(team("t", description="by hand"))

    assert plane.plan(team("t", description="by hand")).plan.drift == []


def test_every_secret_is_encrypted_under_the_new_key(engine):
    plane, new = Plane(engine), generate_key()
    for secret in ("first", "second"):
        plane.put_in_force(Resource("providers", "openai", {"type": "openai", "api_key": Secret(secret)}))
    with writing(engine) as connection:
        minted = {"plan_id": "pl_1", "token_id": "t", "sealed": plane.vault.seal({"k": "secret"}), "at": NOW}
        columns = {column.name for column in minted_secrets.columns}
        connection.execute(minted_secrets.insert().values({name: minted[name] for name in columns}))
        rotate(connection, Vault((new, KEY)))

    with engine.connect() as connection:
        for table in (resources, changes, minted_secrets):
            sealed = [one for one in connection.scalars(select(table.c.sealed)) if one]
            assert sealed
            for one in sealed:
                assert Vault((new,)).unseal(one)


def test_calls_to_providers_are_those_of_the_keys_that_owners_have(engine):
    plane = Plane(engine)
    plane.put_in_force(SIMULATOR, key("mine"), owner="alpha")
    plane.put_in_force(key("theirs"), owner="beta")
    ids = {one.resource.name: one.resource.id for one in plane.live().resources.values()}
    late = AttemptRecord(ids["sim"], "m", "timeout", 0, 3_600_000)
    put(
        engine,
        entry("grq_1", virtual_key=ids["mine"], attempts=(AttemptRecord(ids["sim"], "m", "ok", 0, 80),)),
        entry("grq_2", virtual_key=ids["mine"], occurred_at=NOON - 1, attempts=(late,)),
        entry("grq_3", virtual_key=ids["theirs"], attempts=(AttemptRecord(ids["sim"], "m", "503", 0, 80),)),
    )

    with engine.connect() as connection:
        found = {
            owners: [
                (one.provider, dict(one.outcomes))
                for one in providers(connection, start=NOON, end=NOON + HOUR, owners=owners)
            ]
            for owners in (("alpha",), ("beta",), ("alpha", "beta"), ("nobody",), None)
        }

    assert found[("alpha",)] == [("sim", {"ok": 1, "timeout": 1})]
    assert found[("beta",)] == [("sim", {"503": 1})]
    assert found[("nobody",)] == []
    assert found[None] == found[("alpha", "beta")]


def test_revisions_are_those_that_touched_what_owners_had_or_have(engine):
    plane = Plane(engine)
    plane.put_in_force(SIMULATOR, team("a"), owner="alpha")
    plane.put_in_force(team("b"), team("c"), owner="beta")
    plane.put_in_force(team("b"), team("d"), owner="beta", moves=[("teams.c", "teams.d")])
    plane.edit(edits.hand_over, ("teams", "a"), owner="beta")
    plane.edit(edits.delete, ("teams", "d"))

    with engine.connect() as connection:
        found = {
            owners: [(row.revision, row.owner, dict(row.changes), row.address) for row in rows]
            for owners in (("alpha",), ("beta",))
            if (rows := history(connection, before=None, limit=9, owners=owners)) is not None
        }

    handed = (4, None, {"hand over": 1}, "teams.a")
    assert found["alpha",] == [handed, (1, "alpha", {"create": 2}, None)]
    assert found["beta",] == [
        (5, None, {"delete": 1}, "teams.d"),
        handed,
        (3, "beta", {"move": 1}, "teams.c"),
        (2, "beta", {"create": 2}, None),
    ]
