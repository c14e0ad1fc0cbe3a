"""Can an expression on the names of tools match one that a provider accepts?

Of an expression only the structure is read here: groups, alternatives, repetitions. Whether a character, a class or an
escape can stand in a name is asked of RE2 itself, and what is not understood is taken to match.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.policy.patterns import compile_re2

TOOL_NAMES: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
"""Characters of a function's name in the APIs of OpenAI, Anthropic and Bedrock (their references: `^[a-zA-Z0-9_-]+$`).
Tools of their own have no others."""

MORE_TOOL_NAMES: Final[Mapping[str, str]] = {"gemini": ".:", "vertex": ".:", "custom": ":"}
"""Further ones by type of provider: Google's `FunctionDeclaration.name`, and OpenRouter's tools of its own."""

_ESCAPE: Final = r"\\(?:[pP](?:\{[^}]*\}|.)|x(?:\{[^}]*\}|[0-9a-fA-F]{2})|[0-7]{1,3}|.)"
_CLASS: Final = rf"\[\^?\]?(?:\[:\^?[a-z]+:\]|{_ESCAPE}|[^\]\\])*\]"
_TOKEN: Final = re.compile(
    rf"(?P<flags>\(\?[a-zA-Z-]+\))|(?P<open>\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?)|(?P<close>\))|(?P<or>\|)"
    rf"|(?P<repeat>(?P<none>[*?]|\{{0(?:,[0-9]*)?\}})|\+|\{{[0-9]+(?:,[0-9]*)?\}})"
    rf"|(?P<atom>{_CLASS}|{_ESCAPE}|.)",
    re.DOTALL,
)


def can_match(pattern: str, alphabet: str = TOOL_NAMES) -> bool:
    """Whether an RE2 expression may be found in some text of these characters."""
    # Of each group that is open: whether an alternative before, all of this one, and what came last can match.
    groups: list[list[bool]] = [[False, True, True]]
    for token in _TOKEN.finditer(pattern):
        before, all_of_it, last = groups[-1]
        if token["open"] is not None:
            groups.append([False, True, True])
        elif token["or"] is not None:
            groups[-1] = [before or (all_of_it and last), True, True]
        elif token["close"] is not None and len(groups) > 1:
            groups.pop()
            groups[-1] = [groups[-1][0], groups[-1][1] and groups[-1][2], before or (all_of_it and last)]
        elif token["repeat"] is not None:
            groups[-1][2] = last or token["none"] is not None
        else:
            groups[-1] = [before, all_of_it and last, _can_stand(token[0], alphabet)]
    before, all_of_it, last = groups[0]
    return before or (all_of_it and last)


def _can_stand(atom: str, alphabet: str) -> bool:
    try:
        expression = compile_re2(atom)
    except ValueError:
        return True
    return expression.search(alphabet) is not None or expression.search("") is not None
