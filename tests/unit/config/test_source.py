from decimal import Decimal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.source import parse, places, pointer


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"), ("yes", "yes"), ("No", "No"), ("y", "y"), ("off", "off"),
        ("true", True), ("True", True), ("TRUE", True), ("tRUE", "tRUE"), ("false", False),
        ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ("nULL", "nULL"),
        ("0", 0), ("-0", 0), ("+12", 12), ("012", 12), ("0o17", 15), ("0x1F", 31), ("0b1", "0b1"), ("1_000", "1_000"),
        ("1.5", Decimal("1.5")), ("1.", 1), (".5", Decimal("0.5")), ("1e3", 1000),
        ("1e400", Decimal("1e400")), ("0.1", Decimal("0.1")), ("-.5E-2", Decimal("-.005")), ("1.2.3", "1.2.3"),
        (".inf", ".inf"), (".nan", ".nan"), ("-x", "-x"), ("+", "+"), (".", "."), ("1:30", "1:30"), ("190:20:30", "190:20:30"),
        ("2027-01-01", "2027-01-01"), ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), ("=", "="),
        ('"12"', "12"), ("'true'", "true"), ('""', ""), ('"\\u00e9"', "é"), ("! 12", "12"), ("!!str 12", "12"),
        ("9" * 400, int("9" * 400)), ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_scalars_follow_the_core_schema(written, value):
    tree, findings = parse(f"a: {written}", "f")

    assert findings == []
    assert tree == {"a": value}
    assert type(tree["a"]) is type(value)


def test_collections_and_aliases():
    tree, findings = parse("a: &x [1, {b: &y c}]\nd: *x\ne: *y\n? f\n: |\n  text\n", "f")

    assert findings == []
    assert tree == {"a": [1, {"b": "c"}], "d": [1, {"b": "c"}], "e": "c", "f": "text\n"}


def test_a_key_is_the_text_that_is_written():
    assert parse("1: a\ntrue: b\nnull: c\n", "f") == ({"1": "a", "true": "b", "null": "c"}, [])


def test_every_duplicate_is_reported_where_it_stands():
    _, findings = parse("a: 1\nb: {c: 1, 'c': 2}\na: 3\n", "f")

    assert [(one.line, one.column, one.pointer) for one in findings] == [(2, 11, "/b/c"), (3, 1, "/a")]


def test_texts_with_references_are_marked_with_their_place_and_aliases_repeat_the_mark():
    marks = []

    def mark(text, place):
        marks.append((text, place))
        return f"mark {len(marks)}"

    tree, _ = parse("a: &a\n  - x\n  - b: '${env:A}'\n${env:B}: ${env:C}\nagain: [*a]\n", "f", mark)

    assert tree == {"a": ["x", {"b": "mark 1"}], "${env:B}": "mark 2", "again": [["x", {"b": "mark 1"}]]}
    assert marks == [("${env:A}", (3, 8)), ("${env:C}", (4, 11))]


def test_places_of_keys_and_values():
    text = "a: 1\nb:\n  - x\n  - {c: &d deep, e: *d}\n"

    found = places(text, [("a",), ("b", 1, "c"), ("b", 1, "e"), ("b", 7), ("z",)])

    assert found == {
        (): ((1, 1), (1, 1)),
        ("a",): ((1, 1), (1, 4)),
        ("b",): ((2, 1), (3, 3)),
        ("b", 1): ((4, 5), (4, 5)),
        ("b", 1, "c"): ((4, 6), (4, 9)),
        ("b", 1, "e"): ((4, 18), (4, 21)),
    }


@pytest.mark.parametrize(("path", "text"), [((), ""), (("a/b", "~", 0), "/a~1b/~0/0")])
def test_pointers_escape(path, text):
    assert pointer(path) == text


# The writer writes YAML 1.1, which leaves some texts unquoted that are numbers in YAML 1.2, such as `0E0`.
TEXT = st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(TEXT, JSON, max_size=5), st.booleans())
def test_what_a_yaml_writer_writes_is_read_back(tree, flow):
    text = yaml.dump(tree, Dumper=yaml.CSafeDumper, allow_unicode=True, default_flow_style=flow)

    assert parse(text, "f") == (tree, [])


@given(st.dictionaries(TEXT, JSON, max_size=5))
def test_every_path_has_a_place(tree):
    text = yaml.dump(tree, Dumper=yaml.CSafeDumper)
    paths = set(walk(tree, ()))

    assert set(places(text, paths)) == paths


def walk(node, path):
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from walk(value, (*path, key))
