"""One rule, compiled: deny is asked first, then a value has to match the allow list where there is one."""

from collections.abc import Sequence

import msgspec

from gateway.policy.patterns import Regexp, compile_re2


class Verdict(msgspec.Struct, frozen=True):
    """Why a value may not pass. `pattern` is the one that denied it, `None` when none of the allow list matched."""

    rule_set: str
    pattern: str | None


class CompiledRule:
    """The patterns of one dimension of one set. Immutable."""

    __slots__ = ("_allow", "_deny", "_rule_set")

    def __init__(self, rule_set: str, deny: Sequence[str], allow: Sequence[str] | None) -> None:
        self._rule_set = rule_set
        self._deny = _compile(deny)
        self._allow = None if allow is None else _compile(allow)

    def refuses(self, *spellings: str) -> Verdict | None:
        """The verdict on a value, which may be spelled in several ways: denied if one is, allowed if one is."""
        for pattern, expression in self._deny:
            for text in spellings:
                if expression.search(text) is not None:
                    return Verdict(self._rule_set, pattern)
        if self._allow is None:
            return None
        for _, expression in self._allow:
            for text in spellings:
                if expression.search(text) is not None:
                    return None
        return Verdict(self._rule_set, None)


def _compile(patterns: Sequence[str]) -> tuple[tuple[str, Regexp], ...]:
    return tuple((pattern, compile_re2(pattern)) for pattern in patterns)
