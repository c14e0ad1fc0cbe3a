"""Google's Gemini API through its OpenAI-compatible endpoint (https://ai.google.dev/gemini-api/docs/openai)."""

from gateway.config.sections.providers import GeminiProvider
from gateway.providers.base import SpokenAsWritten
from gateway.providers.header_set import HeaderSet
from gateway.providers.timeouts import ProviderTimeouts, timeouts_of
from gateway.secret import Secret
from gateway.shapes.endpoints import Endpoint
from gateway.upstream.request import Headers, Transport

_BASE_URL = "https://generativelanguage.googleapis.com"
_SERVED = ("chat_completions", "embeddings", "images_generations")


class Gemini(SpokenAsWritten):
    """One API key."""

    def __init__(self, name: str, section: GeminiProvider, transport: Transport) -> None:
        self.name = name
        self.type: str = section.type
        self.models = tuple(section.models)
        self.transport = transport
        self.timeouts: ProviderTimeouts = timeouts_of(section.timeouts)
        host = (section.base_url or _BASE_URL).rstrip("/").removesuffix("/v1beta/openai")
        self._base_url = f"{host}/v1beta/openai"
        self.models_url = f"{self._base_url}/models"
        bearer = Secret(f"Bearer {section.api_key.reveal()}")
        self._headers = HeaderSet([("authorization", bearer)], section.headers)

    def serves(self, endpoint: Endpoint, _model: str) -> bool:
        """Chat, embeddings and images."""
        return endpoint.name in _SERVED

    def url(self, endpoint: Endpoint, _model: str, *, stream: bool) -> str:  # noqa: ARG002
        """The compatible endpoint's URL."""
        return self._base_url + endpoint.suffix

    def wire_model(self, _endpoint: Endpoint, model: str) -> str:
        """Models keep their names."""
        return model

    def prepare_headers(self, headers: Headers, _endpoint: Endpoint) -> None:
        """The key."""
        self._headers.apply(headers)
