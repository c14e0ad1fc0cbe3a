r"""Finding the URLs that policy rules judge: every http(s) URL in any string of a body, and every field that is one.

A URL ends at white space (Unicode's too), quotes, angle brackets and other characters that no URL may have (RFC 3986,
appendix C); trailing punctuation belongs to the sentence around it. A URL that stands within another one is found too.
What each of them means to whoever fetches it, `url_reading` says.

Some text is a URL to what reads it as browsers do (https://url.spec.whatwg.org), and prose or code more often:

- nothing before the host (`http:host`), where a letter, a digit or `[` begins a host;
- tabs and line ends anywhere (`ht\ntp:\t//host`), and a backslash behind the host.

Therefore a finding says whether it is certain: what is not is for deny patterns alone, since an allow list would refuse
ordinary text. Certain is all that stands where the API wants a URL, whatever it looks like.

All of it is done in short steps, between which the generators yield `None`, so that whoever drives them can let others
go first, however large the body is.
"""

import re
from collections.abc import Generator, Iterable, Iterator
from functools import lru_cache
from typing import Any, Protocol

import msgspec
import re2

from gateway.any_of import any_of
from gateway.errors import GatewayError
from gateway.wire.json_tokens import STEP, end_of_string, text_in_steps, text_of_literal, without_escapes
from gateway.wire.unreadable import UNREADABLE
from gateway.wire.url_candidates import Window, is_doubtful, may_have_scheme, windows
from gateway.wire.url_sieve import UrlSieve


class UrlPlaces(Protocol):
    """Where an API wants a URL."""

    @property
    def names(self) -> frozenset[str]:
        """The keys under which one may stand."""

    def holds(self, path: tuple[str | int, ...], /) -> bool:
        """Whether one stands at a path."""


Found = tuple[str, bool]
FoundAt = tuple[int, str, bool]

# PERF: schemes are searched for by their colon, since few of them are there and letters in any case are slow to find.
# In a JSON string, one that is split by tabs or line ends has `\n`, `\r` or `\t` last before a rest such as `tp:`.
_BEFORE_COLON = (
    rb"(?<=[psnrt]:)(?:(?<=http:)|(?<=https:)"
    rb"|(?<=\\[nrt]:)|(?<=\\[nrt][ps]:)|(?<=\\[nrt](?:tp|ps):)|(?<=\\[nrt]t(?:tp|ps):)|(?<=\\[nrt]ttps:))"
)
_MAY_BE_SCHEME = re.compile(rb":" + _BEFORE_COLON, re.IGNORECASE)
_BEFORE_SLASHES = re.compile(r":(?=[/\\])(?:(?<=(http:))|(?<=(https:)))", re.IGNORECASE)
_WITHOUT_SLASHES = re.compile(r":(?![/\\?#])(?:(?<=(http:))|(?<=(https:)))", re.IGNORECASE)
_SLASHES = re.compile(r"[/\\]+")
_AUTHORITY = re.compile(r"[^\s/\\?#]*+")
_USER_INFORMATION = re.compile(r"[^\s/\\?#]*@")
_REST = re.compile(r"[^\s\"<>\\^`{|}]*+")
_REST_WITH_BACKSLASHES = re.compile(r"[^\s\"<>^`{|}]*+")
_TRAILING = (
    ".,;:!?)]}'*"
    "\u00bb\u2019\u201d\u2026\u3001\u3002\u300b\u300d\u300f\u3011"  # closing quotes and brackets, full stops
    "\uff01\uff09\uff0c\uff1a\uff1b\uff1f"  # the first line in full width
)
_KEY_WITH_ESCAPES = re.compile(rb'"((?:[\w-]|\\u00[0-7][0-9A-Fa-f]){3,60})"(?=[ \t\r\n]*:)')
_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*"')
_ORDINARY = re.compile(rb'(?:https?://[a-z0-9][^\s"<>\\^`{|}@\x80-\xff]*+"|data:)')
"""What the search through strings finds whole, and what names no place."""

_LONG_BYTES = 4096
"""Bytes from which on RE2, which is linear in whatever is long, takes less time than `re`."""

_WINDOW = 512 * 1024
"""Bytes that RE2 searches in one step, and as many more as white space may have."""

_ESCAPED_LETTER = re2.compile(r"\\u00[4-7]")
_OPTIONS = re2.Options()
_OPTIONS.never_capture = True
_LONGEST_ESCAPED_KEY = 512
_SCHEME_LENGTH = len("https:/")
_REMEMBERED = 10_000
_LONGEST_REMEMBERED = 256
_LONGEST = 64 * 1024
"""Characters of a URL that are judged; whatever fetches URLs takes shorter ones."""


def may_have_urls(data: bytes, names: frozenset[str]) -> bool:
    """Whether a JSON text may have URLs in strings, or strings under one of these keys; true of a very long one."""
    if len(data) >= _LONG_BYTES:
        if may_have_scheme(data):
            return True
        return may_have_url_fields(data, names)
    return _mark_of_any(names).search(data) is not None or b"\\u00" in data


def may_have_url_fields(data: bytes, names: frozenset[str]) -> bool:
    """Whether a JSON text may have a string under one of these keys."""
    return bool(names) and (_field_of(names).search(data) is not None or _ESCAPED_LETTER.search(data) is not None)


def urls_in_json(
    data: bytes, sieve: UrlSieve | None = None, passed: set[bytes] | None = None
) -> Iterator[FoundAt | None]:
    """(offset within the string, URL, whether it is certain) for every string of a JSON text, keys included.

    What is written the same in several places is told once.

    Args:
        data: The text.
        sieve: What it lets pass is left out.
        passed: What was told before, and is left out. What is told, and after which the next is asked for, is added.
    """
    # PERF: nearly always candidates tell all; looking into each of the strings takes several times as long.
    if (yield from is_doubtful(data)):
        yield from urls_in_strings(data)
        return
    if passed is None:
        passed = set()
    for window in windows(data):
        if window is None:
            yield from urls_in_strings(data)
        elif window.pieces and not passed.issuperset(window.candidates):
            yield from _urls_in_window(window, sieve, passed)
        if window is not None and window.end < len(data):
            yield None


def _urls_in_window(window: Window, sieve: UrlSieve | None, passed: set[bytes]) -> Iterator[FoundAt | None]:
    if len(passed) > _REMEMBERED:
        passed.clear()
    new = {candidate for candidate in window.candidates if candidate not in passed}
    if sieve is not None and sieve.passes(new):
        passed.update(_worth_remembering(new))
        return
    for offset, candidate in window.offsets(new):
        if sieve is not None and sieve.passes((candidate,)):
            yield None
            continue
        text = yield from _text(b'"%s"' % candidate, 0, len(candidate) + 1)
        for found in urls_in_text(text):
            yield None if found is None else (offset, *found)
    passed.update(_worth_remembering(new))


def _worth_remembering(candidates: Iterable[bytes]) -> Iterator[bytes]:
    return (candidate for candidate in candidates if len(candidate) <= _LONGEST_REMEMBERED)


def urls_in_strings(data: bytes) -> Iterator[FoundAt | None]:
    """(offset of the string, URL, whether it is certain) for every string of a JSON text, keys included."""
    # PERF: many bodies have none, and looking into each of their strings takes several times as long as this.
    if not (yield from _may_have_url(data, 0, len(data))):
        return
    for string in _strings(data):
        if string is None:
            yield None
        else:
            yield from _urls_in_string(data, *string)


def _urls_in_string(data: bytes, offset: int, end: int) -> Iterator[FoundAt | None]:
    if (yield from _may_have_url(data, offset, end)):
        text = yield from _text(data, offset, end)
        for found in urls_in_text(text):
            yield None if found is None else (offset, *found)


def odd_fields(data: bytes, names: frozenset[str]) -> Iterator[tuple[int, str] | None]:
    """(offset, text) of every string under one of these keys that is not just what a search through text finds.

    The keys are given in lower case, and are found in any.
    """
    if not names:
        return
    for offset in _values_of(data, names):
        if offset is None or _ORDINARY.match(data, offset + 1, offset + _LONGEST) is not None:
            yield None
        else:
            end = yield from end_of_string(data, offset)
            text = yield from _text(data, offset, end)
            if len(text) > _LONGEST:
                if _is_data(text):
                    continue
                raise _too_long()
            yield offset, text


def urls_in_text(text: str) -> Iterator[Found | None]:
    """(URL, whether it is certain) for every URL in a text, in linear time."""
    certain: set[str] = set()
    for url in _with_slashes(text):
        if url is not None and url[1] and len(certain) < _REMEMBERED:
            certain.add(url[0])
        yield url
    yield from _without_slashes(text)
    joined = yield from _joined(text)
    if len(joined) < len(text):
        for url in _with_slashes(joined):
            if url is None or url[0] not in certain:
                yield None if url is None else (url[0], False)
        yield from _without_slashes(joined)


def _with_slashes(text: str) -> Iterator[Found | None]:
    end = 0
    for scheme in _schemes(_BEFORE_SLASHES, text):
        if scheme is None:
            yield None
            continue
        start, colon, following = scheme
        slashes = _SLASHES.match(text, colon, colon + _LONGEST)
        host = colon if slashes is None else slashes.end()
        is_outer = start >= end
        natural = _end(_REST, text, host, None if is_outer else following)
        at = text.rfind("@", host, _end_of_authority(text, host))
        if natural > host or at >= host:
            if is_outer:
                end = natural
            if natural > host:
                yield text[start:natural].rstrip(_TRAILING), True
            if text.startswith("\\", natural):
                longer = _end(_REST_WITH_BACKSLASHES, text, natural, following)
                yield text[start:longer].rstrip(_TRAILING), False
            if at >= natural:
                # User information may hold signs that no URL may have, and so reach beyond its end.
                yield text[start : _end(_REST, text, at + 1, None)].rstrip(_TRAILING), True


def _end(pattern: re.Pattern[str], text: str, start: int, limit: int | None) -> int:
    bound = start + _LONGEST if limit is None else max(start, limit)
    match = pattern.match(text, start, bound)
    return start if match is None else match.end()


def _end_of_authority(text: str, host: int) -> int:
    authority = _AUTHORITY.match(text, host, host + _LONGEST + 1)
    end = host if authority is None else authority.end()
    if end > host + _LONGEST:
        raise _too_long()
    return end


def _without_slashes(text: str) -> Iterator[Found | None]:
    """Each of these ends where the next one begins: nothing else would keep searches from overlapping."""
    for scheme in _schemes(_WITHOUT_SLASHES, text):
        if scheme is None:
            yield None
            continue
        start, host, following = scheme
        end = min(following, host + _LONGEST)
        user = _USER_INFORMATION.match(text, host, end)
        for begin in (host,) if user is None else (host, user.end()):
            rest = _REST.match(text, begin, end)
            bare = "" if rest is None else rest[0].rstrip(_TRAILING)
            if bare and (bare[0].isalnum() or bare[0] == "["):
                yield f"{text[start:host]}//{bare}", False


def _schemes(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int, int] | None]:
    """Where each scheme begins, where its colon ends, and where the next one begins, at the end of the text at last."""
    start, colon = -1, -1
    for window in range(0, len(text), STEP):
        if window:
            yield None
        edge = window + STEP
        for scheme in pattern.finditer(text, window, edge + _SCHEME_LENGTH):
            if scheme.start() >= edge:
                break
            # The group that took no part begins at -1.
            following = max(scheme.start(1), scheme.start(2))
            if colon >= 0:
                yield start, colon, following
            start, colon = following, scheme.end()
    if colon >= 0:
        yield start, colon, len(text)


def _joined(text: str) -> Generator[None, None, str]:
    """The text without tabs and line ends, which URLs may have anywhere."""
    pieces: list[str] = []
    for window in range(0, len(text), STEP):
        if window:
            yield None
        piece = text[window : window + STEP]
        pieces.append(piece.replace("\n", "").replace("\r", "").replace("\t", ""))
    return "".join(pieces)


def _may_have_url(data: bytes, start: int, end: int) -> Generator[None, None, bool]:
    while start < end:
        edge = min(start + STEP, end)
        # Any letter, the colon and what stands between them may be written as an escape `\u00..`.
        if data.find(b"\\u00", start, min(edge + 3, end)) >= 0 or _MAY_BE_SCHEME.search(data, start, edge) is not None:
            return True
        start += STEP
        if start < end:
            yield None
    return False


def _strings(data: bytes) -> Iterator[tuple[int, int] | None]:
    """Where each string of a JSON text begins and ends, at its quotes."""
    end, told = 0, 0
    while (start := data.find(b'"', end)) >= 0:
        end = yield from end_of_string(data, start)
        yield start, end
        end += 1
        if end - told > STEP:
            told = end
            yield None


@lru_cache(maxsize=64)
def _field_of(names: frozenset[str]) -> Any:
    """A string under one of these keys, up to its first quote. PERF: an API has the same ones for every request."""
    return re2.compile(rf'"(?i:{any_of(sorted(names))})"[ \t\r\n]*:[ \t\r\n]*"', _OPTIONS)


@lru_cache(maxsize=64)
def _mark_of_any(names: frozenset[str]) -> re.Pattern[bytes]:
    """The colon of what may be a scheme, or of one of these keys. PERF: one search for both; white space is rare."""
    behind = [_BEFORE_COLON]
    if names:
        endings = sorted({name.encode()[-3:] + b'"' for name in names})
        behind += [rb"(?<=[ \t\r\n]:)", *(rb"(?<=%s:)" % re.escape(ending) for ending in endings)]
    return re.compile(rb":(?:%s)" % b"|".join(behind), re.IGNORECASE)


def _values_of(data: bytes, names: frozenset[str]) -> Iterator[int | None]:
    """The offset of every string that stands under one of these keys, in whatever case."""
    field, end = _field_of(names), 0
    for window in range(0, len(data), _WINDOW):
        if window:
            yield None
        end = max(end, window)
        while (found := field.search(data, end, window + _WINDOW + STEP)) is not None:
            end = found.end()
            yield end - 1
    if _ESCAPED_LETTER.search(data) is None:
        return
    for window in range(0, len(data), STEP):
        if window:
            yield None
        if data.find(b"\\u00", window, window + STEP + _LONGEST_ESCAPED_KEY) < 0:
            continue
        for key in _KEY_WITH_ESCAPES.finditer(data, window, window + STEP + _LONGEST_ESCAPED_KEY):
            value = _VALUE.match(data, key.end(), key.end() + STEP)
            if value is not None and b"\\" in key[1] and text_of_literal(key[1]).lower() in names:
                yield value.end() - 1


def _text(data: bytes, start: int, end: int) -> Generator[None, None, str]:
    """What the string between two quotes says; in steps."""
    try:
        return _decode_text(memoryview(data)[start : end + 1])
    except UNREADABLE:
        text = yield from text_in_steps(data, start + 1, end)
        return without_escapes(text)


_decode_text = msgspec.json.Decoder(str).decode


def _is_data(text: str) -> bool:
    return text[:STEP].lstrip().lower().startswith("data:")


def _too_long() -> GatewayError:
    return GatewayError("bad_request", f"A URL of more than {_LONGEST} characters cannot be judged.")
