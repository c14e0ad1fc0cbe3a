"""Anthropic's API (https://docs.anthropic.com/en/api)."""

from urllib.parse import urlsplit

from gateway.config.sections.providers import AnthropicProvider
from gateway.providers.base import SpokenAsWritten
from gateway.providers.header_set import HeaderSet
from gateway.providers.timeouts import ProviderTimeouts, timeouts_of
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.vendor import Vendor
from gateway.upstream.request import Headers, Transport

_HOST = "api.anthropic.com"
_BASE_URL = f"https://{_HOST}"
_VERSION = ("anthropic-version", "2023-06-01")


class Anthropic(SpokenAsWritten):
    """A base URL that `/v1/messages` is appended to, as in Anthropic's SDKs, and `x-api-key`."""

    def __init__(self, name: str, section: AnthropicProvider, transport: Transport) -> None:
        self.name = name
        self.type: str = section.type
        self.models = tuple(section.models)
        self.transport = transport
        self.timeouts: ProviderTimeouts = timeouts_of(section.timeouts)
        self._base_url = (section.base_url or _BASE_URL).rstrip("/").removesuffix("/v1")
        self.models_url = f"{self._base_url}/v1/models?limit=1000"
        # Servers that are compatible with Anthropic's API sign nothing.
        self.signs_thinking = urlsplit(self._base_url).hostname == _HOST
        self._headers = HeaderSet([("x-api-key", section.api_key)], section.headers)

    def serves(self, endpoint: Endpoint, _model: str) -> bool:
        """Every endpoint of Anthropic's shape."""
        return endpoint.shape.vendor is Vendor.ANTHROPIC

    def url(self, endpoint: Endpoint, _model: str, *, stream: bool) -> str:  # noqa: ARG002
        """The base URL and the endpoint's path."""
        return self._base_url + endpoint.path

    def wire_model(self, _endpoint: Endpoint, model: str) -> str:
        """Models keep their names."""
        return model

    def prepare_headers(self, headers: Headers, _endpoint: Endpoint) -> None:
        """The key, and a version of the API where the client names none."""
        self._headers.apply(headers)
        if not any(name == "anthropic-version" for name, _ in headers):
            headers.append(_VERSION)
