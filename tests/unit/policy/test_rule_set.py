import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.rule_set import CompiledRule, Verdict


@pytest.mark.parametrize(
    ("deny", "allow", "value", "verdict"),
    [
        ([], None, "anything", None),
        (["shell"], None, "shell.exec", Verdict("set", "shell")),
        (["shell"], None, "weather", None),
        (["a", "shell", "exec"], None, "shell.exec", Verdict("set", "shell")),
        ([], ["^safe_"], "safe_add", None),
        ([], ["^safe_"], "unsafe_add", Verdict("set", None)),
        ([], [], "anything", Verdict("set", None)),
        (["add"], ["^safe_"], "safe_add", Verdict("set", "add")),
        (["(?i)SHELL", "x"], None, "sHeLl", Verdict("set", "(?i)SHELL")),
        (["^a|b$", "c"], None, "xb", Verdict("set", "^a|b$")),
        ([r"\Qa|b", r"\Qc\E"], None, "a|b", Verdict("set", r"\Qa|b")),
        ([r"\Qa", r"\Qb\E"], None, "b", Verdict("set", r"\Qb\E")),
        (["shell"], None, "shell\x00", Verdict("set", "shell")),
        (["shell", "x"], None, "\ud800shell", Verdict("set", "shell")),
    ],
)
def test_deny_is_asked_first_then_the_allow_list(deny, allow, value, verdict):
    assert CompiledRule("set", deny, allow).refuses(value) == verdict


def test_of_several_spellings_one_is_enough_to_deny_and_to_allow():
    both = ("gpt-5", "openai/gpt-5")

    assert CompiledRule("set", ["^openai/"], None).refuses(*both) == Verdict("set", "^openai/")
    assert CompiledRule("set", ["^gpt-"], None).refuses(*both) == Verdict("set", "^gpt-")
    assert CompiledRule("set", [], ["^openai/"]).refuses(*both) is None
    assert CompiledRule("set", [], ["^gpt-"]).refuses(*both) is None
    assert CompiledRule("set", [], ["^azure/"]).refuses(*both) == Verdict("set", None)


def test_a_denial_is_asked_for_without_the_allow_list():
    rule = CompiledRule("set", ["evil"], ["^safe"])

    assert rule.denies("other") is None
    assert rule.denies("other", "evil") == rule.refuses("evil") == Verdict("set", "evil")
    assert rule.refuses("other") == Verdict("set", None)


_PATTERN = st.text("ab.*|?+^$", max_size=6).filter(lambda text: _compiles(text))


def _compiles(pattern):
    try:
        CompiledRule("set", [pattern], None)
        re.compile(pattern)
    except (ValueError, re.error):
        return False
    return True


@settings(deadline=None)
@given(st.lists(_PATTERN, max_size=5), st.text("ab", max_size=8))
def test_many_patterns_say_what_each_says_alone(patterns, value):
    expected = next((one for one in patterns if CompiledRule("set", [one], None).refuses(value)), None)

    verdict = CompiledRule("set", patterns, None).refuses(value)

    assert (verdict.pattern if verdict else None) == expected
    assert (expected is not None) == any(re.search(one, value) for one in patterns)
    assert (CompiledRule("set", [], patterns).refuses(value) is None) == (expected is not None)
