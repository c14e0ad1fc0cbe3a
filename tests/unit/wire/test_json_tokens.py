import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.json_tokens import end_of_value, without_lone_surrogates

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\[]{},:\n', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('a"}', max_size=3), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, max_examples=200)
@given(_JSON, st.sampled_from([b"", b" ", b"\r\n"]), st.sampled_from([b",", b"]", b"}"]))
def test_a_value_ends_where_it_ends(value, space, following):
    text = json.dumps(value, indent=1).encode()

    assert end_of_value(b'{"k":' + text + space + following + b'"]"', 5) == 5 + len(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb"\ud83d\ude00", rb"\ud83d\ude00"),
        (rb"\ud800", rb"\ufffd"),
        (rb"\uDC00x", rb"\ufffdx"),
        (rb"\ud83d\ud83d\ude00\ude00", rb"\ufffd\ud83d\ude00\ufffd"),
        (rb"\\ud800", rb"\\ud800"),
        (rb"\\ud800\udfff", rb"\\ud800\ufffd"),
        (rb"\ud800\\udfff", rb"\ufffd\\udfff"),
        (rb"\\\ud800", rb"\\\ufffd"),
        (rb"\u0041\ud7ff\ue000", rb"\u0041\ud7ff\ue000"),
        (b"no escapes", b"no escapes"),
    ],
)
def test_halves_of_surrogate_pairs_are_put_out_of_the_way(text, expected):
    assert without_lone_surrogates(text) == expected
    assert len(expected) == len(text)
