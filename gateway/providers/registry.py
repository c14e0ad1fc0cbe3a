"""Which class speaks to which type of provider: one line each."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from gateway.providers.anthropic import Anthropic
from gateway.providers.azure import Azure
from gateway.providers.base import Provider
from gateway.providers.bedrock import Bedrock
from gateway.providers.credentials.base import Signer
from gateway.providers.gemini import Gemini
from gateway.providers.openai import OpenAI
from gateway.providers.simulator.provider import Simulator
from gateway.providers.vertex import Vertex
from gateway.upstream.request import Transport

PROVIDERS: Final[Mapping[str, Callable[[str, Any, Transport], Provider]]] = {
    "anthropic": Anthropic,
    "azure": Azure,
    "bedrock": Bedrock,
    "custom": OpenAI,
    "gemini": Gemini,
    "openai": OpenAI,
    "simulator": Simulator,
    "vertex": Vertex,
}


class ProviderSet:
    """The providers of one process. One whose section did not change stays the same, credentials and all."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._built: dict[str, tuple[Any, Provider]] = {}
        self._retired: list[Signer] = []

    def build(self, sections: Mapping[str, Any]) -> dict[str, Provider]:
        """The providers that the sections of a file describe, by name."""
        before, self._built = self._built, {}
        for name, section in sections.items():
            known = before.pop(name, None)
            if known is not None and known[0] == section:
                self._built[name] = known
            else:
                self._built[name] = section, PROVIDERS[section.type](name, section, self._transport)
                self._retire(known)
        for known in before.values():
            self._retire(known)
        return {name: provider for name, (_, provider) in self._built.items()}

    async def close_retired(self) -> None:
        """Ends the refreshing of credentials that no configuration needs any more; requests under way keep theirs."""
        retired, self._retired = self._retired, []
        for signer in retired:
            await signer.close()

    async def close(self) -> None:
        """Ends the refreshing of all credentials."""
        for known in self._built.values():
            self._retire(known)
        await self.close_retired()

    def _retire(self, known: tuple[Any, Provider] | None) -> None:
        if known is not None and known[1].signer is not None:
            self._retired.append(known[1].signer)
