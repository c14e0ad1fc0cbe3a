"""Which expressions on the names of tools could ever match one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.patterns import compile_re2
from gateway.policy.tool_names import TOOL_NAMES, can_match

CHARACTERS = ("a", "Z", "_", "-", ".", "/", "é", r"\.", r"\:", r"\x2e")
SETS = ("[.]", "[._]", "[^a-z]", "[[:punct:]]", r"[]\]]", r"\w", r"\W", r"\d", r"\pL", r"\b", "^", "$")
STRUCTURE = ("|", "|", "(", "(?:", "(?P<n>", "(?i)", ")", ")", "*", "+", "?", "{0}", "{2}", "{0,3}")
PIECES = st.sampled_from((*CHARACTERS, *SETS, *STRUCTURE))


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        (r"^shell\.", False),
        (r"^(Bash|local\.shell)$", True),
        (r"(a\.b|c\.d)", False),
        (r"(?i:shell\.)x", False),
        (r"a[._]b", True),
        (r"a[.:]b", False),
        (r"a\.?b", True),
        (r"\.{2}a", False),
        (r"(\.a)*b", True),
        (r"a b", False),
        ("", True),
        (r"\Q.\E", True),
    ],
)
def test_patterns(pattern, matches):
    assert can_match(pattern) is matches


def test_names_of_other_apis_have_more_characters():
    assert can_match(r"^shell\.", TOOL_NAMES + ".")


@given(st.lists(PIECES, max_size=8).map("".join), st.text(TOOL_NAMES, max_size=8))
def test_what_matches_a_name_is_never_said_to_match_none(pattern, name):
    try:
        expression = compile_re2(pattern)
    except ValueError:
        return

    assert expression.search(name) is None or can_match(pattern)
