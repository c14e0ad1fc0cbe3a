"""Who may come in: three headers, one form, five states."""

import base64
import hashlib
import json

import pytest

from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper, format_hash
from tests.contract.conftest import config
from tests.support.keys import HASH, SECRET, new_key

pytestmark = pytest.mark.every_build

REVOKED, DISABLED, EXPIRED, ROTATED, ROTATED_AWAY, LIVE = (new_key() for _ in range(6))
OLD = "sk-litellm-0123456789"
"""A key of another gateway, which keeps no more of it than its SHA-256."""
SHA256 = hashlib.sha256(OLD.encode()).digest()
WRAPPED = format_hash(Pepper(DEVELOPMENT_PEPPER).imported(SHA256))
OLD_AWAY = "sk-litellm-rotated"
AWAY = format_hash(Pepper(DEVELOPMENT_PEPPER).imported(hashlib.sha256(OLD_AWAY.encode()).digest()))
KEYS = f"""
  imported: {{environment: test, secret_hash: "{WRAPPED}"}}
  imported-and-rotated:
    environment: test
    secret_hash: "{new_key()[1]}"
    previous_secret_hash: "{AWAY}"
    previous_secret_expires_at: 2099-01-01T00:00:00Z
  revoked: {{environment: test, state: revoked, secret_hash: "{REVOKED[1]}"}}
  disabled: {{environment: test, state: disabled, secret_hash: "{DISABLED[1]}"}}
  expired: {{environment: test, expires_at: 2020-01-01T00:00:00Z, secret_hash: "{EXPIRED[1]}"}}
  rotated:
    environment: test
    secret_hash: "{new_key()[1]}"
    previous_secret_hash: "{ROTATED[1]}"
    previous_secret_expires_at: 2099-01-01T00:00:00Z
  rotated-away:
    environment: test
    secret_hash: "{new_key()[1]}"
    previous_secret_hash: "{ROTATED_AWAY[1]}"
    previous_secret_expires_at: 2020-01-01T00:00:00Z
"""
BODY = {"model": "sim", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url, KEYS))


def asked_with(gateway, headers):
    """The answer to who presents a key in these headers alone."""
    del gateway.client.headers["authorization"]
    try:
        return gateway.post(BODY, headers=headers)
    finally:
        gateway.client.headers["authorization"] = f"Bearer {SECRET}"


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer {}"},
        {"authorization": "bearer  {}"},
        {"x-api-key": "{}"},
        {"api-key": "{}"},
        {"authorization": "Bearer sk-placeholder", "x-api-key": "{}"},
    ],
)
def test_a_key_is_taken_from_any_of_three_headers(gateway, headers):
    assert asked_with(gateway, {name: value.format(SECRET) for name, value in headers.items()}).status_code == 200


@pytest.mark.parametrize(
    ("secret", "status", "kind"),
    [
        ("", 401, "invalid_api_key"),
        ("sk-proj-abc", 401, "invalid_api_key"),
        ("lw_vk_test_01K0000000000000000000000", 401, "invalid_api_key"),
        (new_key()[0], 401, "invalid_api_key"),
        ("lw_vk_live_01K00000000000000000000000", 401, "invalid_api_key"),
        ("é" * 40, 401, "invalid_api_key"),
        (REVOKED[0], 403, "virtual_key_revoked"),
        (DISABLED[0], 403, "virtual_key_disabled"),
        (EXPIRED[0], 403, "virtual_key_expired"),
        (ROTATED_AWAY[0], 401, "invalid_api_key"),
        (ROTATED[0], 200, None),
    ],
    ids=[
        "missing",
        "a provider's key",
        "too short",
        "unknown",
        "the other environment",
        "not ASCII",
        "revoked",
        "disabled",
        "expired",
        "rotated away",
        "in its grace",
    ],
)
def test_a_key_has_to_be_known_and_in_force(gateway, secret, status, kind):
    headers = {
        b"authorization": b"Bearer" + (b" " + secret.encode() if secret else b""),
        b"content-type": b"application/json",
    }

    answer = gateway.client.post("/v1/chat/completions", json=BODY, headers=headers)

    assert answer.status_code == status, answer.text
    if kind:
        error = answer.json()["error"]
        assert (error["type"], error["param"]) == (kind, None)
        assert gateway.record_of(answer)["error_type"] == kind
    assert secret == "" or secret not in answer.text
    assert secret == "" or secret not in gateway.log()


def test_a_stranger_is_refused_before_the_body_is_read(gateway):
    answer = gateway.post(b"{not json", headers={"authorization": "Bearer nobody"})

    assert answer.status_code == 401


def test_no_secret_and_no_hash_reaches_the_records(gateway):
    gateway.post(BODY)

    assert SECRET not in str(gateway.records())
    assert HASH not in str(gateway.records())


def test_another_pepper_than_the_keys_were_hashed_under_is_told(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url), env={"GATEWAY_KEY_PEPPER": "another-pepper-of-some-length"})
    assert gateway.hears("the pepper with the fingerprint")
    (said,) = [line for line in gateway.log().splitlines() if "the pepper with the fingerprint" in line]
    fingerprint = json.loads(said)["event"].rsplit(" ", 1)[1]

    answers = [gateway.post(BODY).status_code for _ in range(3)]

    assert answers == [401] * 3
    assert gateway.log().count(f"is GATEWAY_KEY_PEPPER (fingerprint {fingerprint}) the one") == 1
    assert "another-pepper" not in gateway.log()


def test_a_start_under_another_pepper_than_keys_have_worked_under_is_told(start_gateway, upstream, tmp_path):
    first = start_gateway(config(upstream.url))
    assert first.post(BODY).status_code == 200
    known = first.directory / "data" / "known-peppers"
    first.wait(known.exists)
    first.stop()
    environment = {"GATEWAY_DATA_DIR": str(known.parent)}
    fingerprint = known.read_text().strip()

    again = start_gateway(config(upstream.url), env=environment)
    other = start_gateway(
        config(upstream.url), env={**environment, "GATEWAY_KEY_PEPPER": "another-pepper-of-some-length"}
    )

    said = f"have worked here under the pepper with the fingerprint {fingerprint} and never under the present one"
    assert said not in again.log()
    assert other.log().count(said) == 1
    assert known.stat().st_mode & 0o777 == 0o600


def test_a_stranger_among_known_keys_is_no_sign_of_another_pepper(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    assert gateway.post(BODY).status_code == 200

    assert gateway.post(BODY, headers={"authorization": f"Bearer {new_key()[0]}"}).status_code == 401

    assert "GATEWAY_KEY_PEPPER" not in gateway.log()


def test_who_guesses_keys_is_told_to_wait_and_valid_keys_are_answered(start_gateway, upstream):
    proxies = {"GATEWAY_TRUSTED_PROXIES": "127.0.0.0/8", "GATEWAY_INVALID_KEYS_PER_MINUTE": "2"}
    gateway = start_gateway(config(upstream.url), env=proxies)
    guess = {"authorization": f"Bearer {new_key()[0]}", "x-forwarded-for": "203.0.113.7"}

    # Over the end of a minute the count begins anew.
    answers = [gateway.post(BODY, headers=guess) for _ in range(8)]
    listed = gateway.client.get("/v1/models", headers=guess)
    throttled = [one for one in answers if one.status_code == 429]
    error = throttled[0].json()["error"]

    assert {one.status_code for one in answers} == {401, 429}
    assert len(throttled) >= 4
    assert (error["type"], error["code"]) == ("rate_limit_exceeded", "too_many_invalid_keys")
    assert 1 <= int(throttled[0].headers["retry-after"]) <= 60
    assert listed.status_code in (429, 401)
    assert gateway.post(BODY, headers={"x-forwarded-for": "203.0.113.7"}).status_code == 200
    assert gateway.post(BODY, headers={**guess, "x-forwarded-for": "203.0.113.8"}).status_code == 401
    assert gateway.hears("came from 203.0.113.7 within a minute")
    told = len(throttled) + (listed.status_code == 429)
    assert f'code="too_many_invalid_keys",type="rate_limit_exceeded"}} {float(told)}' in gateway.metrics()
    assert not any(record.get("error_code") == "too_many_invalid_keys" for record in gateway.records())


@pytest.mark.parametrize("secret", [OLD, OLD_AWAY])
@pytest.mark.parametrize("header", ["authorization", "x-api-key", "api-key"])
def test_a_key_of_another_gateway_goes_on_as_it_is(gateway, secret, header):
    value = f"Bearer {secret}" if header == "authorization" else secret

    assert asked_with(gateway, {header: value}).status_code == 200


@pytest.mark.parametrize(
    "presented",
    [
        SHA256.hex(),
        SHA256.hex().upper(),
        base64.b64encode(SHA256).decode(),
        base64.urlsafe_b64encode(SHA256).decode().rstrip("="),
        WRAPPED,
        WRAPPED.rpartition(":")[2],
        "lw_vk_test_" + OLD,
        OLD[:-1],
    ],
)
def test_what_another_gateway_keeps_of_its_keys_opens_nothing(gateway, presented):
    assert asked_with(gateway, {"authorization": f"Bearer {presented}"}).status_code == 401
