import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.keys.digest import Pepper, format_hash, parse_hash, shown_hash


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200), st.text(st.characters(exclude_categories=["Cs"])))
def test_the_digest_is_hmac_sha256(pepper, secret):
    assert Pepper(pepper).digest(secret) == hmac.digest(pepper, secret.encode(), "sha256")


def test_the_known_answer_of_rfc_4231():
    """Test case 2 of section 4.3."""
    digest = Pepper(b"Jefe").digest("what do ya want for nothing?")

    assert digest.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_candidates_are_the_current_pepper_then_the_one_before():
    pepper = Pepper(b"new", b"old")

    assert pepper.candidates("secret") == (Pepper(b"new").digest("secret"), Pepper(b"old").digest("secret"))
    assert pepper.digest("secret") == pepper.candidates("secret")[0]
    assert Pepper(b"new").candidates("secret") == (Pepper(b"new").digest("secret"),)


@pytest.mark.parametrize("secret", ["", "nonsense", "\xff" * 10])
def test_whatever_is_presented_takes_as_many_digests(secret):
    assert len(Pepper(b"new", b"old").candidates(secret)) == 2


def test_a_pepper_is_not_printed():
    pepper = Pepper(b"correct-horse", b"battery-staple")

    assert "horse" not in f"{pepper!r} {pepper} {[pepper]}"
    assert "staple" not in f"{pepper!r} {pepper} {[pepper]}"


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_a_written_digest_is_read_back(digest):
    assert parse_hash(format_hash(digest)) == digest


HEX = "0a" * 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEX,
        "hmac-sha256:",
        f"sha256:{HEX}",
        f"hmac-sha256:{HEX[2:]}",
        f"hmac-sha256:{HEX}00",
        f"hmac-sha256:{HEX}\n",
        f"hmac-sha256: {HEX}",
        f"hmac-sha256:{HEX[:-2]}  ",
        f"hmac-sha256:{HEX[:-1]}g",
        f"HMAC-SHA256:{HEX}",
    ],
)
def test_anything_else_is_no_hash(text):
    with pytest.raises(ValueError):
        parse_hash(text)


def test_a_secret_of_another_gateway_is_stored_as_a_keyed_hash_of_its_sha256():
    pepper, sha256 = Pepper(b"pepper"), hashlib.sha256(b"sk-1234").digest()
    expected = hmac.digest(b"pepper", b"imported-key:" + sha256, "sha256").hex()

    written = format_hash(pepper.imported(sha256))

    assert written == f"hmac-sha256-sha256:{expected}"
    assert written == "hmac-sha256-sha256:fe0fa825b1db1127abc00fa8c80eda17b8416489c0da08f856e3976cf27b6bad"
    assert parse_hash(written) == pepper.imported(sha256)
    assert pepper.imported_candidates("sk-1234") == (pepper.imported(sha256),)
    assert shown_hash(written) == f"hmac-sha256-sha256:{expected[:8]}\u2026"


def test_other_gateways_secrets_are_taken_under_the_pepper_before_too():
    old = Pepper(b"old").imported(hashlib.sha256(b"sk-1").digest())

    assert old in Pepper(b"new", b"old").imported_candidates("sk-1")
    assert old not in Pepper(b"new", b"old").candidates("sk-1")


@pytest.mark.parametrize("around", ["", "imported-key:"])
def test_the_sha256_itself_is_no_secret(around):
    sha256 = hashlib.sha256(b"sk-1").digest()
    pepper, presented = Pepper(b"pepper"), around + sha256.decode("latin-1")

    assert pepper.imported(sha256) not in (*pepper.imported_candidates(presented), *pepper.candidates(presented))
