"""Who presents keys that are not known is told to wait, address by address."""

import logging
from ipaddress import ip_network

import pytest

from gateway import clock
from gateway.errors import GatewayError
from gateway.pipeline import key_guesses
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.telemetry.access_log import Callers


@pytest.fixture
def at(monkeypatch):
    """Says what time it is."""

    def set_to(moment):
        monkeypatch.setattr(clock, "monotonic", lambda: moment)

    set_to(600.0)
    return set_to


def refused(guesses, peer, forwarded=b""):
    """The seconds to wait, `None` for a 401."""
    try:
        guesses.count(peer, [(b"x-forwarded-for", forwarded)] if forwarded else [])
    except GatewayError as error:
        return int(error.headers["retry-after"])
    return None


def test_beyond_the_bound_an_address_waits_until_the_minute_is_over(at, caplog):
    guesses = KeyGuesses(2, Callers("node"))

    with caplog.at_level(logging.WARNING):
        at(630.5)
        assert [refused(guesses, "192.0.2.1") for _ in range(4)] == [None, None, 30, 30]
        assert refused(guesses, "192.0.2.2") is None
        at(660.0)
        assert refused(guesses, "192.0.2.1") is None

    assert len(caplog.records) == 1
    assert "from 192.0.2.1 within a minute" in caplog.text


def test_an_address_is_the_clients_and_a_network_of_ipv6_is_one(at):
    guesses = KeyGuesses(1, Callers("node", [ip_network("10.0.0.0/8")]))

    assert refused(guesses, "10.0.0.1", b"192.0.2.1") is None
    assert refused(guesses, "10.0.0.2", b"192.0.2.1") == 60
    assert refused(guesses, "10.0.0.1", b"192.0.2.2") is None
    assert refused(guesses, "2001:db8::1") is None
    assert refused(guesses, "2001:db8::2") == 60
    assert refused(guesses, "2001:db8:0:1::2") is None
    assert refused(guesses, "::ffff:198.51.100.1") is None
    assert refused(guesses, "::ffff:198.51.100.2") is None
    assert refused(guesses, "198.51.100.2") == 60
    assert refused(guesses, None) is None


@pytest.mark.looks_inside
def test_memory_is_bounded_and_no_bound_counts_nothing(at, monkeypatch):
    monkeypatch.setattr(key_guesses, "_MOST_ADDRESSES", 3)
    guesses, unbounded = KeyGuesses(1, Callers("node")), KeyGuesses(0, Callers("node"))

    assert [refused(guesses, f"192.0.2.{number}") for number in range(5)] == [None, None, None, None, 60]
    assert refused(guesses, "192.0.2.1") == 60
    assert [refused(unbounded, "192.0.2.1") for _ in range(9)] == [None] * 9
