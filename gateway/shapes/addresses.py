"""Paths that name the model, as Google's, Amazon's and Microsoft's own clients ask: which endpoint each of them is.

Google AI: https://ai.google.dev/api; Vertex AI: https://cloud.google.com/vertex-ai/docs/reference/rest, with Claude by
`rawPredict` (https://docs.anthropic.com/en/api/claude-on-vertex-ai); Bedrock's InvokeModel
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html); Azure's deployments
(https://learn.microsoft.com/azure/ai-foundry/openai/reference).
"""

import enum
import re
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from gateway.errors import GatewayError
from gateway.shapes.endpoints import ENDPOINTS, Endpoint
from gateway.wire.request_body import RequestBody


class Form(enum.Enum):
    """Whose form of an API a request has that names its model in the path."""

    GOOGLE = "google"
    VERTEX = "vertex"
    BEDROCK = "bedrock"
    AZURE = "azure"


class Address(NamedTuple):
    """What a path says. `streams` is `None` where the body says whether the answer is to come as a stream.

    `model` is `None` where it stands in the body as well.
    """

    endpoint: Endpoint
    model: str | None
    streams: bool | None
    form: Form

    def tell(self, body: RequestBody) -> None:
        """The body says what its path says: the model, and whether to stream. Raises `bad_request` where it objects."""
        if self.model is not None:
            body.model = self.model
        if self.streams is None:
            return
        if body.raw("stream") not in (None, b"true" if self.streams else b"false"):
            raise GatewayError("bad_request", "`stream` says something else than the path.", param="stream")
        body.stream = self.streams

    def query_of(self, query: bytes) -> bytes:
        """What of a query says something to the provider: the version of Azure's API is that of the file."""
        if self.form is not Form.AZURE:
            return query
        return b"&".join(one for one in query.split(b"&") if not one.lower().startswith(b"api-version="))


_MODELS: Final = re.compile(
    rb"(?:/v1(?:alpha|beta)?[0-9]?)?(?:/projects/[^/]+/locations/[^/]+)?(?:/publishers/(?P<publisher>[^/]+))?"
    rb"/models/(?P<model>.+):(?P<method>[A-Za-z]+)"
)
_BEDROCK: Final = re.compile(rb"/model/(?P<model>[^/]+)/(?P<action>invoke|invoke-with-response-stream)")
_AZURE: Final = re.compile(rb"/openai/deployments/(?P<model>[^/]+)(?P<path>/[a-z/]+)")

_METHODS: Final[Mapping[bytes, tuple[str, bool]]] = {
    b"generateContent": ("generate_content", False),
    b"streamGenerateContent": ("generate_content", True),
    b"countTokens": ("google_count_tokens", False),
    b"embedContent": ("embed_content", False),
    b"batchEmbedContents": ("batch_embed_contents", False),
}
_PREDICTS: Final[Mapping[bytes, bool]] = {b"rawPredict": False, b"streamRawPredict": True}
_COUNTS: Final = b"count-tokens"
_OF_AZURE: Final[Mapping[bytes, str]] = {
    endpoint.suffix.encode(): endpoint.name
    for name in (
        *("chat_completions", "completions", "embeddings", "images_generations", "images_edits"),
        *("audio_speech", "audio_transcriptions", "audio_translations"),
    )
    for endpoint in (ENDPOINTS[name],)
}
_NOT_PREFIXED: Final = (b"google", b"anthropic")
_LEADS: Final = (b"/v1", b"/models/", b"/projects/", b"/publishers/", b"/model/", b"/openai/")


def address_of(target: bytes) -> Address | None:
    """What a path says, as it was sent; `None` for one that names no model, or nothing that is served."""
    if not target.startswith(_LEADS):
        return None
    if (found := _AZURE.fullmatch(target)) is not None:
        name = _OF_AZURE.get(found["path"])
        return None if name is None else Address(ENDPOINTS[name], _named(found["model"]), None, Form.AZURE)
    if (found := _BEDROCK.fullmatch(target)) is not None:
        streams = found["action"] != b"invoke"
        return Address(ENDPOINTS["messages"], _named(found["model"]), streams, Form.BEDROCK)
    # Some clients encode the colon before the method.
    found = _MODELS.fullmatch(target.replace(b"%3A", b":"))
    return None if found is None else _of_method(found["publisher"], found["model"], found["method"])


def _of_method(publisher: bytes | None, model: bytes, method: bytes) -> Address | None:
    """A method of a model's at Google's.

    A publisher other than Google and Anthropic stands before the name, as its SDK takes `openai/gpt-5` apart.
    """
    if method in _METHODS:
        name, streams = _METHODS[method]
        if publisher is not None and publisher not in _NOT_PREFIXED:
            model = publisher + b"/" + model
        return Address(ENDPOINTS[name], _named(model), streams, Form.GOOGLE)
    if method not in _PREDICTS or publisher != b"anthropic":
        return None
    if model == _COUNTS:
        return Address(ENDPOINTS["messages_count_tokens"], None, False, Form.VERTEX)
    return Address(ENDPOINTS["messages"], _named(model), _PREDICTS[method], Form.VERTEX)


def method_of(endpoint: Endpoint, *, stream: bool) -> str:
    """The method by which Google's servers serve an endpoint of their own shape."""
    return _METHOD_OF[endpoint.name, stream and endpoint.name == "generate_content"]


_METHOD_OF: Final = {says: method.decode() for method, says in _METHODS.items()}


def _named(segment: bytes) -> str:
    return unquote_to_bytes(segment).decode()
