"""Lists of what a key stored: made anew from the index, with each object as its provider has it now.

No provider is asked for its own list, which would show what other keys of the account made.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl, quote

import msgspec

from gateway.errors import GatewayError
from gateway.ledger.stored_entry import IndexLostError, StoredObject
from gateway.pipeline.ask import failed
from gateway.pipeline.holds import limit, reserve_limits
from gateway.pipeline.homes import identity_of_key, owned, provider_called, state_unknown
from gateway.pipeline.own_calls import send, whole_of
from gateway.pipeline.relay import Reply
from gateway.pipeline.services import Services
from gateway.pipeline.settle import settle
from gateway.pipeline.states import Ended, Outbound, Received
from gateway.providers.base import Provider
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.vendor import Vendor
from gateway.snapshot.snapshot import CompiledKey
from gateway.upstream.failure import UpstreamFailure
from gateway.wire.headers import request_headers
from gateway.wire.unreadable import UNREADABLE

_USUAL: Final = 20
_MOST: Final = 100
_LOOKED_AT: Final = 300
"""Objects that are asked for at most to fill one page, where a filter leaves some out."""
_AT_ONCE: Final = 8
_NOT_FOUND: Final = 404
_ERRORS: Final = 400
_AFTER: Final = ("after", "after_id", "page")
_BEFORE: Final = ("before", "before_id")
_decode_object: Final = msgspec.json.Decoder(dict[str, Any]).decode


class _Wish(NamedTuple):
    """What a query asks for: how many, beyond which object, in which order, and only those of which this is true."""

    limit: int
    after: str | None
    before: str | None
    ascending: bool
    filters: Mapping[str, str]


async def list_own(received: Received, key: CompiledKey, services: Services) -> Reply:
    """A page of what the key stored of one kind. Raises `bad_request`, `not_found`, `overloaded` or a provider's."""
    await reserve_limits(received, limit(key, received.endpoint), services)
    wish = _wish(received.query)
    own = identity_of_key(received, key)
    behind = None
    cursor = wish.after or wish.before
    if cursor is not None:
        behind = (await owned(received, key, services, [cursor])).get(cursor)
        if behind is None:
            raise GatewayError("not_found", f"There is no {cursor[:64]!r} of this key.")
    backwards = wish.after is None and wish.before is not None
    ascending = wish.ascending != backwards
    shown: list[tuple[str, bytes]] = []
    looked_at, has_more = 0, True
    while len(shown) < wish.limit and looked_at < _LOOKED_AT and has_more:
        wanted = wish.limit - len(shown)
        found = await _page(services, own, received.endpoint.lists or "", wanted + 1, behind, ascending=ascending)
        has_more, some = len(found) > wanted, found[:wanted]
        looked_at += len(some)
        objects = await _objects(received, key, services, some)
        edit = received.endpoint.edits_answer
        for one, data in zip(some, objects, strict=True):
            if data is not None and edit is not None:
                data = edit(data)  # noqa: PLW2901 - as it goes out
            if data is not None and _fits(data, wish.filters):
                shown.append((one.id, data))
        behind = some[-1] if some else behind
    if backwards:
        shown.reverse()
    received.trail.outbound = Outbound(b"", "spliced")
    data = _written(shown, received.endpoint, has_more=has_more)
    settle(received, services, Ended(200, "ok"))
    return Reply(200, [("content-type", "application/json")], data=data)


async def _page(
    services: Services, own: str, kind: str, count: int, behind: StoredObject | None, *, ascending: bool
) -> Sequence[StoredObject]:
    try:
        return await services.objects.page(own, kind, count, behind=behind, ascending=ascending)
    except IndexLostError as problem:
        raise state_unknown(problem) from problem


def _wish(query: bytes) -> _Wish:
    said = dict(parse_qsl(query.decode("latin-1")))
    written = said.get("limit", str(_USUAL))
    if not written.isascii() or not written.isdigit() or not int(written[:9]):
        raise GatewayError("bad_request", "`limit` is a number of at least 1.", param="limit")
    after = next((said[name] for name in _AFTER if said.get(name)), None)
    before = next((said[name] for name in _BEFORE if said.get(name)), None)
    filters = {
        name: value
        for name, value in said.items()
        if name in ("purpose", "model", "status") or (name.startswith("metadata[") and name.endswith("]"))
    }
    return _Wish(min(int(written[:9]), _MOST), after, before, said.get("order") == "asc", filters)


def _fits(data: bytes, filters: Mapping[str, str]) -> bool:
    """Whether an object is one of those that were asked for."""
    if not filters:
        return True
    said = _decode_object(data)
    for name, value in filters.items():
        if name.startswith("metadata["):
            metadata = said.get("metadata")
            found = metadata.get(name[9:-1]) if isinstance(metadata, dict) else None
        else:
            found = said.get(name)
        if found != value:
            return False
    return True


def _written(shown: Sequence[tuple[str, bytes]], endpoint: Endpoint, *, has_more: bool) -> bytes:
    """The page in the form of its API, every object byte for byte."""
    first, last = (shown[0][0], shown[-1][0]) if shown else (None, None)
    told: dict[str, Any] = {"data": [msgspec.Raw(data) for _, data in shown], "has_more": has_more}
    if endpoint.shape.vendor is Vendor.OPENAI:
        told = {"object": "list", **told}
    elif endpoint.lists == "skill":
        return msgspec.json.encode({**told, "next_page": last if has_more else None})
    return msgspec.json.encode({**told, "first_id": first, "last_id": last})


async def _objects(
    received: Received, key: CompiledKey, services: Services, wanted: Sequence[StoredObject]
) -> list[bytes | None]:
    """Each object as its provider has it, a few at a time; `None` for what is gone there."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def fetched(one: StoredObject) -> bytes | None:
        name = provider_called(received.snapshot.identities, key, one.provider)
        if name is None:  # the key does not reach that provider any more
            return None
        async with turns:
            data = await _fetch(received, key.upstreams[name].provider, one, services)
        if data is None:
            services.objects.note([msgspec.structs.replace(one, is_gone=True)])
        return data

    return await asyncio.gather(*map(fetched, wanted))


async def _fetch(received: Received, provider: Provider, one: StoredObject, services: Services) -> bytes | None:
    """One object, `None` where the provider has it no more. Raises `provider_error` or `upstream_timeout`."""
    row = received.endpoint
    endpoint = replace(row, path=f"{row.path}/{quote(one.id, safe='')}", lists=None)
    if not provider.serves(endpoint, ""):
        return None
    headers = request_headers(received.headers, with_baggage=services.forwards_baggage)
    try:
        response = await send(provider, endpoint, headers, [("traceparent", received.trace.traceparent)])
        data = await whole_of(response, too_long="one object of a list is larger than a list can show")
    except UpstreamFailure as failure:
        raise failed(failure, provider.name) from failure
    if response.status == _NOT_FOUND:
        return None
    if response.status >= _ERRORS or not _is_object(data):
        message = f"The provider {provider.name} answered {response.status} when it was asked for {one.id}."
        raise GatewayError("provider_error", message, code="upstream_server_error")
    return data


def _is_object(data: bytes) -> bool:
    try:
        _decode_object(data)
    except UNREADABLE:
        return False
    return True
