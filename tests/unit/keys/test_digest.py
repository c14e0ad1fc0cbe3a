import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.keys.digest import Pepper, format_hash, parse_hash


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
