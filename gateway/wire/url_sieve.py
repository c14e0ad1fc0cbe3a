r"""Telling at one go that no URL of a text has to be looked at: each is plainly written, and no pattern refuses it.

One RE2 expression goes over the candidates as they are sent, and finds what is suspect: a denied pattern, wherever it
matches, or a URL that could mean anything else than what is written. What is plainly written is lower-case scheme and
host with a path, `https://docs.example/a/b?c=d`, and ends at a sign that ends it for everybody; then nothing but its
own characters says where it leads (see `url_reading`). All else is suspect: ports, user information, escapes,
addresses, hosts without a path, URLs in URLs, and whatever is not ASCII.

A URL may go on behind line ends and tabs. So where one may, candidates are searched without them, too.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import re2

_SCHEME: Final = r"[Hh][Tt][Tt][Pp][Ss]?:"
_NOT_LOWER: Final = (
    r"H[Tt][Tt][Pp][Ss]?:",
    r"[Hh]T[Tt][Pp][Ss]?:",
    r"[Hh][Tt]T[Pp][Ss]?:",
    r"[Hh][Tt][Tt]P[Ss]?:",
    r"[Hh][Tt][Tt][Pp]S:",
)
_HOST: Final = r"[a-z0-9_.-]"
_PATH: Final = r"[A-Za-z0-9._~!$&'()*+,;=:@/-]"
_END: Final = r'[ "<>\\^`{|}]'
_BEYOND: Final = r'[^ "<>\\^`{|}]'
"""What goes on with a URL; signs of JSON's own end its string, and with it the URL."""

_SUSPECT: Final = (
    *_NOT_LOWER,
    r"https?:(?:[^/]|/[^/])",
    # A host with other signs, none at all, one without a path, one that begins with a dot, or has two in a row.
    rf"https?://{_HOST}*[^a-z0-9_./-]",
    rf"https?://(?:\.|{_HOST}*\.\.)",
    # Its last label is a name.
    rf"https?://(?:{_HOST}*\.)?(?:|[0-9_-][a-z0-9_-]*|[a-z0-9-]*_[a-z0-9_-]*)/",
    # A segment that is one of dots, or a sign that parsers escape.
    rf"https?://{_HOST}+/(?:{_PATH}*/)?\.",
    rf"https?://{_HOST}+/{_PATH}*[%\[\]\x00-\x1f\x7f]",
    # Another one inside, and escapes other than of a quote or a line end.
    rf"https?://{_BEYOND}*{_SCHEME}",
    rf"https?://{_BEYOND}*(?:\x00|\\[^\"nrt])",
)
_ANCHORS: Final = re.compile(
    r"""\\Q | \\[AzbB] | \\. | \[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\] | [\^$]""", re.VERBOSE | re.DOTALL
)
_LINE_END: Final = re.compile(rb"\\[nrt]")
_BACKSLASHES: Final = re.compile(rb"\\\\")
_GOES_ON: Final = re2.compile(rf"\\[nrt](?:{_BEYOND}|\\[^\"nrt])")
"""A line end behind which a URL may go on; mostly one ends there anyway."""


class UrlSieve:
    """The suspects of some denied patterns."""

    __slots__ = ("_suspect",)

    def __init__(self, suspect: str, options: Any) -> None:
        self._suspect = re2.compile(suspect, options)

    def passes(self, candidates: Iterable[bytes]) -> bool:
        """Whether nothing is suspect in candidates as they stand in strings of JSON."""
        # Each ends at a space, as what stands there may have ended it.
        text = b" ".join((*candidates, b""))
        # Beyond ASCII letters may be white space, and what is no UTF-8 is nothing that an expression could match.
        if not text.isascii() or self._suspect.search(text) is not None:
            return False
        return _GOES_ON.search(text) is None or self._suspect.search(_without_line_ends(text)) is None


def _without_line_ends(text: bytes) -> bytes:
    if _BACKSLASHES.search(text) is not None:
        text = text.replace(rb"\\", b"\0\0")
    return _LINE_END.sub(b"", text)


def sieve_for(deny: Iterable[str]) -> UrlSieve | None:
    """The sieve of denied patterns; `None` where one of them cannot be searched for within a text."""
    loose = [_without_anchors(pattern) for pattern in deny]
    if any(one is None for one in loose):
        return None
    options = re2.Options()
    options.never_capture = True
    options.log_errors = False
    options.max_mem = 8 * 1024 * 1024
    try:
        return UrlSieve("|".join((*_SUSPECT, *(f"(?:{one})" for one in loose))), options)
    except re2.error:
        return None


def _without_anchors(pattern: str) -> str | None:
    """A pattern that matches wherever in a text the given one matches a part; `None` where that is hard to tell."""
    if r"\Q" in pattern:
        return None
    return _ANCHORS.sub(lambda found: "(?:)" if found[0] in _EDGES else found[0], pattern)


_EDGES: Final = frozenset(("^", "$", r"\A", r"\z", r"\b", r"\B"))
