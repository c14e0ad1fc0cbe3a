"""Which headers cross the gateway, in both directions. One table each way; everything else passes."""

from collections.abc import Iterable
from typing import Final

Headers = list[tuple[str, str]]

_HOP_BY_HOP: Final = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
"""RFC 9110, section 7.6.1, and the fields of RFC 2616 that old peers still send."""

_REQUEST_STAYS: Final = frozenset(
    name.encode()
    for name in (
        *_HOP_BY_HOP,
        "host",
        "content-length",
        "content-encoding",  # the body is sent decoded
        "expect",  # answered here
        "accept-encoding",  # the answer has to come as it is
        "authorization",
        "x-api-key",
        "api-key",
        "cookie",
        "forwarded",  # says who the client is, like x-forwarded-*
        "x-real-ip",
        "traceparent",  # the gateway's own span goes on in its place
        "tracestate",
    )
)
_REQUEST_PREFIXES: Final = (b"x-langwatch-", b"x-forwarded-")

_RESPONSE_STAYS: Final = frozenset(
    (
        *_HOP_BY_HOP,
        "content-length",  # the server states it anew where the body is whole
        "set-cookie",
        "server",
        "alt-svc",  # speaks of the provider's host, not of this one
        "strict-transport-security",
        # Whatever names the upstream account.
        "openai-organization",
        "openai-project",
        "anthropic-organization-id",
        "x-goog-user-project",
        "x-ms-client-principal-name",
        "azureml-model-deployment",
        "x-ms-deployment-name",
        "x-amzn-account-id",
        # The gateway speaks for itself.
        "traceparent",
        "tracestate",
    )
)


def request_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """What goes upstream of a client's headers (lower-case names, as ASGI has them).

    The server's parser lets no line break into a value, so none can be smuggled on.
    """
    passing: Headers = []
    named: set[bytes] = set()
    for name, value in headers:
        if name in _REQUEST_STAYS:
            if name == b"connection":
                named.update(token.strip().lower() for token in value.split(b","))
        elif not name.startswith(_REQUEST_PREFIXES):
            passing.append((name.decode("latin-1"), value.decode("latin-1")))
    if named - {b"keep-alive", b"close"}:
        return [header for header in passing if header[0].encode("latin-1") not in named]
    return passing


def response_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """What goes to the client of a provider's headers (lower-case names)."""
    passing: Headers = []
    named: set[str] = set()
    for header in headers:
        name = header[0]
        if name in _RESPONSE_STAYS:
            if name == "connection":
                named.update(token.strip().lower() for token in header[1].split(","))
        elif not name.startswith("x-langwatch-"):
            passing.append(header)
    if named - {"keep-alive", "close"}:
        return [header for header in passing if header[0] not in named]
    return passing
