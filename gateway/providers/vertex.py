"""Google Vertex AI (https://cloud.google.com/vertex-ai/generative-ai/docs).

Gemini in its own shape (https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest) and, as open models,
through the OpenAI-compatible endpoint; Claude in Anthropic's own shape, by `rawPredict` and
`streamRawPredict` (https://docs.anthropic.com/en/api/claude-on-vertex-ai).
"""

from urllib.parse import quote

from gateway.config.sections.providers import VertexProvider
from gateway.providers.base import is_path_segment, path_segment
from gateway.providers.credentials.base import Signer
from gateway.providers.credentials.google import google_signer
from gateway.providers.header_set import HeaderSet
from gateway.providers.timeouts import ProviderTimeouts, timeouts_of
from gateway.shapes.addresses import method_of
from gateway.shapes.cloud_messages import VERTEX, CloudForm
from gateway.shapes.embeddings import PREDICTS
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.vendor import Vendor
from gateway.upstream.request import Headers, Transport
from gateway.wire.native_anthropic import versioned, without_members

_CLAUDE = "claude-"
_GOOGLE = "google/"
_NOT_SERVED = ("batch_embed_contents",)
_VERSION = "vertex-2023-10-16"
_COUNT_TOKENS = "count-tokens"
_MULTI_REGIONS = ("us", "eu")


class Vertex:
    """One project in one location."""

    adapts: bool = True
    signs_thinking: bool = True
    form: CloudForm | None = VERTEX
    models_url: str | None = None

    def __init__(self, name: str, section: VertexProvider, transport: Transport) -> None:
        self.name = name
        self.type: str = section.type
        self.models = tuple(section.models)
        self.transport = transport
        self.timeouts: ProviderTimeouts = timeouts_of(section.timeouts)
        self.signer: Signer | None = google_signer(section.credentials)
        base_url = (section.base_url or f"https://{_host(section.location)}").rstrip("/").removesuffix("/v1")
        place = f"projects/{quote(section.project, safe='')}/locations/{quote(section.location, safe='')}"
        self._base_url = f"{base_url}/v1/{place}"
        self._headers = HeaderSet([], section.headers)

    def serves(self, endpoint: Endpoint, model: str) -> bool:
        """Messages and their tokens for Claude, Google's own shape for Gemini, chat for everything else."""
        if _is_claude(model):
            return endpoint.name in ("messages", "messages_count_tokens") and is_path_segment(model)
        if endpoint.name == "predict":
            return PREDICTS.match(model.removeprefix(_GOOGLE)) is not None and is_path_segment(model)
        if endpoint.shape.vendor is Vendor.GOOGLE:
            own = model.removeprefix(_GOOGLE)
            return "/" not in own and is_path_segment(own) and endpoint.name not in _NOT_SERVED
        return endpoint.name == "chat_completions"

    def url(self, endpoint: Endpoint, model: str, *, stream: bool) -> str:
        """The compatible endpoint's URL, or that of Claude's publisher, where the model stands in it."""
        if endpoint.name == "chat_completions":
            return f"{self._base_url}/endpoints/openapi/chat/completions"
        if endpoint.shape.vendor is Vendor.GOOGLE:
            gemini = path_segment(model.removeprefix(_GOOGLE))
            method = "predict" if endpoint.name == "predict" else method_of(endpoint, stream=stream)
            return f"{self._base_url}/publishers/google/models/{gemini}:{method}"
        counts = endpoint.name == "messages_count_tokens"
        claude = _COUNT_TOKENS if counts else path_segment(model.removeprefix("anthropic/"), safe="@")
        action = "streamRawPredict" if stream and not counts else "rawPredict"
        return f"{self._base_url}/publishers/anthropic/models/{claude}:{action}"

    def wire_model(self, endpoint: Endpoint, model: str) -> str:
        """The compatible endpoint names the publisher too: `google/gemini-2.5-pro`."""
        if endpoint.name == "chat_completions" and "/" not in model:
            return f"google/{model}"
        return model.removeprefix(_GOOGLE if endpoint.shape.vendor is Vendor.GOOGLE else "anthropic/")

    def is_named_in_url(self, endpoint: Endpoint) -> bool:
        """But for chat and for the counting of Claude's tokens."""
        return endpoint.name not in ("chat_completions", "messages_count_tokens")

    def prepare_headers(self, headers: Headers, _endpoint: Endpoint) -> None:
        """What the file adds; the token comes with the signature."""
        self._headers.apply(headers)

    def adapt(self, endpoint: Endpoint, body: bytes, headers: Headers, *, stream: bool) -> bytes:  # noqa: ARG002
        """Anthropic's body with the version of Vertex, and without the model where the URL names it.

        Counting keeps the model, as
        https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/count-tokens has it.
        """
        if endpoint.shape.vendor is not Vendor.ANTHROPIC:
            return body
        headers[:] = [header for header in headers if header[0] != "anthropic-version"]
        left_out = () if endpoint.name == "messages_count_tokens" else ("model",)
        return versioned(without_members(body, left_out), _VERSION)


def _host(location: str) -> str:
    """The host of a location: global, a multi-region, or a region."""
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in _MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


def _is_claude(model: str) -> bool:
    return model.removeprefix("anthropic/").startswith(_CLAUDE)
