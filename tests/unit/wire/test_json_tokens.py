import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.turns import at_once
from gateway.wire import json_tokens
from gateway.wire.json_tokens import end_of_value, text_in_steps, without_lone_surrogates

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\[]{},:\n', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('a"}', max_size=3), inner, max_size=3),
    max_leaves=10,
)


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


@given(_JSON, st.integers(2, 40))
def test_a_value_ends_where_it_ends_in_however_short_steps(value, step):
    text = json.dumps(value, indent=1).encode()

    with patch.object(json_tokens, "STEP", step):
        assert end_of_value(b'{"k":' + text + b',"]"', 5) == 5 + len(text)


_PIECES = st.lists(st.sampled_from([r"\ud83d", r"\ude00", r"\\", r"\n", r"\u0041", "u", "d800", "x" * 9, "é"]))


@given(_PIECES, st.integers(12, 40))
def test_halves_are_the_same_in_however_short_steps(pieces, step):
    text = "".join(pieces).encode()

    with patch.object(json_tokens, "STEP", step):
        in_steps = without_lone_surrogates(text)

    assert in_steps == without_lone_surrogates(text)
    assert not [sign for sign in json.loads(b'"' + in_steps + b'"') if "\ud800" <= sign <= "\udfff"]


@given(st.binary() | st.text().map(str.encode), st.integers(1, 9))
def test_a_text_is_the_same_in_however_short_steps(data, step):
    with patch.object(json_tokens, "STEP", step):
        assert at_once(text_in_steps(b"ab" + data + b"c", 2, 2 + len(data))) == data.decode("utf-8", "replace")
