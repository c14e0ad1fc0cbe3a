"""What names stand for, whatever is renamed, taken away and made anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger import names
from gateway.ledger.names import Names
from gateway.ledger.storable import decode, encode, kept
from gateway.storage.engine import writing
from gateway.telemetry.decision_record import AttemptRecord
from tests.unit.ledger.ledger_entries import entry

KIND = "teams"


class Course:
    """Revisions of things with names: `things` are ids by name, as a control plane keeps them."""

    def __init__(self):
        self.rows = {}
        self.things = {}
        self.ever = {}
        self.ids = set()
        self.revision = 0

    @property
    def known(self):
        return Names(self.rows)

    def becomes(self, *wanted, moved=()):
        """What there is from now on; `moved` are pairs of old and new names."""
        self.revision += 1
        came_from = {
            new: old
            for old, new in dict(moved).items()
            if old in self.things and old not in wanted and new not in self.things and new in wanted
        }
        stay = {name: self.things[name] for name in wanted if name in self.things}
        stay |= {new: self.things[old] for new, old in came_from.items()}
        new = [(KIND, name) for name in wanted if name not in stay]
        given = {(KIND, name): id_ for name, id_ in stay.items()}
        given |= self.known.ids_for(new, {(KIND, id_) for id_ in stay.values()})
        written = []
        self.known.write(_Recorder(written), given, self.revision, {(KIND, name) for name in self.ever})
        self.rows |= {(row["kind"], row["name"]): (row["id"], row["revision"]) for row in written}
        self.things = {name: id_ for (_, name), id_ in given.items()}
        self.ever |= self.things
        self.ids |= {*self.things.values()}
        return self


class _Recorder:
    """Takes the rows that would be inserted."""

    def __init__(self, rows):
        self._rows = rows

    def execute(self, _statement, rows=()):
        self._rows += rows


def test_a_name_is_its_own_id():
    course = Course().becomes("a", "b")

    assert (course.things, course.known.is_empty) == ({"a": "a", "b": "b"}, True)
    assert course.known.name_of(KIND, "a") == "a"
    assert course.known.texts_of(KIND, "a") == ["a"]


def test_what_is_renamed_keeps_its_id_and_all_of_its_names_mean_it():
    course = Course().becomes("a").becomes("b", moved=[("a", "b")]).becomes("c", moved=[("b", "c")])

    assert course.things == {"c": "a"}
    assert [course.known.name_of(KIND, text) for text in ("a", "b", "c")] == ["c"] * 3
    assert {*course.known.texts_of(KIND, "c")} == {"a", "b", "c"}
    back = course.becomes("a", moved=[("c", "a")])
    assert back.things == {"a": "a"}
    assert back.known.name_of(KIND, "a") == "a"


def test_another_thing_under_the_old_name_has_an_id_of_its_own():
    course = Course().becomes("a").becomes("b", moved=[("a", "b")]).becomes("a", "b")

    assert course.things == {"a": "a#2", "b": "a"}
    assert [course.known.name_of(KIND, text) for text in ("a", "a#2", "b")] == ["b", "a", "b"]
    assert (course.known.texts_of(KIND, "a"), {*course.known.texts_of(KIND, "b")}) == (["a#2"], {"a", "b"})


def test_what_is_made_anew_goes_on_as_what_had_the_name_last():
    course = Course().becomes("a").becomes("b", moved=[("a", "b")]).becomes("a", "b").becomes()

    assert course.becomes("a", "b").things == {"a": "a#2", "b": "a"}
    assert Course().becomes("a").becomes("b", moved=[("a", "b")]).becomes().becomes("a").things == {"a": "a"}
    both = Course().becomes("a").becomes("b", moved=[("a", "b")]).becomes().becomes("a", "b")
    assert both.things == {"b": "a", "a": "a#2"}


def test_what_is_gone_is_not_what_is_renamed_to_its_name():
    course = Course().becomes("a", "b").becomes("b").becomes("a", moved=[("b", "a")])

    assert course.things == {"a": "b"}
    assert (course.known.name_of(KIND, "a"), course.known.name_of(KIND, "b")) == ("a (removed)", "a")
    assert (course.known.texts_of(KIND, "a (removed)")[0], course.known.texts_of(KIND, "a")) == ("a", ["b"])
    again = course.becomes("c").becomes("a", moved=[("c", "a")])
    assert (again.known.name_of(KIND, "b"), again.known.name_of(KIND, "c")) == ("a (removed 2)", "a")


_NAMES = st.sampled_from(("a", "b", "c"))
_STEPS = st.lists(st.tuples(st.sets(_NAMES), st.lists(st.tuples(_NAMES, _NAMES), max_size=2)), max_size=8)


@given(_STEPS)
def test_no_two_things_are_ever_the_same_and_each_is_told_by_its_name(steps):
    course = Course()
    for wanted, moved in steps:
        course.becomes(*sorted(wanted), moved=moved)
        assert len({*course.things.values()}) == len(course.things)
        for name, id_ in course.things.items():
            assert course.known.name_of(KIND, id_) == name
            assert id_ in course.known.texts_of(KIND, name)
            others = {other for other in course.things.values() if other != id_}
            assert others.isdisjoint(course.known.texts_of(KIND, name))
        for gone in course.ids - {*course.things.values()}:
            told = course.known.name_of(KIND, gone)
            assert told not in course.things
            assert gone in course.known.texts_of(KIND, told)
            assert all(gone not in course.known.texts_of(KIND, name) for name in course.things)


def test_rows_are_kept_in_the_database(engine):
    given_ = {(KIND, "b"): "a", (KIND, "c"): "c"}
    with writing(engine) as connection:
        names.read(connection).write(connection, given_, 2)
        names.read(connection).write(connection, {(KIND, "b"): "b#2"}, 3)
        known = names.read(connection)

    assert known.ids == {(KIND, "b"): "b#2", (KIND, "b (removed)"): "a"}
    assert known.id_of(KIND, "c") == "c"


@pytest.mark.parametrize("name", ["k", "k" * 300])
def test_a_record_is_kept_under_ids_and_logged_under_names(name):
    attempts = (AttemptRecord("p2", "m", "ok", 0, 1), AttemptRecord("other", "m", "ok", 0, 1))
    identities = {"virtual_keys": {name: "first"}, "providers": {"p2": "p"}, "unknown": {"x": "y"}}
    record = entry("grq_1", virtual_key=name, provider="p2", attempts=attempts, identities=identities)

    assert decode(encode(record)).virtual_key == name
    stored = kept(decode(encode(record)))

    assert (stored.virtual_key, stored.provider) == ("first", "p")
    assert [one.provider for one in stored.attempts] == ["p", "other"]
    assert kept(stored) == stored
