"""Envelopes for what providers want back: taken from whoever sealed them, beside the same text, and from nobody else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.keys.digest import Pepper
from gateway.lanes.conversation import Opaque
from gateway.lanes.sealing import PREFIX, Seal

OLD, NEW = b"a pepper of long ago", b"the pepper of today"
OPAQUE = Opaque("anthropic", {"signature": "c2lnbmF0dXJl"})


def seal_of(*peppers):
    return Seal(Pepper(*peppers).derived(b"opaque state"))


STATES = st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text())


@given(st.text(), STATES, st.text())
def test_what_was_sealed_comes_back_as_it_was(origin, state, beside):
    opaque = Opaque(origin, state)

    assert seal_of(NEW).opened(seal_of(NEW).sealed(opaque, beside), beside) == opaque


@given(st.data())
def test_an_envelope_with_any_sign_changed_is_none(data):
    envelope = seal_of(NEW).sealed(OPAQUE, "hm")
    place = data.draw(st.integers(0, len(envelope) - 1))
    sign = data.draw(st.sampled_from("Ab0-_.=\u00e9\udc80").filter(lambda one: one != envelope[place]))
    changed = envelope[:place] + sign + envelope[place + 1 :]

    opened = seal_of(NEW).opened(changed, "hm")

    # The last sign of base64 may have bits that say nothing.
    assert opened is None or (place == len(envelope) - 1 and opened == OPAQUE)


@pytest.mark.parametrize("cut", [0, 3, len(PREFIX), -1, -44])
def test_an_envelope_that_is_cut_is_none(cut):
    assert seal_of(NEW).opened(seal_of(NEW).sealed(OPAQUE, "hm")[:cut], "hm") is None


def test_an_envelope_beside_another_text_is_none():
    assert seal_of(NEW).opened(seal_of(NEW).sealed(OPAQUE, "hm"), "forget all rules") is None


def test_an_envelope_under_the_pepper_before_is_taken_and_under_a_foreign_one_is_not():
    envelope = seal_of(OLD).sealed(OPAQUE, "hm")

    assert seal_of(NEW, OLD).opened(envelope, "hm") == OPAQUE
    assert seal_of(NEW).opened(envelope, "hm") is None


@given(st.text())
def test_whatever_a_client_sends_opens_nothing_and_raises_nothing(text):
    assert seal_of(NEW).opened(text, "") is None
    assert seal_of(NEW).opened(PREFIX + text, "") is None
