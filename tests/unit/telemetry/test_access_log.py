"""Who asks, and which requests have a line."""

import json

import pytest
from pydantic import ValidationError

from gateway.ids import request_id
from gateway.settings import Settings
from gateway.telemetry.access_log import Callers, Lines, lines_of, read_networks

PROXIES = read_networks("10.0.0.0/8, 2001:db8::1,127.0.0.1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", [b"192.0.2.1"], "203.0.113.9"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", [b"192.0.2.1"], "192.0.2.1"),
        ("10.1.2.3", [b"6.6.6.6, 192.0.2.1, 10.9.9.9"], "192.0.2.1"),
        ("10.1.2.3", [b"6.6.6.6", b"192.0.2.1"], "192.0.2.1"),
        ("10.1.2.3", [b"6.6.6.6, unknown"], "10.1.2.3"),
        ("10.1.2.3", [b"6.6.6.6, <script>, 10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", [b"192.0.2.1:49152"], "192.0.2.1"),
        ("::ffff:10.1.2.3", [b"[2001:db8:5::7]:443, 2001:db8::1"], "2001:db8:5::7"),
        ("10.1.2.3", [b"10.5.5.5"], "10.5.5.5"),
    ],
)
def test_the_client_is_who_the_last_trusted_proxy_has_seen(peer, forwarded, client):
    callers = Callers("a:1", PROXIES)

    assert callers.caller(peer, None, [(b"x-forwarded-for", one) for one in forwarded]).client_address == client


def test_nobody_is_believed_by_default():
    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"forwarded", b"for=192.0.2.1"), (b"x-real-ip", b"192.0.2.1")]

    assert Callers("a:1").caller("127.0.0.1", None, headers).client_address == "127.0.0.1"


def test_what_a_client_calls_itself_is_bounded():
    told = Callers("a:1").caller("127.0.0.1", b"\xff" * 9_000, []).user_agent

    assert told == "\N{REPLACEMENT CHARACTER}" * 256


def test_what_is_told_of_a_client_is_json_and_its_own():
    callers = Callers("a:1", PROXIES)
    for client in (b"192.0.2.1", b"192.0.2.2", b"192.0.2.1"):
        members = callers.members("10.1.2.3", b'say "hi"', [(b"x-forwarded-for", client)])

        assert json.loads(b"{%b}" % members) == {
            "node": "a:1",
            "client_address": client.decode(),
            "user_agent": 'say "hi"',
        }


def test_failures_always_have_a_line_and_of_the_others_a_share():
    asked = [request_id() for _ in range(20_000)]

    lines = Lines(0.05)

    assert sum(lines.has(went_well=True, request_id=one) for one in asked) == pytest.approx(1_000, abs=200)
    assert all(lines.has(went_well=False, request_id=one) for one in asked)
    assert not any(Lines(0.0).has(went_well=True, request_id=one) for one in asked)


def test_what_clients_write_does_not_fill_the_memory():
    callers = Callers("a:1", PROXIES)
    for number in range(2_000):
        forwarded = [(b"x-forwarded-for", b"%d.%s 192.0.2.1" % (number, b"6.6.6.6," * 4_000))]
        callers.members("10.1.2.3", b"%d" % number, forwarded)
        callers.members("10.1.2.3", b"%d" % number + b"\xff" * 30_000, [])

    kept = [len(part or b"") for row in callers._members.items() for part in (*row[0][1:], row[1])]
    assert len(kept) <= 3 * 1024
    assert max(kept) < 1_024
    told = callers.members("10.1.2.3", b"curl", [(b"x-forwarded-for", b"6.6.6.6," * 4_000 + b"192.0.2.1")])
    assert json.loads(b"{%b}" % told)["client_address"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("all", "all"), ("true", "all"), ("1", "all"), ("False", "off"), ("0", "off"), ("off", "off"), ("failures",) * 2]
    + [(f"{share}%",) * 2 for share in (0, "2.5", 100)],
)
def test_the_setting_takes_what_it_took_before_and_more(monkeypatch, written, meant):
    monkeypatch.setenv("GATEWAY_ACCESS_LOG", written)

    setting = Settings().access_log

    assert setting == meant
    assert (lines_of(setting) is None) is (meant == "off")


@pytest.mark.parametrize("written", ["some", "101%", "-1%", "5", "", "5 percent"])
def test_another_setting_is_refused(monkeypatch, written):
    monkeypatch.setenv("GATEWAY_ACCESS_LOG", written)

    with pytest.raises(ValidationError, match="failures"):
        Settings()
