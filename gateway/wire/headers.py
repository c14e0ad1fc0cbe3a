"""Which headers cross the gateway, in both directions: tables by what a header means; everything else passes."""

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

_CREDENTIALS: Final = frozenset(
    (
        "authorization",
        "cookie",
        "cookie2",
        "x-api-key",
        "api-key",  # Azure OpenAI
        "ocp-apim-subscription-key",  # Azure's services and its API Management
        "x-functions-key",
        "x-goog-api-key",
        "x-goog-iam-authorization-token",
        "x-serverless-authorization",  # Cloud Run
        "cf-aig-authorization",  # Cloudflare's AI Gateway
        "cf-access-client-id",
        "cf-access-client-secret",
        "cf-access-jwt-assertion",
        "cf-access-token",
        "helicone-auth",
        "modal-key",
        "modal-secret",
        "x-litellm-api-key",
        "x-portkey-api-key",
    )
)
"""What proves to a provider who calls; the gateway has its own."""

_ACCOUNTS: Final = frozenset(
    (
        "openai-organization",  # https://platform.openai.com/docs/api-reference/authentication
        "openai-project",
        "chatgpt-account-id",
        "x-organization-id",
        "anthropic-organization-id",
        "anthropic-user-profile-id",
        "anthropic-workspace-id",
        "x-goog-user-project",  # https://cloud.google.com/apis/docs/system-parameters
        "x-goog-quota-user",
        "x-goog-iam-authority-selector",
        "x-hf-bill-to",  # https://huggingface.co/docs/inference-providers/pricing
        "x-dashscope-workspace",  # https://www.alibabacloud.com/help/en/model-studio
        "azureml-model-deployment",
        "x-ms-deployment-name",
        "x-amzn-account-id",
        "x-amzn-bedrock-projectidentifier",  # botocore's model of Bedrock's runtime
    )
)
"""What chooses or names the account that is billed, or a place within it."""

_CLIENT_ADDRESS: Final = frozenset(
    (
        "forwarded",  # RFC 7239
        "via",
        "cdn-loop",  # RFC 8586
        "x-forwarded",
        "x-real-ip",
        "x-client-ip",
        "x-client-cert",
        "x-cluster-client-ip",
        "x-original-forwarded-for",
        "x-originating-ip",
        "x-remote-ip",
        "x-remote-addr",
        "x-host",
        "x-original-host",
        "true-client-ip",
        "fastly-client-ip",
        "fly-client-ip",
        "x-azure-clientip",
        "x-azure-socketip",
        "x-arr-clientcert",
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "cf-connecting-o2o",
        "cf-ipcountry",
        "cf-pseudo-ipv4",
        "cf-ray",
        "cf-visitor",
        "cf-worker",
    )
)
"""What proxies say of the client and of the way to here."""

_OTHER_REQUESTS: Final = frozenset(
    (
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-method",
        "x-original-uri",
        "x-original-url",
        "x-rewrite-url",
        "http2-settings",  # RFC 7540, section 3.2.1
    )
)
"""What makes some servers read another request than the one that was judged."""

_OTHER_ANSWERS: Final = frozenset(("x-goog-fieldmask",))
"""What keeps figures of usage out of an answer (https://cloud.google.com/apis/docs/system-parameters)."""

_BAGGAGE: Final = "baggage"

_REQUEST_STAYS: Final = frozenset(
    (
        *_HOP_BY_HOP,
        *_CREDENTIALS,
        *_ACCOUNTS,
        *_CLIENT_ADDRESS,
        *_OTHER_REQUESTS,
        *_OTHER_ANSWERS,
        "host",
        "content-length",
        "content-encoding",  # the body is sent decoded
        "expect",  # answered here
        "accept-encoding",  # the answer has to come as it is
        "traceparent",  # the gateway's own span goes on in its place
        "tracestate",
        _BAGGAGE,  # what the caller tells its own services
    )
)
_REQUEST_PREFIXES: Final = (
    "x-langwatch-",
    "x-forwarded-",
    "x-amz-",  # AWS signatures and temporary credentials
    "x-appengine-",
    "x-envoy-",
    "x-goog-authenticated-user-",
    "x-ms-client-principal",
    "x-ms-token-aad-",
    "ssl-client-",
)

_RESPONSE_STAYS: Final = frozenset(
    (
        *_HOP_BY_HOP,
        *_ACCOUNTS,
        "content-length",  # the server states it anew where the body is whole
        "set-cookie",
        "set-cookie2",
        "server",
        # What speaks of the provider's host, not of this one, and what a browser would act on.
        "accept-ch",
        "alt-svc",
        "clear-site-data",
        "critical-ch",
        "expect-ct",
        "nel",
        "public-key-pins",
        "public-key-pins-report-only",
        "refresh",
        "report-to",
        "reporting-endpoints",
        "service-worker-allowed",
        "set-login",
        "speculation-rules",
        "www-authenticate",
        "strict-transport-security",
        # What makes a proxy in front of the gateway answer with files of its own.
        "x-accel-redirect",
        "x-lighttpd-send-file",
        "x-reproxy-url",
        "x-sendfile",
        # The gateway speaks for itself.
        "traceparent",
        "tracestate",
    )
)
_RESPONSE_PREFIXES: Final = (
    "x-langwatch-",
    "x-ms-client-principal",
    "access-control-",  # which sites' scripts may read what the gateway answers
    "attribution-reporting-",
)

_REMEMBERED: Final = 1024


class _Crossing:
    """Which names cross in one direction, an underscore read as the hyphen that CGI and WSGI take it for.

    PERF: clients and providers send the same few names over and over, so what was found of a name is remembered in
    `known`: the name as it goes on, empty where it stays.
    """

    __slots__ = ("_prefixes", "_stays", "known")

    def __init__(self, stays: frozenset[str], prefixes: tuple[str, ...]) -> None:
        self._stays = stays
        self._prefixes = prefixes
        self.known: dict[str | bytes, str] = {}

    def judge(self, written: str | bytes) -> str:
        """The name, which is in lower case, as it goes on; empty where it stays."""
        name = written if isinstance(written, str) else written.decode("latin-1")
        plain = name.replace("_", "-")
        is_twin = plain == "content-type" and plain != name
        found = "" if is_twin or plain in self._stays or plain.startswith(self._prefixes) else name
        if len(self.known) < _REMEMBERED:
            self.known[written] = found
        return found


_REQUEST: Final = _Crossing(_REQUEST_STAYS, _REQUEST_PREFIXES)
_REQUEST_WITH_BAGGAGE: Final = _Crossing(_REQUEST_STAYS - {_BAGGAGE}, _REQUEST_PREFIXES)
_RESPONSE: Final = _Crossing(_RESPONSE_STAYS, _RESPONSE_PREFIXES)


def request_headers(headers: Iterable[tuple[bytes, bytes]], *, with_baggage: bool = False) -> Headers:
    """What goes upstream of a client's headers (lower-case names, as ASGI has them), `baggage` only if it says so.

    The server's parser lets no line break into a value, so none can be smuggled on.
    """
    crossing = _REQUEST_WITH_BAGGAGE if with_baggage else _REQUEST
    known = crossing.known
    passing: Headers = []
    named: set[str] = set()
    for written, value in headers:
        name = known.get(written)
        if name is None:
            name = crossing.judge(written)
        if name:
            passing.append((name, value.decode("latin-1")))
        elif written == b"connection":
            named.update(_tokens(value.decode("latin-1")))
    return _without(passing, named) if named - {"keep-alive", "close"} else passing


def response_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """What goes to the client of a provider's headers (lower-case names)."""
    known = _RESPONSE.known
    passing: Headers = []
    named: set[str] = set()
    for header in headers:
        written = header[0]
        name = known.get(written)
        if name is None:
            name = _RESPONSE.judge(written)
        if name:
            passing.append(header)
        elif written == "connection":
            named.update(_tokens(header[1]))
    return _without(passing, named) if named - {"keep-alive", "close"} else passing


def _tokens(connection: str) -> Iterable[str]:
    return [token.strip().lower() for token in connection.split(",")]


def _without(headers: Headers, named: set[str]) -> Headers:
    """The headers but for those that `Connection` names."""
    return [header for header in headers if header[0] not in named]
