"""What keys answered to, and what was spent under them, through every course of applies, renames and reverts."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from gateway.config.resources import Resource
from gateway.control_plane import edit as edits
from gateway.control_plane import key_life
from gateway.control_plane.edit import EditError
from gateway.control_plane.minting import Minter
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash
from gateway.ledger.query import spend
from gateway.ledger.rebuild import counters_in_force
from gateway.ledger.scope import Scope
from gateway.plan.guards import Allowed
from gateway.plan.live import KEPT_US
from gateway.providers.registry import ProviderSet
from gateway.snapshot.of_resources import snapshot_of
from gateway.snapshot.snapshot import Revision
from gateway.storage.tables import audit_log
from gateway.telemetry.decision_record import Charge
from gateway.upstream.request import NoTransport
from tests.unit.control_plane.planes import NOW, SIMULATOR, Plane, hash_of, key
from tests.unit.ledger.ledger_entries import entry, put
from tests.unit.storage.databases import empty

CENT = 10_000_000
DAY_US = 24 * 3_600 * 1_000_000


@pytest.fixture
def plane(engine):
    return Plane(engine)


def told(saved, address="virtual_keys.k"):
    """Of one change: its access, whether it makes a secret, and the codes of what follows."""
    (one,) = [change for change in saved.plan.resource_changes if change.address == address]
    return str(one.access), one.mints_secret, [follows.code for follows in one.consequences]


def purge(plane, name, **more):
    return plane.edit(lambda connection, _, *rest: key_life.purge(connection, *rest), name, **more)


def hash_now(plane, name="k"):
    return plane.specs()[f"virtual_keys.{name}"]["secret_hash"]


def test_taking_a_removal_back_brings_the_secret_back(plane):
    plane.put_in_force(SIMULATOR, key())
    made = hash_now(plane)
    removal = plane.plan(SIMULATOR)
    plane.apply(removal)

    revert = plane.plan(SIMULATOR, key())
    done = plane.apply(revert)

    assert told(removal) == ("narrows", False, ["secret_kept"])
    assert told(revert) == ("widens", False, ["secret_restored"])
    assert (hash_now(plane), done.minted) == (made, {})
    assert plane.plan(SIMULATOR, key()).plan.is_empty


def test_it_comes_back_in_the_state_that_it_was_in(plane):
    plane.put_in_force(SIMULATOR, key())
    plane.edit(key_life.disable, "k")
    plane.put_in_force(SIMULATOR)

    plane.put_in_force(SIMULATOR, key())

    assert plane.specs()["virtual_keys.k"]["state"] == "disabled"


def test_a_secret_comes_back_under_the_first_name_of_a_renamed_key(plane):
    plane.put_in_force(SIMULATOR, key("k"))
    made = hash_now(plane)
    plane.put_in_force(SIMULATOR, key("new"), moves=[("virtual_keys.k", "virtual_keys.new")])
    plane.put_in_force(SIMULATOR)

    plane.put_in_force(SIMULATOR, key("k"))

    assert hash_now(plane) == made


def test_a_rename_that_is_taken_back_without_a_word_is_a_rename(plane):
    wanted = (SIMULATOR, Resource("teams", "t", {}), key(team="t"))
    plane.put_in_force(*wanted)
    made, moves = hash_now(plane), [("virtual_keys.k", "virtual_keys.new"), ("teams.t", "teams.u")]
    plane.put_in_force(SIMULATOR, Resource("teams", "u", {}), key("new", team="u"), moves=moves)

    revert = plane.plan(*wanted)
    plane.apply(revert, allowed=Allowed(no_widen=True))

    assert [(one.previous_address, one.actions[0]) for one in revert.plan.resource_changes] == [
        ("teams.u", "move"),
        ("virtual_keys.new", "move"),
    ]
    assert hash_now(plane) == made


@pytest.mark.parametrize(
    "before", ["revoked", "rotated", "another owner", "thirty days later", "made by hand meanwhile"]
)
def test_what_does_not_come_back(plane, before):
    plane.put_in_force(SIMULATOR, owner="other")
    plane.put_in_force(key(providers=["sim"]))
    made = hash_now(plane)
    if before == "revoked":
        plane.edit(key_life.revoke, "k")
    if before == "rotated":
        plane.edit(key_life.rotate, "k", mint=Minter(None), grace_s=3_600)
        made_then = hash_now(plane)
    plane.put_in_force()
    if before == "made by hand meanwhile":
        plane.edit(key_life.mint_key, "k", mint=Minter(None), written={"environment": "test"}, owner="platform")
        plane.edit(edits.delete, ("virtual_keys", "k"))
    owner = "third" if before == "another owner" else "platform"
    now = NOW + (KEPT_US + 1 if before == "thirty days later" else 0)

    revert = plane.plan(key(providers=["sim"]), owner=owner, now=now)
    plane.apply(revert, allowed=Allowed(discard_outside_edits=True), now=now)

    assert hash_now(plane) != made
    if before == "rotated":
        assert hash_now(plane) == made_then
    elif before == "made by hand meanwhile":
        assert told(revert) == ("widens", False, ["secret_restored"])
    else:
        assert told(revert) == ("grants", True, [])


def test_purged_it_never_comes_back(plane):
    plane.put_in_force(SIMULATOR, key())
    made = hash_now(plane)
    with pytest.raises(EditError, match="nothing is kept of a key k") as refused:
        purge(plane, "k")
    assert refused.value.code == "not_found"
    plane.put_in_force(SIMULATOR)
    with pytest.raises(EditError):
        purge(plane, "k", owners=["another"])

    purge(plane, "k")

    assert told(plane.plan(SIMULATOR, key())) == ("grants", True, [])
    assert "a secret that was revoked" in plane.plan(SIMULATOR, key(secret_hash=made)).plan.errors[0]
    with plane.engine.connect() as connection:
        told_of = connection.execute(select(audit_log.c.actor, audit_log.c.owner).where(audit_log.c.action == "purge"))
        assert told_of.all() == [("on-call", "platform")]


def test_a_file_with_the_secret_before_a_rotation_says_that_it_revives_it(plane):
    plane.put_in_force(SIMULATOR, key(secret_hash=hash_of(1)))
    plane.edit(key_life.rotate, "k", mint=Minter(None), grace_s=0)

    access, mints, codes = told(plane.plan(SIMULATOR, key(secret_hash=hash_of(1))))

    assert (access, mints, "secret_revived" in codes, "secret_replaced" in codes) == ("widens", False, True, True)
    assert "secret_revived" not in told(plane.plan(SIMULATOR, key(secret_hash=hash_of(2))))[2]


@pytest.mark.parametrize("field", ["secret_hash", "previous_secret_hash"])
def test_a_secret_that_was_rotated_away_widens_under_whatever_key_it_comes_back(plane, field):
    plane.put_in_force(SIMULATOR, key(secret_hash=hash_of(1)))
    plane.put_in_force(SIMULATOR, key(secret_hash=hash_of(2)))
    spec = {"secret_hash": hash_of(3), field: hash_of(1)}
    if field != "secret_hash":
        spec["previous_secret_expires_at"] = "2027-01-01T00:00:00Z"

    made = plane.plan(SIMULATOR, key(secret_hash=hash_of(2)), key("another", **spec))

    assert told(made, "virtual_keys.another") == ("widens", False, ["secret_revived"])
    assert made.plan.summary.widens == 1


def test_a_rotation_in_the_file_revives_nothing(plane):
    plane.put_in_force(SIMULATOR, key(secret_hash=hash_of(1)))
    ends = {"previous_secret_hash": hash_of(1), "previous_secret_expires_at": "2027-01-01T00:00:00Z"}

    assert "secret_revived" not in told(plane.plan(SIMULATOR, key(secret_hash=hash_of(2), **ends)))[2]
    plane.put_in_force(SIMULATOR, key(secret_hash=hash_of(2), **ends))
    later = {**ends, "previous_secret_expires_at": "2027-01-02T00:00:00Z"}
    assert "secret_revived" not in told(plane.plan(SIMULATOR, key(secret_hash=hash_of(2), **later)))[2]


NAMES = st.sampled_from(("a", "b"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(("moved", "without moved")), NAMES),
        st.tuples(st.sampled_from(("remove", "rotate", "revoke", "disable", "purge", "spend", "spend")), st.none()),
    ),
    min_size=2,
    max_size=12,
)


class Course:
    """One key and the budget of it, which share a name; what is to be known of them at any moment."""

    def __init__(self, plane):
        self.plane = plane
        self.name = None
        self.thing = None
        self.thing_of = {}
        self.spent = {}
        self.secret_of = {}
        self.refused = set()
        self.requests = 0

    def file(self, name):
        budget = Resource("budgets", name, {"scope": {"virtual_key": name}, "window": "total", "limit_usd": "5"})
        return (SIMULATOR, key(name), budget)

    def take(self, what, name):
        if what in ("moved", "without moved"):
            self.apply(name, moved=what == "moved")
        elif what == "remove" and self.name is not None:
            self.plane.put_in_force(SIMULATOR)
            self.name = self.thing = None
        elif what == "purge":
            self.purge()
        elif self.name is not None:
            getattr(self, what)()

    def apply(self, name, *, moved):
        renames = moved and self.name not in (None, name)
        before, thing = self.thing, self.thing
        if self.name != name and not renames:
            thing = self.thing_of.get(name) or object()
        moves = [(f"{kind}.{self.name}", f"{kind}.{name}") for kind in ("virtual_keys", "budgets")] if renames else []
        done = self.plane.put_in_force(*self.file(name), moves=moves)
        self.name, self.thing, self.thing_of[name] = name, thing, thing
        if name in done.minted:
            secret = done.minted[name].reveal()
            assert self.secret_of.get(thing, (secret, True))[1]
            self.secret_of[thing] = (secret, False)
        elif thing is not before:
            assert not self.secret_of[thing][1]

    def rotate(self):
        secret, over = self.secret_of[self.thing]
        if self.state() != "revoked":
            _, new = self.plane.edit(key_life.rotate, self.name, mint=Minter(None), grace_s=0)
            self.refused.add(secret)
            self.secret_of[self.thing] = (new.reveal(), over)

    def revoke(self):
        secret, _ = self.secret_of[self.thing]
        self.plane.edit(key_life.revoke, self.name)
        self.refused.add(secret)
        self.secret_of[self.thing] = (secret, True)

    def disable(self):
        if self.state() == "active":
            self.plane.edit(key_life.disable, self.name)

    def purge(self):
        for name in ("a", "b"):
            kept = self.plane.live().kept_secrets.values()
            meant = {one.secret_hash for one in kept if name in (one.name, one.id)}
            if not meant:
                continue
            purge(self.plane, name)
            for thing, (secret, _) in self.secret_of.items():
                if format_hash(Pepper(DEVELOPMENT_PEPPER).digest(secret)) in meant:
                    self.refused.add(secret)
                    self.secret_of[thing] = (secret, True)

    def state(self):
        return self.plane.specs()[f"virtual_keys.{self.name}"].get("state", "active")

    def spend(self):
        snapshot = self.snapshot()
        compiled = snapshot.key_named(self.name)
        self.requests += 1
        self.spent[self.thing] = self.spent.get(self.thing, 0) + CENT
        charges = tuple(Charge(meter.limit(meter.window(NOW / 1e6), None).key, CENT) for meter in compiled.budgets)
        kinds = {
            "virtual_keys": {name: id_ for (kind, name), id_ in snapshot.identities.items() if kind == "virtual_keys"}
        }
        more = {"identities": kinds} if kinds["virtual_keys"] else {}
        made = entry(f"grq_{self.requests}", virtual_key=self.name, cost_nano_usd=CENT, budgets=charges, **more)
        put(self.plane.engine, made)

    def snapshot(self):
        resources = [one.resource for one in self.plane.live().resources.values()]
        made = snapshot_of(
            resources,
            Revision("x", None),
            now=datetime.fromtimestamp(NOW / 1e6, UTC),
            pepper=Pepper(DEVELOPMENT_PEPPER),
            providers=ProviderSet(NoTransport()),
        )
        assert not hasattr(made, "diagnostics")
        return made

    def check(self):
        snapshot = self.snapshot()
        for secret in self.refused:
            found = snapshot.authenticate(secret)
            assert found is None or found.key.state == "revoked"
        with self.plane.engine.connect() as connection:
            whole = spend(connection, (), start=0, end=2**62)
            assert sum(row.cost_nano_usd for row in whole) == sum(self.spent.values())
            if self.name is None:
                return
            counters = counters_in_force(connection, snapshot.budgets, NOW / 1e6)
            assert sum(one.spent for one in counters.values()) == self.spent.get(self.thing, 0)
            mine = spend(connection, ("virtual_key",), start=0, end=2**62, scope=Scope(virtual_key=self.name))
            assert sum(row.cost_nano_usd for row in mine) >= self.spent.get(self.thing, 0)
            assert {row.group for row in mine} <= {(self.name,)}
        assert self.plane.plan(*self.file(self.name)).plan.is_empty


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_revoked_stays_refused_spend_is_never_forgotten_and_a_plan_after_an_apply_is_empty(engine, steps):
    empty(engine)
    course = Course(Plane(engine))
    for what, name in steps:
        course.take(what, name)
        course.check()
