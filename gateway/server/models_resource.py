"""`/v1/models`: the names that the presented key may send, in the list shape of OpenAI, Anthropic or Google."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any

import falcon.asgi
import msgspec

from gateway import ids
from gateway.errors import GatewayError
from gateway.pipeline.admit import authenticate
from gateway.pipeline.resolve import callable_models, resolution
from gateway.pipeline.services import Services
from gateway.pipeline.states import Received
from gateway.server import error_response
from gateway.server.provider_models import ProviderModels
from gateway.server.response_headers import of_gateway
from gateway.shapes.endpoints import ENDPOINTS
from gateway.shapes.vendor import Vendor
from gateway.snapshot.holder import Holder
from gateway.snapshot.snapshot import CompiledKey, Snapshot

Json = dict[str, Any]

_OF_GOOGLE = "/v1beta/"
_METHODS = ("generateContent", "countTokens", "embedContent")
_ENVELOPES = {
    Vendor.OPENAI: ENDPOINTS["chat_completions"].shape.envelope,
    Vendor.ANTHROPIC: ENDPOINTS["messages"].shape.envelope,
    Vendor.GOOGLE: ENDPOINTS["generate_content"].shape.envelope,
}
_OF_CODEX = b"client_version="
_EPOCH = "1970-01-01T00:00:00Z"


class ModelsResource:
    """GET on the list and on one model: what the file declares, and what providers list, or the catalogue of them."""

    def __init__(self, holder: Holder[Snapshot], services: Services) -> None:
        self._holder = holder
        self._services = services
        self._listed = ProviderModels()

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """The list."""

        async def answer(received: Received, key: CompiledKey) -> Json:
            listed = _list(list(await self._callable(key)), _vendor_of(received))
            # Codex wants its own form, in which a model comes with the prompt to send: of those it keeps what it has.
            return {**listed, "models": []} if _OF_CODEX in received.query else listed

        await self._answer(request, response, answer)

    async def on_get_model(self, request: falcon.asgi.Request, response: falcon.asgi.Response, model: str) -> None:
        """One model, or 404; names that are not listed, such as `openai/gpt-5`, are found as a call would find them."""

        async def answer(received: Received, key: CompiledKey) -> Json:
            listed = dict(callable_models(key, {}))
            provider = listed.get(model) or _provider_called(received.snapshot, key, model)
            provider = provider or dict(await self._callable(key)).get(model)
            if provider is None:
                raise GatewayError("model_not_found", f"This key can call no model named {model!r}.")
            return _model(model, provider, _vendor_of(received))

        await self._answer(request, response, answer)

    async def _callable(self, key: CompiledKey) -> Iterator[tuple[str, str]]:
        listed = await self._listed.of(one.provider for one in key.upstreams.values())
        return callable_models(key, listed)

    async def _answer(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        answer: Callable[[Received, CompiledKey], Awaitable[Json]],
    ) -> None:
        request_id = request.context.request_id = ids.request_id()
        scope = request.scope
        endpoint = ENDPOINTS["chat_completions"]
        if scope["path"].startswith(_OF_GOOGLE):
            endpoint = ENDPOINTS["generate_content"]
        received = Received(
            self._holder.current, endpoint, scope["headers"], scope["query_string"], request_id, scope["client"][0]
        )
        try:
            key = authenticate(received, self._services.guesses)
            response.data = msgspec.json.encode(await answer(received, key))
            response.content_type = "application/json"
        except GatewayError as error:
            self._services.metrics.refused(error.type, error.code)
            error_response.write(response, error, _ENVELOPES[_vendor_of(received)])
        response.set_headers(of_gateway(received))


def _provider_called(snapshot: Snapshot, key: CompiledKey, model: str) -> str | None:
    """Where a name leads that this key may call; not where a provider would be asked for whatever name comes."""
    for endpoint in ENDPOINTS.values():
        with suppress(GatewayError):
            found = resolution(snapshot, key, endpoint, model)
            if found.source != "only_provider":
                return found.candidates[0].upstream.provider.name
    return None


def _vendor_of(received: Received) -> Vendor:
    """Whose clients ask: they say so by the path, or by a header that no others send."""
    if b"anthropic-version" in received.header_map:
        return Vendor.ANTHROPIC
    is_of_google = received.endpoint.shape.vendor is Vendor.GOOGLE or b"x-goog-api-key" in received.header_map
    return Vendor.GOOGLE if is_of_google else Vendor.OPENAI


def _list(models: list[tuple[str, str]], vendor: Vendor) -> Json:
    data = [_model(name, provider, vendor) for name, provider in models]
    if vendor is Vendor.GOOGLE:
        return {"models": data}
    if vendor is Vendor.OPENAI:
        return {"object": "list", "data": data}
    return {
        "data": data,
        "has_more": False,
        "first_id": models[0][0] if models else None,
        "last_id": models[-1][0] if models else None,
    }


def _model(name: str, provider: str, vendor: Vendor) -> Json:
    if vendor is Vendor.GOOGLE:
        return {"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": _METHODS}
    if vendor is Vendor.ANTHROPIC:
        return {"type": "model", "id": name, "display_name": name, "created_at": _EPOCH}
    return {"id": name, "object": "model", "created": 0, "owned_by": provider}
