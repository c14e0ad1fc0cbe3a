"""Azure OpenAI (https://learn.microsoft.com/azure/ai-foundry/openai/reference), in both of its URL forms.

Classic, by a dated `api_version`: `/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21`; the
deployment stands in the URL. Responses has no deployment there: `/openai/responses`, the model in the body.
v1: `/openai/v1/chat/completions`; the deployment is the body's model.
"""

from gateway.config.sections.providers import AzureProvider
from gateway.providers.base import SpokenAsWritten, is_path_segment, path_segment
from gateway.providers.credentials.entra import entra_signer
from gateway.providers.header_set import HeaderSet
from gateway.providers.timeouts import ProviderTimeouts, timeouts_of
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.vendor import Vendor
from gateway.upstream.request import Headers, Transport

_V1_VERSIONS = ("v1", "preview", "latest")
_NOT_BY_DEPLOYMENT = ("responses", "responses_compact", "responses_input_tokens")
_NOT_SERVED = ("moderations", "rerank")


class Azure(SpokenAsWritten):
    """One Azure OpenAI resource."""

    def __init__(self, name: str, section: AzureProvider, transport: Transport) -> None:
        self.name = name
        self.type: str = section.type
        self.models = tuple(dict.fromkeys((*section.models, *section.deployments)))
        self.transport = transport
        self.timeouts: ProviderTimeouts = timeouts_of(section.timeouts)
        self._deployments = dict(section.deployments)
        self._classic = section.api_version not in _V1_VERSIONS
        self._base_url = section.base_url.rstrip("/").removesuffix("/openai/v1").removesuffix("/openai")
        self._query = "" if section.api_version == "v1" else f"?api-version={section.api_version}"
        entra = section.entra
        if entra is not None:
            self.signer = entra_signer(entra.tenant_id, entra.client_id, entra.client_secret, entra.authority)
        self._headers = HeaderSet([] if section.api_key is None else [("api-key", section.api_key)], section.headers)

    def serves(self, endpoint: Endpoint, model: str) -> bool:
        """OpenAI's shape, but for moderations and rankings, for which Azure has other services."""
        if endpoint.shape.vendor is not Vendor.OPENAI or endpoint.name in _NOT_SERVED:
            return False
        return endpoint.is_stored or not self._classic or is_path_segment(self._deployment(model))

    def url(self, endpoint: Endpoint, model: str, *, stream: bool) -> str:  # noqa: ARG002
        """The endpoint's URL in the form that the API version asks for."""
        if not self._classic:
            return f"{self._base_url}/openai/v1{endpoint.suffix}{self._query}"
        if endpoint.is_stored or endpoint.name in _NOT_BY_DEPLOYMENT:
            return f"{self._base_url}/openai{endpoint.suffix}{self._query}"
        deployment = path_segment(self._deployment(model))
        return f"{self._base_url}/openai/deployments/{deployment}{endpoint.suffix}{self._query}"

    def is_named_in_url(self, endpoint: Endpoint) -> bool:
        """The deployment, in the classic form."""
        return self._classic and endpoint.name not in _NOT_BY_DEPLOYMENT

    def wire_model(self, endpoint: Endpoint, model: str) -> str:
        """The deployment, where the body has to name it."""
        if self.is_named_in_url(endpoint):
            return model
        return self._deployment(model)

    def prepare_headers(self, headers: Headers, _endpoint: Endpoint) -> None:
        """The resource's key."""
        self._headers.apply(headers)

    def _deployment(self, model: str) -> str:
        return self._deployments.get(model, model)
