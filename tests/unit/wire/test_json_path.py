import pytest

from gateway.turns import at_once
from gateway.wire.json_path import path_at

_TEXT = b'{"a":"A","b":[{"c\\u0041":["B"]},[],"C",{"d":{"e":"D"}}],"f":[[0,"E"]],"g":{},"h":"F","I":1}'


@pytest.mark.parametrize(
    ("mark", "path"),
    [
        (b'"A"', "a"),
        (b'"B"', "b[0].cA[0]"),
        (b'"C"', "b[2]"),
        (b'"D"', "b[3].d.e"),
        (b'"E"', "f[0][1]"),
        (b'"F"', "h"),
        (b'"I"', "I"),
    ],
)
def test_the_path_of_a_string(mark, path):
    assert at_once(path_at(_TEXT, _TEXT.index(mark))) == path


def test_a_long_key_is_cut():
    text = b'{"' + b"k" * 1000 + b'":"x"}'

    assert at_once(path_at(text, text.index(b'"x"'))) == "k" * 64
