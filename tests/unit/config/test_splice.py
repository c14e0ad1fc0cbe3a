import pytest

from gateway.config.source import parse
from gateway.config.splice import LayoutError, with_fields

KEY = ("virtual_keys", "k")


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        # Block style: a line each, below the last line that is the key's.
        ("virtual_keys:\n  k:\n    a: 1 # one\n\n  # of b\n  b: {}\n", {"x": "v"}, "    a: 1 # one\n    x: v\n"),
        ("virtual_keys:\n  k:\n    a: [1,\n        2]\n  b: {}\n", {"x": "v"}, "        2]\n    x: v\n  b"),
        ("virtual_keys:\n  k:\n    a:\n    - 1\n  b: {}\n", {"x": "v"}, "    - 1\n    x: v\n  b"),
        ("virtual_keys:\n  k:\n    a: |\n      1\n  b: {}\n", {"x": "v"}, "      1\n    x: v\n  b"),
        ("virtual_keys:\n    k:\n        a: 1", {"x": "v"}, "        a: 1\n        x: v"),
        ("virtual_keys:\n  k:\n    a: 1\n    x: z # kept\n", {"x": "v"}, "    a: 1\n    x: v # kept\n"),
        ("virtual_keys:\n  k:\n    a: 1\n    x: z\n    b: 2\n", {"x": None}, "    a: 1\n    b: 2\n"),
        ("virtual_keys:\n  k:\n    x: z\n", {"x": None}, "  k:\n    {}\n"),
        ("virtual_keys:\n  k:\n    x: >-\n      z\n    b: 2\n", {"x": "v"}, "    x: v\n    b: 2\n"),
        ("virtual_keys:\n  k:\n    x:\n    b: 2\n", {"x": "v"}, "    x: v\n    b: 2\n"),
        # In the quotes that stood there.
        ("virtual_keys:\n  k:\n    x: 'z' # one\n", {"x": "v"}, "    x: 'v' # one\n"),
        ('virtual_keys:\n  k:\n    x: "z"\n', {"x": "it's"}, '    x: "it\'s"\n'),
        ("virtual_keys:\n  k: {x: 'z', a: \"z\"}\n", {"x": "v", "a": "w"}, "  k: {x: 'v', a: \"w\"}\n"),
        ('virtual_keys:\n  k: {"x": z, "a": 1}\n', {"x": "v", "a": "w"}, '  k: {"x": v, "a": "w"}\n'),
        ("virtual_keys:\n  k: {x: z}\n", {"x": "no"}, "  k: {x: 'no'}\n"),
        # Flow style: between the braces.
        ("virtual_keys:\n  k: {a: 1} # one\n", {"x": "v"}, "  k: {a: 1, x: v} # one\n"),
        ("virtual_keys:\n  k: {a: 1, }\n", {"x": "v"}, "  k: {a: 1, x: v, }\n"),
        ("virtual_keys:\n  k: {}\n", {"x": "v", "z": "a b"}, "  k: {x: v, z: 'a b'}\n"),
        ("virtual_keys:\n  k: {a: 1, x: z, b: 2}\n", {"x": None}, "  k: {a: 1, b: 2}\n"),
        ("virtual_keys:\n  k: {x: z, b: 2}\n", {"x": None}, "  k: {b: 2}\n"),
        ("virtual_keys:\n  k: {x: z}\n", {"x": None}, "  k: {}\n"),
        ("virtual_keys: {k: {x: z}}\n", {"x": "v", "m": "é"}, "{k: {x: v, m: 'é'}}\n"),
        ("virtual_keys: {k: }\n", {"x": "v"}, "{k: {x: v} }\n"),
        ("virtual_keys: {a: {}}\n", {"x": "v"}, "{a: {}, k: {x: v}}\n"),
        ("virtual_keys:\n  k: { # none yet\n  }\n", {"x": "v"}, "  k: { # none yet\n  x: v}\n"),
        ("virtual_keys:\n  k: {a: , x, b: 2}\n", {"x": "v", "a": "w"}, "  k: {a: w , x: v, b: 2}\n"),
        ("virtual_keys:\n  k: {a: 1, x: z, w: z}\n", {"x": None, "w": None}, "  k: {a: 1 }\n"),
        ("virtual_keys:\n  k: {a: 1, x: z, }\n", {"x": None, "w": "v"}, "  k: {a: 1, w: v, }\n"),
        ("virtual_keys:\n  k: {\n    a: 1, # one, of a\n    x: z # of x\n  }\n", {"x": None}, "1 # one, of a\n  }\n"),
        (
            "virtual_keys:\n  k: {\n    a: 1 # of a\n    , x: z # of x\n  }\n",
            {"x": None},
            "1 # of a\n     # of x\n  }\n",
        ),
        ("virtual_keys:\n  k: {\n    x: z, # of x\n    a: 1 # of a\n  }\n", {"x": None}, "{\n    a: 1 # of a\n  }\n"),
        # Quoted as the key beside it, on a line of its own where that has one.
        ('{"virtual_keys": {"k": {"x": "z"}}}', {"x": "v", "y": "w"}, '{"k": {"x": "v", "y": "w"}}}'),
        ('{"virtual_keys": {"k": {}}}', {"x": "v"}, '{"k": {"x": "v"}}}'),
        ('{"virtual_keys": {"k": null}}', {"x": "v"}, '{"k": {"x": "v"}}}'),
        ('{"virtual_keys": {\n  "a": 1\n}}', {"x": "v"}, '{\n  "a": 1,\n  "k": {"x": "v"}\n}}'),
        ("{}", {"x": "v"}, '{"virtual_keys": {"k": {"x": "v"}}}'),
        # An alias is what is written there.
        ("m: &m\n  - 1\nvirtual_keys:\n  k:\n    a: *m\n", {"x": "v"}, "    a: *m\n    x: v\n"),
        ("m: &m z\nvirtual_keys:\n  k:\n    x: *m\n", {"x": "v"}, "m: &m z\nvirtual_keys:\n  k:\n    x: v\n"),
        # What is missing on the way is made.
        ("virtual_keys:\n  a: {}\n# the end\n", {"x": "v"}, "  a: {}\n  k:\n    x: v\n# the end\n"),
        ("virtual_keys:\n  k: # soon\n  a: {}\n", {"x": "v"}, "  k: # soon\n    x: v\n  a: {}\n"),
        ("virtual_keys:\n  k: ~\n", {"x": "v"}, "  k:\n    x: v\n"),
        ("virtual_keys:\n", {"x": "v"}, "virtual_keys:\n  k:\n    x: v\n"),
        ("version: 1\n", {"x": "v"}, "version: 1\nvirtual_keys:\n  k:\n    x: v\n"),
        ("{version: 1}\n", {"x": "v"}, "{version: 1, virtual_keys: {k: {x: v}}}\n"),
        # What other readers take for something else is quoted.
        ("virtual_keys:\n  k: {}\n", {"x": "no", "w": "1", "z": "a:b"}, "{x: 'no', w: '1', z: a:b}\n"),
        # Places are counted in letters.
        ("# 🧭 é\nvirtual_keys:\n  k: {a: 🧭}\n", {"x": "v"}, "  k: {a: 🧭, x: v}\n"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_nothing_but_the_fields_is_other_than_before(before, changes, after, line_end):
    other = "moved:\n  - {from: teams.a,   to: teams.b} # two  spaces\n" if not before.startswith("{") else ""
    if before.endswith("\n") and "virtual_keys:\n" in before:
        before = other + before

    found = with_fields(before.replace("\n", line_end), KEY, changes)

    assert after.replace("\n", line_end) in found
    tree, had = parse(found, "")[0], parse(before, "")[0]
    key = {**(had.get("virtual_keys") or {}).get("k", {})} if (had.get("virtual_keys") or {}).get("k") else {}
    wanted = {name: value for name, value in {**key, **changes}.items() if value is not None}
    assert tree == {**had, "virtual_keys": {**(had.get("virtual_keys") or {}), "k": wanted}}
    kept = set(before.splitlines()) - set(found.splitlines())
    assert len(kept) <= 2, kept


@pytest.mark.parametrize("text", ["", "- a\n", "virtual_keys: [k]\n", "virtual_keys: {k: text}\n"])
def test_what_is_no_mapping_is_left(text):
    with pytest.raises(LayoutError, match="mapping"):
        with_fields(text, KEY, {"x": "v"})
