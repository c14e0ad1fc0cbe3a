r"""Finding the URLs that policy rules judge: every http(s) URL in any string of a body.

A URL ends at white space (Unicode's too), quotes, angle brackets and other characters that no URL may have (RFC 3986,
appendix C); trailing punctuation belongs to the sentence around it. Three things that hide a URL from a pattern such as
`^https?://169\.254\.` are brought to light: a URL that stands within another one is found as well; one with other signs
before its host than `//` (`http:/host`, `http:///host`, `http:\\host`: all the same to what reads URLs as browsers do,
https://url.spec.whatwg.org) is found a second time with `//`, and one with none (`http:host`) only so; one with user
information before its host (`https://name@host`) is found a further time without it.
"""

import re
from collections.abc import Iterator

from gateway.wire.json_tokens import STRING, text_of_literal

# Any letter and the colon may be written as an escape `\u00..`.
_MAY_BE_URL = re.compile(rb"[hH][tT][tT][pP](?:[sS]?[:\\])|\\u00")
_SCHEME = re.compile(r"(https?:)([/\\]++)", re.IGNORECASE)
_URL = re.compile(
    r"(https?:)([/\\]++)[^\s\"<>\\^`{|}]++(?:(?:(?<=http:)|(?<=https:))[/\\]++[^\s\"<>\\^`{|}]*+)*+",
    re.IGNORECASE,
)
# PERF: searched for by its colon, since few of them are there and letters in any case are slow to find.
_WITHOUT_SLASHES = re.compile(r":(?![/\\?#])(?:(?<=(http:))|(?<=(https:)))", re.IGNORECASE)
_USER_INFORMATION = re.compile(r"[^\s/\\?#]*@")
_REST = re.compile(r"[^\s\"<>\\^`{|}]*")
_TRAILING = (
    ".,;:!?)]}'*"
    "\u00bb\u2019\u201d\u2026\u3001\u3002\u300b\u300d\u300f\u3011"  # closing quotes and brackets, full stops
    "\uff01\uff09\uff0c\uff1a\uff1b\uff1f"  # the first line in full width
)


def urls_in_json(data: bytes) -> Iterator[tuple[int, str]]:
    """(offset of the string, URL) for every string of a JSON text, keys included."""
    return _urls_in_strings(data) if _may_have_url(data) else iter(())


def _may_have_url(data: bytes) -> bool:
    """PERF: many bodies have none, and looking into each of their strings takes several times as long as this."""
    lower = data.lower()
    if b"http" in lower and (b"http:" in lower or b"https:" in lower):
        return True
    return b"\\" in data and b"\\u00" in data


def _urls_in_strings(data: bytes) -> Iterator[tuple[int, str]]:
    for match in STRING.finditer(data):
        literal = match[1]
        if _MAY_BE_URL.search(literal) is not None:
            for url in urls_in_text(text_of_literal(literal)):
                yield match.start(), url


def urls_in_text(text: str) -> Iterator[str]:
    """Every URL in a text, in linear time."""
    for match in _URL.finditer(text):
        start, end = match.span()
        yield from _spellings(text, match, end)
        within = list(_SCHEME.finditer(text, start + 1, end))
        ends = [*(inner.start() for inner in within[1:]), end]
        for inner, following in zip(within, ends, strict=False):
            yield from _spellings(text, inner, following)
    yield from _without_slashes(text)


def _spellings(text: str, match: re.Match[str], end: int) -> Iterator[str]:
    yield text[match.start() : end].rstrip(_TRAILING)
    host = match.end(2)
    if match[2] != "//":
        yield f"{match[1]}//{text[host:end].rstrip(_TRAILING)}"
    user = _USER_INFORMATION.match(text, host)
    if user is not None:
        host = user.end()
        # User information may hold signs that no URL may have, and so reach beyond its end.
        rest = _REST.match(text, host) if host > end else None
        yield f"{match[1]}//{(text[host:end] if rest is None else rest[0]).rstrip(_TRAILING)}"


def _without_slashes(text: str) -> Iterator[str]:
    """Each of these ends where the next one begins: nothing else would keep searches from overlapping."""
    schemes = [(match[1] or match[2], match.end()) for match in _WITHOUT_SLASHES.finditer(text)]
    ends = [*(host - len(scheme) for scheme, host in schemes[1:]), len(text)]
    for (scheme, host), end in zip(schemes, ends, strict=False):
        user = _USER_INFORMATION.match(text, host, end)
        for begin in (host,) if user is None else (host, user.end()):
            rest = _REST.match(text, begin, end)
            bare = "" if rest is None else rest[0].rstrip(_TRAILING)
            if bare:
                yield f"{scheme}//{bare}"
