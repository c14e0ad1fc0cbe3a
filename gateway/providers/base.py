"""What a provider says about itself. It never knows of keys, budgets or fallback."""

import re
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from gateway.providers.credentials.base import Signer
from gateway.providers.timeouts import ProviderTimeouts
from gateway.shapes.cloud_messages import CloudForm
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.vendor import Vendor
from gateway.upstream.request import Headers, Transport


class Provider(Protocol):
    """One upstream account, ready to be called. Immutable; what does not depend on the request is prepared."""

    name: str
    type: str
    transport: Transport

    @property
    def models(self) -> Sequence[str]:
        """The models that the file says it serves."""

    @property
    def timeouts(self) -> ProviderTimeouts:
        """The deadlines of its calls."""

    @property
    def signer(self) -> Signer | None:
        """What proves who calls, where fixed headers are not enough."""

    @property
    def adapts(self) -> bool:
        """Whether `adapt` may change anything."""

    @property
    def models_url(self) -> str | None:
        """Where it lists its models in OpenAI's form, or in Anthropic's; `None` where it has no such list."""

    @property
    def form(self) -> CloudForm | None:
        """What it takes of Anthropic's Messages, where that is less than Anthropic does."""

    @property
    def signs_thinking(self) -> bool:
        """Whether it takes no thinking back that it has not signed, as Anthropic's own models do wherever they run."""

    def serves(self, endpoint: Endpoint, model: str, /) -> bool:
        """Whether the provider speaks this endpoint natively for this model."""

    def url(self, endpoint: Endpoint, model: str, /, *, stream: bool) -> str:
        """The absolute URL that the endpoint of this model has here; only asked when `serves` says yes."""

    def is_named_in_url(self, endpoint: Endpoint, /) -> bool:
        """Whether the URL alone says the model, so that the body need not."""

    def adapt(self, endpoint: Endpoint, body: bytes, headers: Headers, /, *, stream: bool) -> bytes:
        """The body as it goes over the wire, where that is not the API's own form; may move headers into it."""

    def wire_model(self, endpoint: Endpoint, model: str, /) -> str:
        """How the model is spelled in the body sent upstream (a deployment's name, say)."""

    def prepare_headers(self, headers: Headers, endpoint: Endpoint, /) -> None:
        """Adds credentials and configured headers to those of the client, replacing what has the same name."""


class SpokenAsWritten:
    """What most providers share: fixed headers prove who calls, and bodies go out in the API's own form."""

    signer: Signer | None = None
    adapts: bool = False
    signs_thinking: bool = False
    form: CloudForm | None = None
    models_url: str | None = None

    def is_named_in_url(self, endpoint: Endpoint) -> bool:
        """Of Google's own API alone."""
        return endpoint.shape.vendor is Vendor.GOOGLE

    def adapt(self, _endpoint: Endpoint, body: bytes, _headers: Headers, *, stream: bool) -> bytes:  # noqa: ARG002
        """The body, as it is."""
        return body


def is_path_segment(model: str) -> bool:
    """Whether a model's name can stand in a URL's path without leading elsewhere, for any server that reads it.

    Names that are ARNs have slashes, which are sent encoded. Some servers decode those, or decode twice, before they
    resolve `..`; some take what follows a `;` for parameters of the segment. So such names are served by nobody.
    """
    return _LEADS_ELSEWHERE.search(unquote(unquote(model))) is None


def path_segment(model: str, safe: str = "") -> str:
    """A model's name as one segment of a URL's path: percent-encoded once, `:` and `/` included."""
    return quote(model, safe=safe)


def with_query(url: str, query: bytes) -> str:
    """The URL with the client's query behind it, without what is set or is not the client's to say.

    That is what carries a credential, chooses the account, or keeps an answer from being read.
    """
    present = {name.lower() for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
    kept = [
        (name, value)
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        if name.lower() not in present and _is_the_clients(name, value)
    ]
    if not kept:
        return url
    return f"{url}{'&' if present else '?'}{urlencode(kept)}"


_LEADS_ELSEWHERE = re.compile(r"(?:\A|[/\\])(?:\.{0,2}(?:;[^/\\]*)?)(?:[/\\]|\Z)|[\x00-\x1f\x7f]")
"""A segment that is empty or goes nowhere or up, or a control character."""


def _is_the_clients(name: str, value: str) -> bool:
    """Whether a client may say this in a query. Google's servers read some names with a dollar before them, too."""
    plain = name.lower().removeprefix("$")
    return value.lower() in _READABLE if plain == "alt" else plain not in _NOT_THE_CLIENTS


_READABLE = ("json", "sse")
"""The forms of an answer, of those that Google's servers have, in which its usage can be read."""

_NOT_THE_CLIENTS = frozenset(
    (
        *("key", "api_key", "api-key", "apikey", "access_token", "oauth_token", "token", "passwd", "password"),
        *("workspace_id", "userproject", "quotauser"),
        # What else https://cloud.google.com/apis/docs/system-parameters has: which fields an answer has, in which form
        # it comes, and how the request is to be read.
        *("fields", "callback", "ct", "apiversion", "httpmethod", "httpheaders", "x-http-method-override"),
    )
)
