"""Google's Gemini API, in its own shape (https://ai.google.dev/api) and in OpenAI's.

The latter by its compatible endpoint: https://ai.google.dev/gemini-api/docs/openai.
"""

from gateway.config.sections.providers import GeminiProvider
from gateway.providers.base import SpokenAsWritten, is_path_segment, path_segment
from gateway.providers.header_set import HeaderSet
from gateway.providers.timeouts import ProviderTimeouts, timeouts_of
from gateway.secret import Secret
from gateway.shapes.addresses import method_of
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.vendor import Vendor
from gateway.upstream.request import Headers, Transport

_BASE_URL = "https://generativelanguage.googleapis.com"
_COMPATIBLE = ("chat_completions", "embeddings", "images_generations")


class Gemini(SpokenAsWritten):
    """One API key."""

    def __init__(self, name: str, section: GeminiProvider, transport: Transport) -> None:
        self.name = name
        self.type: str = section.type
        self.models = tuple(section.models)
        self.transport = transport
        self.timeouts: ProviderTimeouts = timeouts_of(section.timeouts)
        host = (section.base_url or _BASE_URL).rstrip("/").removesuffix("/openai").removesuffix("/v1beta")
        self._base_url = f"{host}/v1beta"
        self.models_url = f"{self._base_url}/openai/models"
        bearer = Secret(f"Bearer {section.api_key.reveal()}")
        self._headers = HeaderSet([("authorization", bearer)], section.headers)
        self._own_headers = HeaderSet([("x-goog-api-key", section.api_key)], section.headers)

    def serves(self, endpoint: Endpoint, model: str) -> bool:
        """Everything of Google's own shape; chat, embeddings and images of OpenAI's."""
        if endpoint.shape.vendor is Vendor.GOOGLE:
            return is_path_segment(model)
        return endpoint.name in _COMPATIBLE

    def url(self, endpoint: Endpoint, model: str, *, stream: bool) -> str:
        """The model's URL with its method, or the compatible endpoint's."""
        if endpoint.shape.vendor is Vendor.GOOGLE:
            return f"{self._base_url}/models/{path_segment(model)}:{method_of(endpoint, stream=stream)}"
        return f"{self._base_url}/openai{endpoint.suffix}"

    def wire_model(self, _endpoint: Endpoint, model: str) -> str:
        """Models keep their names."""
        return model

    def prepare_headers(self, headers: Headers, endpoint: Endpoint) -> None:
        """The key, where each of the two APIs has it."""
        (self._own_headers if endpoint.shape.vendor is Vendor.GOOGLE else self._headers).apply(headers)
