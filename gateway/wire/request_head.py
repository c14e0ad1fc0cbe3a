"""What is wrong with the head of a client's request, as far as a server hands it on.

Whatever stands before the gateway reads the same head, and decides by it: which host, which path, where the body ends.
A head that two readers may read in two ways is refused (RFC 9110, RFC 9112), and so is a path that another reader would
make another of.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import chain
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

MOST_FIELDS: Final = 100
"""The server's own bound, which nothing sets."""

_SIGNS_OF_A_LINE: Final = len(": \r\n")
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")
"""RFC 3986, section 3.2.2, but for a comma: several lines joined to one have it."""

_PLAIN_PATH: Final = re.compile(rb"(?:/[A-Za-z0-9_~@:+-][A-Za-z0-9_~@:+.-]*)*/?")
_ESCAPES: Final = re.compile(rb"(?:[^%]|%[0-9A-Fa-f]{2})*")
_UNREADABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\\\\]")
_NOWHERE: Final = ("", ".", "..")


class HeadFaultKind(StrEnum):
    """What kind of answer a fault gets."""

    BAD_REQUEST = "bad_request"
    TOO_LARGE = "head_too_large"
    TRANSFER_CODING = "transfer_coding_unsupported"


class HeadFault(NamedTuple):
    """Why a request is refused by its head alone."""

    kind: HeadFaultKind
    message: str


def head_fault(
    version: str, target: bytes, query: bytes, headers: Sequence[tuple[bytes, bytes]], most_bytes: int
) -> HeadFault | None:
    """What is wrong with a head.

    Args:
        version: `1.0` or `1.1`: only the latter has to name its host.
        target: The path as it was sent.
        query: What came behind `?`.
        headers: Every line, names in lower case.
        most_bytes: Of all of it.
    """
    # PERF: no step for each line, and hardly any request has two of one name.
    fields, lines = dict(headers), len(headers)
    names = [name for name, _ in headers] if len(fields) < lines else []
    size = len(target) + len(query) + sum(map(len, chain.from_iterable(headers))) + _SIGNS_OF_A_LINE * lines
    if size > most_bytes or lines > MOST_FIELDS:
        message = f"The request's head has more than {most_bytes} bytes or {MOST_FIELDS} fields."
        return HeadFault(HeadFaultKind.TOO_LARGE, message)
    if names.count(b"transfer-encoding") > 1 or fields.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        return HeadFault(HeadFaultKind.TRANSFER_CODING, "The only Transfer-Encoding that is read is chunked, once.")
    host = fields.get(b"host", b"")
    if names.count(b"host") > 1 or ((host or version == "1.1") and _HOST.fullmatch(host) is None):
        return HeadFault(HeadFaultKind.BAD_REQUEST, "The request has to name its host in one Host header.")
    return None


def asks_for_websocket(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a head begins the opening handshake of RFC 6455."""
    return any(name == b"upgrade" and value.strip().lower() == b"websocket" for name, value in headers)


def path_fault(target: bytes, named_below: Iterable[bytes] = ()) -> HeadFault | None:
    """What is wrong with a path as it was sent, which is decoded once and by nobody else.

    Args:
        target: The path.
        named_below: Below these, such as `/v1/models/`, one segment may hold encoded slashes: it is a name.
    """
    if _PLAIN_PATH.fullmatch(target) or target == b"*":
        return None
    if not target.startswith(b"/") or _ESCAPES.fullmatch(target) is None:
        return _bad_path("cannot be read")
    names = 0
    for segment in target[1:].removesuffix(b"/").split(b"/"):
        try:
            text = unquote_to_bytes(segment).decode()
        except UnicodeDecodeError:
            return _bad_path("is not UTF-8")
        if _UNREADABLE.search(text):
            return _bad_path("has a control character or a backslash")
        steps = text.split("/")
        names += len(steps) > 1
        if any(step in _NOWHERE for step in steps):
            return _bad_path("has a segment that is empty, `.` or `..`")
    if names > 1 or (names and not target.startswith(tuple(named_below))):
        return _bad_path("has an encoded slash where no name stands")
    return None


def _bad_path(problem: str) -> HeadFault:
    return HeadFault(
        HeadFaultKind.BAD_REQUEST, f"The path {problem}; see docs/request.md for the paths of the gateway."
    )
