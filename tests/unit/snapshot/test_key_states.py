"""The states of keys of a newer revision, over the one that serves."""

import pytest

from gateway.config.documents import ResourceDocument
from gateway.snapshot.following.key_states import over
from gateway.snapshot.following.state import Followed

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
