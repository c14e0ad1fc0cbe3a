import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from gateway.config.excerpt import excerpt
from gateway.config.source import parse
from gateway.config.splice import with_fields

HEADS = ["", "version: 1\n", "# für alle\nversion: 1\n\n", "x-shared: &m\n  a: [1,\n   2]\nteams: {a: *m}\n"]
ODD_HEADS = [
    "{\n",
    "a: {b: 1,\n",
    'a: "b\n',
    "a: |\n",
    "- a\n",
    "virtual_keys: {}\n",
    "a: b: c\n",
    "---\n",
    "a: *m\n",
    "a:\n",
]
TAILS = ["", "budgets: {}\n", "# the end\n", "moved:\n- {from: a,\nto: b}\n", "x: 'a\n\n  b'\n"]
ODD_TAILS = [
    "- a\n",
    "b\n",
    ": b\n",
    "}\n",
    "x: *a\n",
    "virtual_keys: {}\n",
    "---\nx: 1\n",
    "...\n",
    'x: "\n',
    "\ta: 1\n",
]
LINES = [
    "a: 1", "b: 'it''s: # a'  ", 'c: "x \\" y"', "d: two words-of a:b # of d", "e: [a, 'b, c', \"d]\", {f: g, h: [i]}]",
    "f: {a: 1, b: {c: d}}", "g:", "h: ~", "'i': x", '"j: k": x', "l: [ ]", "m: ünï", "n: #", "o: ${env:A}", "p: a#b",
    "# a comment\twith a tab: 'x", "", "#", "q: hmac-sha256:0a1b", "r: 2027-01-01T00:00:00Z",
]  # fmt: skip
BELOW = ["- a", "- [b, c]", "- 'd: e'", "s: 1", "t: {u: v}", "# below", "u: x # y", "- a # b", ""]
ODD_LINES = [
    "a: 2", "b: |", "c: >-", "d: |2", "e: [a,", "k2: b]", "f: {a: 1, a: 2}", "g: 'x", 'h: "x', "k: y'", 'k3: {x: "y',
    "i: &m x", "j: *m", "k:\tx", "l: x\t", "m: x\t# y", "text", "n: a: b", "o: - a", "p: a  - b", "- - x", "- a: 1",
    "? x", "! y", "q: !t x", "s: @x", "t: `x", "u: x\u2028  v: w", "v: x\x85z: 1", "w: \ufeffx", "---", "...", "%x",
    "a b: c", "key: it's", "key: a 's b: c'", "key: [a 'b, c']", "key: {x:y}", "key: {x: y: z}", "key: [a, , b]",
    "<<: {x: y}", "key: ,", "x" * 1030 + ": 1", "key: {a, b}", "\t", "  \t# x", "}", "]", "'", '"', "key: [[[[[[a]]]]]]",
    "y: &y [1]", "z: *y", "w: [*m, &z 1]", "t: &y 'x",
    "key: \0x", "key: # x 'y", "# x\u2028  evil: {}", "'a\"b': c", "\"a'b\": 'c'", "\"a - x, 'b\": c", "key: 'a'# b",
    "key: x\ry", "key: [a]# b", "key: 'a' b", 'key: "a" "b"', 'key: "a\\x41"', "key: {'a': 1, a: 2}", "- x\n      y",
]  # fmt: skip


@st.composite
def entry(draw, name, is_odd):
    """One key, by lines or between braces; an odd one may be at fault, or have no end."""
    quote = draw(st.sampled_from(["", "", "", "'", '"']))
    heading = f"  {quote}{name}{quote}:"
    if draw(st.integers(0, 4)) == 0:
        fields = draw(st.lists(st.sampled_from(["a: 1", "b: [c, 'd']", "'e': {f: g}"]), unique=True))
        behind = draw(st.sampled_from(["", " # x, 'y", "  ", "\n  # below: 'x", "\n\n"]))
        return f"{heading} {{{', '.join(fields)}}}{behind}\n"
    lines = []
    for line in draw(st.lists(st.sampled_from(LINES), unique=True, max_size=5)):
        lines.append("    " + line)
        if line.endswith(":"):
            kind = draw(st.booleans())
            below = draw(st.lists(st.sampled_from([one for one in BELOW if one.startswith("-") == kind]), unique=True))
            lines += ["      " + one for one in below]
    for _ in range(draw(st.integers(1, 2)) if is_odd else 0):
        odd = " " * draw(st.sampled_from([4, 4, 4, 6, 6, 2, 8, 3, 0])) + draw(st.sampled_from(ODD_LINES))
        lines.insert(draw(st.integers(0, len(lines))), odd)
    comment = draw(st.sampled_from(["", " # of it", "  "]))
    return "\n".join([heading + comment, *lines]) + "\n"


@st.composite
def texts(draw, *, is_odd):
    """A file of which some may be at fault."""

    def rarely():
        return is_odd and draw(st.integers(0, 3)) == 0

    head = draw(st.sampled_from(ODD_HEADS if rarely() else HEADS))
    tail = draw(st.sampled_from(ODD_TAILS if rarely() else TAILS))
    names = draw(st.lists(st.sampled_from(["k", "a", "b-1", "x:y", "virtual_keys"]), min_size=1, unique=not is_odd))
    before = draw(st.sampled_from(["", "  # first\n", "\n# first: 'x\n"]))
    section = draw(st.sampled_from(["virtual_keys:", "virtual_keys: # all of them"]))
    entries = "".join(draw(entry(name, rarely())) for name in names)
    text = f"{head}{section}\n{before}{entries}{tail}"
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text


CHANGES = st.dictionaries(
    st.sampled_from(["a", "b", "c", "e", "g", "q", "new"]), st.sampled_from([None, "v", "it's", "hmac-sha256:ff"])
)


def same_as_the_whole(text, name, changes):
    """Whether there is an excerpt, which then says what the whole does, before a change and after."""
    part = excerpt(text, "virtual_keys", name)
    if part is None:
        return False
    tree, problems = parse(text, "")
    assert problems == []
    assert [*part.names] == [*tree["virtual_keys"]]
    only, problems = parse(part.text, "")
    assert problems == []
    ((shown, value),) = only["virtual_keys"].items()
    assert only == {"virtual_keys": {shown: value}}
    assert value == tree["virtual_keys"][shown]
    assert shown == (name if name in part.names else part.names[-1])
    assert part.before + part.entry + part.behind == text
    if value is None or isinstance(value, dict):
        path = ("virtual_keys", name)
        assert part.put_back(with_fields(part.text, path, changes)) == with_fields(text, path, changes)
    return True


@given(texts(is_odd=False), st.sampled_from(["k", "a", "b-1", "new"]), CHANGES)
def test_an_entry_of_a_plain_file_is_changed_by_itself_as_in_the_whole(text, name, changes):
    assert parse(text, "")[1] == []
    assert same_as_the_whole(text, name, changes)


@given(texts(is_odd=True), st.sampled_from(["k", "a", "b-1", "new"]), CHANGES)
def test_whatever_stands_in_a_file_an_excerpt_says_what_the_whole_does(text, name, changes):
    event(f"has one: {same_as_the_whole(text, name, changes)}")


KEYS = "virtual_keys:\n  a:\n    x: 1\n  k:\n    x: z\n"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(KEYS + "  a: {}\n", id="a key is written twice"),
        pytest.param(KEYS + "  b:\n    x: 1\n    x: 2\n", id="a field of another key is written twice"),
        pytest.param(KEYS + "  b: {x: 1, y: {z: 1, z: 2}}\n", id="one between braces is"),
        pytest.param(KEYS + "  b: {x: [\n  c: 1\n  ]}\n", id="braces go on in a line like a key"),
        pytest.param(KEYS + '  b:\n    x: "\n  c:\n    "\n', id="a text goes on in a line like a key"),
        pytest.param(KEYS + "  b:\n    x: y\n     z: 1\n", id="a field stands below a text"),
        pytest.param(KEYS + "  b:\n    x: 1\n   y: 2\n", id="a field stands between two columns"),
        pytest.param(KEYS + "  b: *gone\n", id="an alias of another key leads nowhere"),
        pytest.param(KEYS + "  b: &m\n    x: '\n  c: {}\nz: '\ny: *m\n", id="a text with an anchor goes on elsewhere"),
        pytest.param("virtual_keys:\n  k: &m {x: 1}\nz: *m\n", id="the key has an anchor"),
        pytest.param("m: &m {x: 1}\nvirtual_keys:\n  k: *m\n", id="the key is an alias"),
        pytest.param(
            'virtual_keys:\n  k: {"x":&m 1}\n  b: {x: 1}\n', id="an anchor stands right behind a name in quotes"
        ),
        pytest.param(KEYS + "virtual_keys: {}\n", id="the section is written twice"),
        pytest.param("a: '\n" + KEYS + "  '\n", id="the section stands in a text"),
        pytest.param("a: {\n" + KEYS + "  }\n", id="the section stands between braces"),
        pytest.param(KEYS + "--- \n", id="another document follows"),
        pytest.param(KEYS + "x: *gone\n", id="an alias elsewhere leads nowhere"),
        pytest.param(KEYS + "  b: # x\u2028  evil: {}\n", id="a line ends as lines seldom do"),
        pytest.param('{"virtual_keys":\n {"k": {}}}', id="the file is JSON"),
        pytest.param("virtual_keys:\n", id="there are no keys"),
        pytest.param("virtual_keys: {k: {}}\n", id="the keys are between braces"),
        pytest.param("version: 1\n", id="there is no section"),
        pytest.param("", id="there is nothing"),
    ],
)
def test_what_is_not_certain_has_no_excerpt(text):
    assert excerpt(text, "virtual_keys", "k") is None


def test_blocks_of_text_and_long_lists_in_other_entries_do_no_harm():
    odd = "  b:\n    note: |\n      k:\n       x: '\n    list: [a,\n      b]\n    deep:\n      - a: 1\n        b: 2\n"

    part = excerpt(odd.join(["virtual_keys:\n", "  k:\n    x: z\n"]), "virtual_keys", "k")

    assert (part.entry, part.names) == ("  k:\n    x: z\n", ["b", "k"])


def test_what_other_entries_share_does_no_harm():
    text = "m: &m {x: 1}\nvirtual_keys:\n  a: &a\n    x: *m\n    y: &y [1]\n  k:\n    x: z\n  b: *a\nz: *y\n"

    part = excerpt(text, "virtual_keys", "k")

    assert (part.entry, part.names) == ("  k:\n    x: z\n", ["a", "k", "b"])
