r"""What may be URLs in a JSON text, each spelling once: a few searches over all of it, and no look at its strings.

A candidate goes from a scheme to the next space, or to the end of its string. No URL goes beyond a space, whoever
reads it, so that the candidates of a text have the same URLs as its strings. A scheme can be written so that no search
for its letters finds it: with escapes (`\u0068ttp:`), with line ends or tabs within it, or with U+017F for its last
letter. Then a text is doubtful, and its strings have to be looked through.
"""

import re
from collections.abc import Generator, Iterator
from typing import Any, Final, NamedTuple

import re2

from gateway.turns import at_once

_OPTIONS: Final = re2.Options()
_OPTIONS.never_capture = True

# PERF: each of these begins with letters to which RE2 leaps; together they would take five times as long.
_SCHEME: Final = re2.compile(r"(?i)https?:", _OPTIONS)
_ESCAPED: Final = re2.compile(r"\\u(?:00(?:0[9aAdD]|3[aA]|[46]8|[57][034])|017[fF])", _OPTIONS)
"""Letters of a scheme, its colon, and what may stand anywhere within it."""

_LINE_END_BEFORE_COLON: Final = re2.compile(r"\\[nrt](?i:(?:t?t?p)?s?):", _OPTIONS)
_SPLIT_SCHEME: Final = re2.compile(r"(?i)h{0}t{0}t{0}p{0}(?:s{0})?:".format(r"(?:\\[nrt])*"), _OPTIONS)

# PERF: `re` finds letters of one case in a fifth of the time that it takes for those of both, and goes over signs by
# what they are faster than by what they are not: all but space, quote and backslash.
_GOES_ON: Final = rb"[\x00-\x1f!#-\[\]-\xff]*+"
_CANDIDATE: Final = rb"(https?:%b(?:\\.%b)*+)" % (_GOES_ON, _GOES_ON)
_IN_LOWER_CASE: Final = re.compile(_CANDIDATE, re.DOTALL)
_IN_ANY_CASE: Final = re.compile(_CANDIDATE, re.DOTALL | re.IGNORECASE)
_BETWEEN_CANDIDATES: Final = re2.compile(r' |[^\\]"', _OPTIONS)
_WINDOW: Final = 64 * 1024
_LONGEST: Final = 256 * 1024
"""Bytes beyond a window in which a candidate has to end; what may be longer is looked through in steps."""

_STEP: Final = 512 * 1024
"""Bytes that RE2 searches in one step: a millisecond, whatever they are."""

_SCHEME_BYTES: Final = 8
_BACKSLASH: Final = ord("\\")
_QUICK_BYTES: Final = 1024 * 1024


class Window(NamedTuple):
    """A part of a text: where it begins and ends, and its pieces in turn: what is none, and a candidate."""

    begin: int
    end: int
    pieces: list[bytes]

    @property
    def candidates(self) -> list[bytes]:
        """All of them, as often as they stand there."""
        return self.pieces[1::2]

    def offsets(self, candidates: set[bytes]) -> Iterator[tuple[int, bytes]]:
        """Where each of some candidates begins in the text for the first time, with the candidate."""
        at = self.begin
        told: set[bytes] = set()
        for number, piece in enumerate(self.pieces):
            if number % 2 and piece in candidates and piece not in told:
                told.add(piece)
                yield at, piece
            at += len(piece)


def may_have_scheme(data: bytes) -> bool:
    """Whether a JSON text may have a URL in a string; true for one of more than a mebibyte."""
    return len(data) > _QUICK_BYTES or _SCHEME.search(data) is not None or at_once(is_doubtful(data))


def is_doubtful(data: bytes) -> Generator[None, None, bool]:
    """Whether a scheme may be written so that it cannot be searched for; in steps."""
    if (yield from _found(_ESCAPED, data)):
        return True
    if not (yield from _found(_LINE_END_BEFORE_COLON, data)):
        return False
    return len(data) > _QUICK_BYTES or _SPLIT_SCHEME.search(data) is not None


def _found(pattern: Any, data: bytes) -> Generator[None, None, bool]:
    for begin in range(0, len(data), _STEP):
        if begin:
            yield
        if pattern.search(data, begin, begin + _STEP + _SCHEME_BYTES) is not None:
            return True
    return False


def windows(data: bytes) -> Iterator[Window | None]:
    """All parts of a text that is not doubtful, one in a step; `None` for one that is after all, or that takes long."""
    begin = 0
    while begin < len(data):
        bound = begin + _WINDOW + _LONGEST
        cut = _BETWEEN_CANDIDATES.search(data, begin + _WINDOW, bound) if begin + _WINDOW < len(data) else None
        end = len(data) if cut is None else cut.end()
        if cut is None and bound < len(data):
            # A picture, say, which what stands before it has nothing to do with.
            quote = data.rfind(b'"', begin + 1, begin + _WINDOW)
            end = quote + 1 if quote > 0 and data[quote - 1] != _BACKSLASH else 0
        if not end:
            if _SCHEME.search(data, begin, bound) is not None:
                yield None
                return
            yield Window(begin, bound, [])
            begin = bound - _SCHEME_BYTES
            continue
        part = data[begin:end]
        pieces = _IN_LOWER_CASE.split(part)
        if _SCHEME.search(b'"'.join(pieces[::2])) is not None:
            pieces = _IN_ANY_CASE.split(part)
            if _SCHEME.search(b'"'.join(pieces[::2])) is not None:
                yield None
                return
        yield Window(begin, end, pieces)
        begin = end
