"""Taking several members out of an object at once: as one after the other, and nothing else changes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.json_parts import object_at, without_member, without_members
from gateway.wire.json_splice import apply

SPACE = st.text(" \t\r\n", max_size=2)
VALUES = st.sampled_from(["1", '"a, b"', "[1, 2]", '{"c": ","}', "null", '"}"'])


@st.composite
def objects(draw):
    """An object as somebody writes it, and the names of some of its members."""
    names = draw(st.lists(st.text('abc\u00e9"', min_size=1, max_size=3), unique=True, max_size=6))
    members = []
    for name in names:
        before, behind, around, after = (draw(SPACE) for _ in range(4))
        members.append(f"{before}{json.dumps(name)}{behind}:{around}{draw(VALUES)}{after}")
    return f"{{{','.join(members)}}}".encode(), draw(st.sets(st.sampled_from(names))) if names else set()


@given(objects())
def test_members_go_at_once_as_they_go_one_by_one(drawn):
    data, names = drawn
    members = object_at(data, ()).members

    at_once = apply(data, without_members(data, {name: members[name] for name in names}))

    assert json.loads(at_once) == {name: value for name, value in json.loads(data).items() if name not in names}
    one_by_one = data
    for name in sorted(names, key=members.get):
        one_by_one = apply(one_by_one, [without_member(one_by_one, name, object_at(one_by_one, ()).members[name])])
    assert at_once == one_by_one
