"""Where members stand: the quick ways agree with the exact one, whatever the text looks like."""

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.wire.json_members import _walk_exactly, find_members

_KEYS = st.sampled_from(["a", "b", "model", "é", "😀", r"\u0061", r"\n", ""])
_VALUES = st.sampled_from(["1", "12", "-0.5", "null", '""', '"é"', '"\\"a\\":1"', '{"a":1}', '[1,{"b":[]}]'])


@settings(deadline=None)
@given(st.lists(st.tuples(_KEYS, _VALUES), max_size=6), st.sampled_from(["", "", " "]))
@example([("a", "1"), ("a", "1")], "")
@example([("é", "1"), ("a", "12")], "")
@example([(r"\u0061", "1"), ("a", "1")], "")
def test_members_are_found_where_the_exact_walk_finds_them(members, space):
    data = ("{" + ",".join(f'"{key}":{space}{value}' for key, value in members) + "}").encode()
    top_level = msgspec.json.decode(data, type=dict[str, msgspec.Raw])

    assert find_members(data, top_level) == _walk_exactly(data, top_level)
