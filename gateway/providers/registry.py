"""Which class speaks to which type of provider: one line each."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.providers.anthropic import Anthropic
from gateway.providers.azure import Azure
from gateway.providers.base import Provider
from gateway.providers.openai import OpenAI
from gateway.providers.simulator.provider import Simulator
from gateway.upstream.request import Transport

PROVIDERS: Final[Mapping[str, Callable[[str, Any, Transport], Provider]]] = {
    "anthropic": Anthropic,
    "azure": Azure,
    "custom": OpenAI,
    "openai": OpenAI,
    "simulator": Simulator,
}


def build(name: str, section: Any, transport: Transport) -> Provider:
    """The provider that a section of the file describes. Raises `ValueError` for a type that cannot be called yet."""
    construct = PROVIDERS.get(section.type)
    if construct is None:
        msg = f"providers of type {section.type} cannot be called by this version"
        raise ValueError(msg)
    return construct(name, section, transport)
