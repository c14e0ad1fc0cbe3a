r"""Finding the URLs that policy rules judge: every http(s) URL in any string of a body.

A URL ends at white space (Unicode's too), quotes, angle brackets and other characters that no URL may have (RFC 3986,
appendix C); trailing punctuation belongs to the sentence around it. A URL that stands within another one is found too.

What reads URLs as browsers do (https://url.spec.whatwg.org) takes many spellings for the one that a pattern such as
`^https?://169\.254\.` has in mind. So a URL is also found as the pattern expects it, when it has

- other signs before the host than `//` (`http:/host`, `http:///host`, `http:\\host`): with `//`;
- user information before the host (`https://name@host`): without it;
- nothing before the host (`http:host`): with `//`, where a letter, a digit or `[` begins a host;
- tabs and line ends anywhere (`ht\ntp:\t//host`): without them.

The last two are prose or code (`curl https:443`, a URL at the end of a line) more often than URLs. Therefore a finding
says whether it is certain: what is not is for deny patterns alone, since an allow list would refuse ordinary text.
"""

import re
from collections.abc import Iterator

from gateway.wire.json_tokens import STRING, text_of_literal

# PERF: schemes are searched for by their colon, since few of them are there and letters in any case are slow to find.
# In a JSON string, one that is split by tabs or line ends has `\n`, `\r` or `\t` last before a rest such as `tp:`.
_MAY_BE_SCHEME = re.compile(
    rb":(?<=[psnrt]:)(?:(?<=http:)|(?<=https:)"
    rb"|(?<=\\[nrt]:)|(?<=\\[nrt][ps]:)|(?<=\\[nrt](?:tp|ps):)|(?<=\\[nrt]t(?:tp|ps):)|(?<=\\[nrt]ttps:))",
    re.IGNORECASE,
)
_BEFORE_SLASHES = re.compile(r":(?=[/\\])(?:(?<=(http:))|(?<=(https:)))", re.IGNORECASE)
_WITHOUT_SLASHES = re.compile(r":(?![/\\?#])(?:(?<=(http:))|(?<=(https:)))", re.IGNORECASE)
_SCHEME = re.compile(r"(https?:)([/\\]++)", re.IGNORECASE)
_URL = re.compile(
    r"(https?:)([/\\]++)[^\s\"<>\\^`{|}]++(?:(?:(?<=http:)|(?<=https:))[/\\]++[^\s\"<>\\^`{|}]*+)*+",
    re.IGNORECASE,
)
_USER_INFORMATION = re.compile(r"[^\s/\\?#]*@")
_REST = re.compile(r"[^\s\"<>\\^`{|}]*")
_TRAILING = (
    ".,;:!?)]}'*"
    "\u00bb\u2019\u201d\u2026\u3001\u3002\u300b\u300d\u300f\u3011"  # closing quotes and brackets, full stops
    "\uff01\uff09\uff0c\uff1a\uff1b\uff1f"  # the first line in full width
)


def urls_in_json(data: bytes) -> Iterator[tuple[int, str, bool]]:
    """(offset of the string, URL, whether it is certain) for every string of a JSON text, keys included."""
    # PERF: many bodies have none, and looking into each of their strings takes several times as long as this.
    return _urls_in_strings(data) if _may_have_url(data) else iter(())


def _urls_in_strings(data: bytes) -> Iterator[tuple[int, str, bool]]:
    for match in STRING.finditer(data):
        literal = match[1]
        if _may_have_url(literal):
            for url, certain in urls_in_text(text_of_literal(literal)):
                yield match.start(), url, certain


def _may_have_url(data: bytes) -> bool:
    # Any letter, the colon and what stands between them may be written as an escape `\u00..`.
    return _MAY_BE_SCHEME.search(data) is not None or (b"\\" in data and b"\\u00" in data)


def urls_in_text(text: str) -> Iterator[tuple[str, bool]]:
    """(URL, whether it is certain) for every URL in a text, in linear time."""
    certain: set[str] = set()
    for url in _with_slashes(text):
        certain.add(url)
        yield url, True
    for url in _without_slashes(text):
        yield url, False
    joined = text.replace("\n", "").replace("\r", "").replace("\t", "")
    if len(joined) < len(text):
        for url in _with_slashes(joined):
            if url not in certain:
                yield url, False
        for url in _without_slashes(joined):
            yield url, False


def _with_slashes(text: str) -> Iterator[str]:
    end = 0
    for scheme in _BEFORE_SLASHES.finditer(text):
        # The group that took no part begins at -1.
        start = max(scheme.start(1), scheme.start(2))
        match = _URL.match(text, start) if start >= end else None
        if match is None:
            continue
        end = match.end()
        yield from _spellings(text, match, end)
        within = list(_SCHEME.finditer(text, start + 1, end))
        ends = [*(inner.start() for inner in within[1:]), end]
        for inner, following in zip(within, ends, strict=False):
            yield from _spellings(text, inner, following)


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
            if bare and (bare[0].isalnum() or bare[0] == "["):
                yield f"{scheme}//{bare}"
