"""How a provider can serve an endpoint: as it is, or through the endpoint of another shape."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.lanes.base import Translation
from gateway.lanes.pairs import TRANSLATIONS
from gateway.providers.base import Provider
from gateway.shapes.endpoints import CONVERSE, ENDPOINTS, Endpoint


@dataclass(frozen=True)
class Lane:
    """The provider's endpoint, and what carries requests and answers across; `None` where bytes pass as they are."""

    endpoint: Endpoint
    translation: Translation | None


def lane_for(provider: Provider, endpoint: Endpoint, model: str) -> Lane | None:
    """The lane for a model at a provider; `None` when the provider cannot serve the endpoint at all."""
    if provider.serves(endpoint, model):
        return Lane(endpoint, None)
    for (asked, spoken), translation in TRANSLATIONS.items():
        if asked == endpoint.name and provider.serves(_SPOKEN[spoken], model):
            return Lane(_SPOKEN[spoken], translation)
    return None


_SPOKEN: Mapping[str, Endpoint] = {**ENDPOINTS, CONVERSE.name: CONVERSE}
