"""Writing the head of an HTTP/1.1 request (RFC 9112, sections 3 and 5)."""

import re
from urllib.parse import SplitResult, unquote

from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.proxy import Proxy
from gateway.upstream.request import UpstreamRequest

_ILLEGAL_IN_TARGET = re.compile(r"[^\x21-\x7e]")
_CLIMBS = re.compile(r"(?:\A|[/\\])\.{1,2}(?:;[^/\\]*)?(?:[/\\]|\Z)")
_LINES_BEHIND_FIELDS = 2


def opening(url: SplitResult, proxy: Proxy | None) -> str:
    """Target, version, host: what requests to one URL have in common, behind the method.

    A forward `proxy` that is sent the request itself wants the whole URL in its line, and its own credential. Raises
    `UpstreamFailure` of kind PROTOCOL for a URL that would break out of its line, or out of the place that it names.
    """
    host = url.netloc.rpartition("@")[2]
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    if proxy is not None:
        target = f"{url.scheme}://{host}{target}"
    if _ILLEGAL_IN_TARGET.search(target) is not None:
        raise UpstreamFailure(FailureKind.PROTOCOL, "the URL has a character that no URL may have")
    if climbs(url.path):
        raise UpstreamFailure(FailureKind.PROTOCOL, "the path of the URL has a segment `.` or `..`")
    opened = f" {target} HTTP/1.1\r\nhost: {host}\r\n"
    if proxy is None or proxy.authorization is None:
        return opened
    return f"{opened}proxy-authorization: {proxy.authorization}\r\n"


def climbs(path: str) -> bool:
    """Whether a path leads elsewhere than it says, for any server that reads it: one may decode it, or do so twice."""
    return _CLIMBS.search(unquote(unquote(path))) is not None


def request_head(request: UpstreamRequest, opened: str) -> bytes:
    """Request line and header fields, up to and with the empty line; `opened` is the `opening` of its URL.

    Raises `UpstreamFailure` of kind PROTOCOL when a field would break out of its line: a head is never sent in part.
    """
    fields = [f"{name}: {value}\r\n" for name, value in request.headers]
    head = f"{request.method}{opened}{''.join(fields)}content-length: {request.length}\r\n\r\n"
    lines = len(fields) + opened.count("\n") + _LINES_BEHIND_FIELDS
    if head.count("\n") != lines or head.count("\r") != lines or "\0" in head:
        raise UpstreamFailure(FailureKind.PROTOCOL, "a request header has a line break in it")
    try:
        return head.encode("latin-1")
    except UnicodeEncodeError:
        raise UpstreamFailure(FailureKind.PROTOCOL, "a request header has a character beyond Latin-1") from None
