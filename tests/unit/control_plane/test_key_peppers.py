"""Which peppers stand beside the hashes: those of what was minted here, and of what gateways found keys under."""

import msgspec

from gateway.config.documents import NodeReport
from gateway.control_plane import key_life, key_peppers, nodes
from gateway.control_plane.minting import Minter
from gateway.storage.engine import writing
from tests.unit.control_plane.planes import NOW, SIMULATOR, Plane, hash_of, key

REPORT = NodeReport(node="n", version="1", serving_revision=1, serving_since=1)


def known(engine):
    with engine.connect() as connection:
        return key_peppers.known(connection)


def test_what_is_minted_is_noted_and_what_a_file_says_is_not(engine):
    plane = Plane(engine)
    plane.apply(plane.plan(SIMULATOR, key("written", secret_hash=hash_of(1))))
    assert known(engine) == ()

    plane.apply(plane.plan(SIMULATOR, key("written", secret_hash=hash_of(1)), key("minted")))
    assert known(engine) == (Minter(None).fingerprint,)

    other = Minter("another-pepper-of-some-length")
    plane.edit(key_life.rotate, "minted", mint=other, grace_s=3_600)
    assert set(known(engine)) == {Minter(None).fingerprint, other.fingerprint}


def test_gateways_tell_under_which_pepper_they_found_a_key(engine):
    for said in (None, "0123abcd", "0123abcd", "no fingerprint", "89abcdef"):
        with writing(engine) as connection:
            nodes.report(connection, msgspec.structs.replace(REPORT, key_pepper=said), NOW)

    assert set(known(engine)) == {"0123abcd", "89abcdef"}


def test_no_gateway_fills_the_database(engine):
    with writing(engine) as connection:
        for number in range(100):
            key_peppers.note(connection, f"{number:08x}", NOW)

    assert len(known(engine)) == 64
