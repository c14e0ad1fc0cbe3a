"""Writing the head of an HTTP/1.1 request (RFC 9112, sections 3 and 5)."""

import re
from urllib.parse import SplitResult

from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamRequest

_ILLEGAL_IN_TARGET = re.compile(r"[^\x21-\x7e]")


def request_head(request: UpstreamRequest, url: SplitResult, *, absolute: bool) -> bytes:
    """Request line and header fields, up to and with the empty line.

    `absolute` writes the whole URL into the request line, as a forward proxy wants it. Raises `UpstreamFailure` of kind
    PROTOCOL when a field would break out of its line: a head is never sent in part.
    """
    target = f"{url.path or '/'}?{url.query}" if url.query else url.path or "/"
    if absolute:
        target = f"{url.scheme}://{url.netloc.rpartition('@')[2]}{target}"
    if _ILLEGAL_IN_TARGET.search(target) is not None:
        raise UpstreamFailure(FailureKind.PROTOCOL, "the URL has a character that no URL may have")
    lines = [f"{request.method} {target} HTTP/1.1", f"host: {url.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    lines.append(f"content-length: {len(request.body)}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1 or "\0" in head:
        raise UpstreamFailure(FailureKind.PROTOCOL, "a request header has a line break in it")
    try:
        return head.encode("latin-1") + b"\r\n\r\n"
    except UnicodeEncodeError:
        raise UpstreamFailure(FailureKind.PROTOCOL, "a request header has a character beyond Latin-1") from None
