"""What providers say themselves that they serve: asked for the list of models, and remembered for a while.

https://platform.openai.com/docs/api-reference/models/list, https://docs.anthropic.com/en/api/models-list.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from gateway import clock
from gateway.providers.base import Provider
from gateway.providers.well_known_models import names_of_maker
from gateway.shapes.endpoints import ENDPOINTS
from gateway.upstream.failure import UpstreamFailure
from gateway.upstream.request import Headers, UpstreamRequest, UpstreamResponse
from gateway.wire.unreadable import UNREADABLE

_PATIENCE_S: Final = 2.0
_REMEMBERED_S: Final = 300.0
_FAILURE_S: Final = 30.0
_LARGEST: Final = 4 * 1024 * 1024
_MOST: Final = 2000
_OK: Final = 200


class _Model(msgspec.Struct):
    id: str


class _Listed(msgspec.Struct):
    data: list[_Model]


_decode = msgspec.json.Decoder(_Listed).decode


class ProviderModels:
    """The lists of providers. One that does not answer in time is taken to have what the price catalogue says of it."""

    def __init__(self) -> None:
        self._known: dict[Provider, tuple[float, Sequence[str]]] = {}
        self._asking: dict[Provider, asyncio.Task[Sequence[str]]] = {}

    async def of(self, providers: Iterable[Provider]) -> dict[str, Sequence[str]]:
        """The models of each provider that has a list, by its name; all are asked at the same time."""
        asked = [one for one in providers if one.models_url is not None and not one.models]
        lists = await asyncio.gather(*map(self._of, asked))
        return {one.name: names for one, names in zip(asked, lists, strict=True)}

    async def _of(self, provider: Provider) -> Sequence[str]:
        now = clock.monotonic()
        known = self._known.get(provider)
        if known is not None and known[0] > now:
            return known[1]
        asking = self._asking.get(provider)
        if asking is None:
            asking = self._asking[provider] = asyncio.ensure_future(self._found(provider))
            asking.add_done_callback(lambda _: self._asking.pop(provider, None))
        # Whoever leaves does not end it for others.
        return await asyncio.shield(asking)

    async def _found(self, provider: Provider) -> Sequence[str]:
        names = await _ask(provider)
        now = clock.monotonic()
        # Providers of revisions that are gone are asked by nobody again.
        self._known = {one: entry for one, entry in self._known.items() if entry[0] > now}
        found = names_of_maker(provider.type) if names is None else names
        self._known[provider] = now + (_FAILURE_S if names is None else _REMEMBERED_S), found
        return found


async def _ask(provider: Provider) -> Sequence[str] | None:
    """What a provider lists; `None` where it does not answer, or lists nothing that can be read."""
    url = provider.models_url
    if url is None:
        return None
    headers: Headers = []
    provider.prepare_headers(headers, ENDPOINTS["chat_completions"])
    headers.append(("accept-encoding", "identity"))
    request = UpstreamRequest(
        method="GET",
        url=url,
        headers=headers,
        body=b"",
        connect_timeout_s=_PATIENCE_S,
        first_byte_timeout_s=_PATIENCE_S,
        idle_timeout_s=_PATIENCE_S,
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            response = await provider.transport.send(request)
            try:
                body = await _whole(response) if response.status == _OK else b""
            finally:
                await response.close()
        return tuple(dict.fromkeys(_name(one.id) for one in _decode(body).data[:_MOST]))
    except (TimeoutError, UpstreamFailure, *UNREADABLE):
        return None


async def _whole(response: UpstreamResponse) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while (piece := await response.read_chunk()) is not None:
        pieces.append(piece)
        size += len(piece)
        if size > _LARGEST:
            return b""
    return b"".join(pieces)


def _name(listed: str) -> str:
    """Google lists `models/gemini-2.5-pro`."""
    return listed.removeprefix("models/")
