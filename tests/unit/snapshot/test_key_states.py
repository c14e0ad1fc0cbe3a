"""The states of keys of a newer revision, over the one that serves."""

import msgspec
import pytest

from gateway.config.diagnostics import Diagnostic
from gateway.config.documents import ResourceDocument
from gateway.snapshot.following.apart import apart
from gateway.snapshot.following.key_states import over
from gateway.snapshot.following.state import Followed, decode, encode
from gateway.snapshot.holder import Rejection

A, B = "hmac-sha256:" + "a" * 64, "hmac-sha256:" + "b" * 64
SIMULATOR = ResourceDocument("providers", "sim", {"type": "simulator"})
HAD = {"environment": "test", "secret_hash": A, "tags": ["x"]}


def followed(revision, *documents, lineage="one"):
    return Followed(lineage, revision, 0, {(one.kind, one.name): one for one in (SIMULATOR, *documents)})


def key(spec, name="k"):
    return ResourceDocument("virtual_keys", name, spec)


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        ([key({**HAD, "state": "revoked"})], {**HAD, "state": "revoked"}),
        ([key({**HAD, "state": "disabled", "tags": ["y"], "team": "new"})], {**HAD, "state": "disabled"}),
        ([key({**HAD, "expires_at": "2027-01-01T00:00:00Z"})], {**HAD, "expires_at": "2027-01-01T00:00:00Z"}),
        (
            [key({"secret_hash": B, "previous_secret_hash": A, "previous_secret_expires_at": "2027-01-01T00:00:00Z"})],
            {
                **HAD,
                "secret_hash": B,
                "previous_secret_hash": A,
                "previous_secret_expires_at": "2027-01-01T00:00:00Z",
            },
        ),
        ([], {**HAD, "state": "revoked"}),
        ([key({**HAD, "state": "disabled"}, name="renamed")], {**HAD, "state": "disabled"}),
        ([key({**HAD, "secret_hash": B}, name="another")], {**HAD, "state": "revoked"}),
    ],
)
def test_what_the_newest_says_of_a_key_counts_and_nothing_else(newest, expected):
    best, closed = over(followed(1, key(HAD)), followed(5, *newest))

    assert best.resources["virtual_keys", "k"].spec == expected
    assert closed.resources["virtual_keys", "k"].spec == {**HAD, "state": "disabled"}
    assert [(one.revision, one.keys_revision) for one in (best, closed)] == [(1, 5), (1, 5)]
    assert {*best.resources} == {("providers", "sim"), ("virtual_keys", "k")}


@pytest.mark.parametrize(
    "newest",
    [
        followed(5, key(HAD)),
        followed(5, key({**HAD, "tags": ["y"]}), key({"secret_hash": B}, name="new")),
        followed(5, key(HAD, name="renamed")),
        followed(5, key({**HAD, "state": "revoked"}), lineage="another"),
    ],
)
def test_where_no_state_differs_nothing_does(newest):
    assert [*over(followed(1, key(HAD)), newest)] == []


def test_a_state_that_is_lifted_is_lifted():
    serving = followed(1, key({**HAD, "state": "disabled"}))

    best, _ = over(serving, followed(5, key(HAD)))

    assert best.resources["virtual_keys", "k"].spec == HAD


def owned(document, owner, *, confined=True):
    return msgspec.structs.replace(document, owner=owner, confined=confined)


def refused(*places):
    return Rejection([Diagnostic(code="not-enforced", message="x", file=place) for place in places], 0)


ALPHA = owned(ResourceDocument("model_aliases", "fast", {"targets": ["sim/b"]}), "alpha")
FAULTY = owned(ResourceDocument("providers", "wrong", {"type": "simulator"}), "beta")
OF_BETA = owned(key({**HAD, "tags": ["old"]}), "beta")


def test_what_a_confined_owner_is_at_fault_with_holds_up_nobody_else():
    newest = followed(5, ALPHA, FAULTY, owned(key({**HAD, "tags": ["new"], "state": "disabled"}), "beta"))

    best, closed = apart(followed(1, OF_BETA), newest, refused("providers.wrong"))

    assert {*best.resources} == {("providers", "sim"), ("model_aliases", "fast"), ("virtual_keys", "k")}
    assert best.resources["virtual_keys", "k"].spec == {**HAD, "tags": ["old"], "state": "disabled"}
    assert closed.resources["virtual_keys", "k"].spec["state"] == "disabled"
    assert (best.revision, best.keys_revision, best.known_lineage) == (5, 5, "")


@pytest.mark.parametrize(
    ("newest", "rejection"),
    [
        (followed(5, ALPHA, FAULTY), refused("providers.wrong", "providers.sim")),
        (followed(5, ALPHA, owned(FAULTY, "beta", confined=False)), refused("providers.wrong")),
        (followed(5, ALPHA, FAULTY), refused("providers.gone")),
        (followed(5, ALPHA, FAULTY), Rejection(("internal error: KeyError",), 0)),
        (followed(5, ALPHA, FAULTY, lineage="another"), refused("providers.wrong")),
    ],
)
def test_what_acts_on_everybody_is_waited_for(newest, rejection):
    assert [*apart(followed(1, OF_BETA), newest, rejection)] == []


def test_a_copy_of_a_version_without_owners_is_fetched_anew():
    kept = encode(followed(3, OF_BETA))
    of_before = msgspec.json.encode({**msgspec.json.decode(kept), "tells_owners": False})
    without = {name: value for name, value in msgspec.json.decode(kept).items() if name != "tells_owners"}

    assert decode(kept).known_lineage == "one"
    assert decode(of_before).known_lineage == ""
    assert decode(msgspec.json.encode(without)).known_lineage == ""
