"""One rule, compiled: deny is asked first, then a value has to match the allow list where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.policy.patterns import Regexp, compile_re2


@dataclass(frozen=True)
class Verdict:
    """Why a value may not pass. `pattern` is the one that denied it, `None` when none of the allow list matched."""

    rule_set: str
    pattern: str | None


class CompiledRule:
    """The patterns of one dimension of one set. Immutable. Raises `ValueError` for a malformed pattern."""

    __slots__ = ("_allow", "_deny", "_rule_set")

    def __init__(self, rule_set: str, deny: Sequence[str], allow: Sequence[str] | None) -> None:
        self._rule_set = rule_set
        self._deny = _Patterns(deny)
        self._allow = None if allow is None else _Patterns(allow)

    def refuses(self, *spellings: str) -> Verdict | None:
        """The verdict on a value, which may be spelled in several ways: denied if one is, allowed if one is."""
        texts = _utf8(spellings)
        denial = self._denial(texts)
        if denial is not None or self._allow is None or self._allow.first_match(texts) is not None:
            return denial
        return Verdict(self._rule_set, None)

    def denies(self, *spellings: str) -> Verdict | None:
        """The verdict of the deny patterns alone: denied if one of the spellings is."""
        return self._denial(_utf8(spellings))

    def _denial(self, texts: Sequence[bytes]) -> Verdict | None:
        pattern = self._deny.first_match(texts)
        return None if pattern is None else Verdict(self._rule_set, pattern)


def _utf8(spellings: Sequence[str]) -> list[bytes]:
    """What RE2 works on. Half a surrogate pair has none, but must not end the judging either."""
    return [spelling.encode("utf-8", "surrogatepass") for spelling in spellings]


class _Patterns:
    """Patterns that are searched together.

    PERF: one alternation of them all answers whether any matches, in the time that one pattern takes; which one it is
    has to be found only for the few values that do match. `re2.Set` reports "no match" where it runs out of memory,
    which would let a denied value pass.
    """

    __slots__ = ("_any", "_each")

    def __init__(self, patterns: Sequence[str]) -> None:
        self._each = tuple((pattern, compile_re2(pattern)) for pattern in patterns)
        self._any = _alternation(patterns)

    def first_match(self, texts: Sequence[bytes]) -> str | None:
        """The first pattern that matches any of the texts."""
        if self._any is not None and not any(self._any.search(text) for text in texts):
            return None
        for pattern, expression in self._each:
            if any(expression.search(text) for text in texts):
                return pattern
        return None


def _alternation(patterns: Sequence[str]) -> Regexp | None:
    """All patterns as one; `None` where that gains nothing, is too large, or would change what a pattern means."""
    if len(patterns) < 2 or any(r"\Q" in pattern for pattern in patterns):  # noqa: PLR2004 - one needs no joining
        return None
    try:
        return compile_re2("|".join(f"(?:{pattern})" for pattern in patterns))
    except ValueError:
        return None
