import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.json_skeleton import LONGEST_TEXT, MOST_BYTES, Skeleton

TEXTS = st.text(max_size=8) | st.text('ab\\"é\n', min_size=LONGEST_TEXT - 3, max_size=LONGEST_TEXT + 3)
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


def fed(text, sizes=()):
    skeleton = Skeleton()
    at = 0
    for size in sizes:
        skeleton.feed(text[at : at + size])
        at += size
    skeleton.feed(text[at:])
    return skeleton.text


def shortened(value):
    """The value without its long strings, as a reader of the whole text would make it."""
    if isinstance(value, str):
        return "" if len(json.dumps(value, ensure_ascii=False).encode()) - 2 > LONGEST_TEXT else value
    if isinstance(value, list):
        return [shortened(one) for one in value]
    if isinstance(value, dict):
        return {shortened(name): shortened(inner) for name, inner in value.items()}
    return value


@given(VALUES, st.lists(st.integers(1, 1500), max_size=8), st.sampled_from([None, 2]))
def test_all_but_long_texts_is_left_whatever_the_pieces(value, sizes, indent):
    text = json.dumps(value, ensure_ascii=False, indent=indent).encode()

    assert json.loads(fed(text, sizes)) == shortened(value)


@given(st.binary(max_size=60), st.lists(st.integers(1, 9), max_size=8))
def test_what_is_no_json_is_taken_the_same_in_any_pieces(data, sizes):
    assert fed(data, sizes) == fed(data)


@pytest.mark.parametrize("tail", [b"", b"x", b'"', b"\\", b'\\"'])
def test_a_text_that_breaks_off_leaves_what_came(tail):
    assert fed(b'{"a": "' + tail, [3]).startswith(b'{"a": "')


def test_memory_is_bounded():
    skeleton = Skeleton()
    for _ in range(64):
        skeleton.feed(b"1," * (MOST_BYTES // 32))

    assert skeleton.text is None


def test_a_picture_of_any_size_leaves_nothing():
    skeleton = Skeleton()
    skeleton.feed(b'data: {"b64":"')
    for _ in range(1000):
        skeleton.feed(b"A" * 65536)
    skeleton.feed(b'","usage":{"x":1}}')

    assert skeleton.text == b'data: {"b64":"","usage":{"x":1}}'
