import fnmatch

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy import patterns
from gateway.policy.patterns import compile_glob, compile_re2

LINEAR = type(re2.compile(""))
"""What RE2 makes, whose search takes linear time; backtracking would not come to an end below."""


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("shell", "my_shell_tool", True),
        ("shell", "SHELL", False),
        ("(?i)shell", "SHELL", True),
        (r"^shell\.", "shell.exec", True),
        (r"^shell\.", "my.shell.exec", False),
        ("exec$", "shell.exec\n", False),
        ("^shell$", "shell\x00", False),
        ("é", "caf\u00e9", True),
        ("^.$", "😀", True),
    ],
)
def test_search_is_re2_unanchored_and_case_sensitive(pattern, text, found):
    assert (compile_re2(pattern).search(text) is not None) is found
    assert (compile_re2(pattern).search(text.encode()) is not None) is found


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(", "missing )"),
        ("(?=x)", "invalid perl operator"),
        ("[z-a]", "z-a"),
        (r"(a)\1", "invalid escape"),
        ("\ud800", ""),
    ],
)
def test_a_malformed_expression_says_why(pattern, reason, capfd):
    with pytest.raises(ValueError) as refused:
        compile_re2(pattern)

    assert reason in str(refused.value)
    assert capfd.readouterr().err == ""


def test_expressions_are_searched_in_linear_time():
    expression = compile_re2("(a+)+$")

    assert type(expression) is LINEAR
    assert expression.search("a" * 50_000 + "b") is None


@pytest.mark.parametrize(
    ("glob", "text", "matches"),
    [
        ("gpt-5*", "gpt-5-mini", True),
        ("gpt-5*", "openai/gpt-5", False),
        ("*", "", True),
        ("*", "a\nb", True),
        ("gpt-?", "gpt-5", True),
        ("gpt-?", "gpt-55", False),
        ("gpt-?", "gpt-😀", True),
        ("GPT-5", "gpt-5", False),
        ("gpt-[45]", "gpt-4", True),
        ("gpt-[!45]", "gpt-4", False),
        ("gpt-[!45]", "gpt-3", True),
        ("[a-c]x", "bx", True),
        ("[]x]", "]", True),
        ("[!]x]", "]", False),
        ("[!]x]", "a", True),
        ("[^a]", "^", True),
        ("[^a]", "b", False),
        (r"[\d]", "5", False),
        (r"[\d]", "\\", True),
        ("[[:alpha:]]", "a]", True),
        ("a.b", "axb", False),
        ("a(b|c)+$", "a(b|c)+$", True),
        ("gpt-5", "gpt-5\n", False),
    ],
)
def test_globs_match_whole_texts(glob, text, matches):
    assert compile_glob(glob)(text) is matches


@pytest.mark.parametrize("glob", ["[", "a[b", "[]", "[!]", "[!", "[z-a]"])
def test_a_malformed_glob_is_named(glob):
    with pytest.raises(ValueError, match=r"a glob|not closed") as refused:
        compile_glob(glob)

    assert repr(glob) in str(refused.value)


_SMALL = st.text("ab-*?.\\/^+é\n", max_size=12)


@settings(deadline=None)
@given(_SMALL, _SMALL)
def test_without_classes_globs_are_those_of_fnmatch(glob, text):
    assert compile_glob(glob)(text) == fnmatch.fnmatchcase(text, glob)


@pytest.mark.looks_inside
def test_globs_are_matched_in_linear_time(monkeypatch):
    compiled = []

    def compile_and_keep(pattern):
        compiled.append(compile_re2(pattern))
        return compiled[-1]

    monkeypatch.setattr(patterns, "compile_re2", compile_and_keep)

    matches = compile_glob("*a" * 20 + "b")

    assert [type(one) for one in compiled] == [LINEAR]
    assert not matches("a" * 5_000)
