"""OpenAI's API (https://platform.openai.com/docs/api-reference), and any endpoint that speaks it."""

from collections.abc import Iterable

from gateway.config.sections.providers import CustomProvider, OpenAIProvider
from gateway.providers.base import SpokenAsWritten
from gateway.providers.header_set import HeaderSet
from gateway.providers.timeouts import ProviderTimeouts, timeouts_of
from gateway.secret import Secret
from gateway.shapes.endpoints import ENDPOINTS, Endpoint
from gateway.shapes.vendor import Vendor
from gateway.upstream.request import Headers, Transport

_BASE_URL = "https://api.openai.com/v1"


class OpenAI(SpokenAsWritten):
    """A base URL that `/chat/completions` is appended to, as in OpenAI's SDKs, and a bearer token."""

    def __init__(self, name: str, section: OpenAIProvider | CustomProvider, transport: Transport) -> None:
        self.name = name
        self.type: str = section.type
        self.models = tuple(section.models)
        self.transport = transport
        self.timeouts: ProviderTimeouts = timeouts_of(section.timeouts)
        base_url = (section.base_url or _BASE_URL).rstrip("/")
        self.models_url = f"{base_url}/models"
        self._base_url = base_url
        self._urls = {endpoint.name: base_url + endpoint.suffix for endpoint in ENDPOINTS.values()}
        self._headers = HeaderSet(_credentials(section), section.headers)
        self._ranks = isinstance(section, CustomProvider) or section.base_url is not None
        self._has_responses = not isinstance(section, CustomProvider) or section.responses

    def serves(self, endpoint: Endpoint, _model: str) -> bool:
        """Every endpoint of OpenAI's shape, but Responses where the file says that they are not there.

        OpenAI itself ranks nothing; compatible servers do.
        """
        if not self._has_responses and endpoint.name.startswith("responses"):
            return False
        if endpoint.name == "rerank" and not self._ranks:
            return False
        return endpoint.shape.vendor is Vendor.OPENAI

    def url(self, endpoint: Endpoint, _model: str, *, stream: bool) -> str:  # noqa: ARG002
        """The base URL and the endpoint's path below `/v1`."""
        return self._base_url + endpoint.suffix if endpoint.is_stored else self._urls[endpoint.name]

    def wire_model(self, _endpoint: Endpoint, model: str) -> str:
        """Models keep their names."""
        return model

    def prepare_headers(self, headers: Headers, _endpoint: Endpoint) -> None:
        """The bearer token, organization and project, and what the file adds."""
        self._headers.apply(headers)


def _credentials(section: OpenAIProvider | CustomProvider) -> Iterable[tuple[str, Secret]]:
    if section.api_key is not None:
        yield "authorization", Secret(f"Bearer {section.api_key.reveal()}")
    if isinstance(section, OpenAIProvider):
        if section.organization is not None:
            yield "openai-organization", Secret(section.organization)
        if section.project is not None:
            yield "openai-project", Secret(section.project)
