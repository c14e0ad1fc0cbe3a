"""Where a request has to go that names something which a provider keeps, and what its answer leaves there.

Ids belong to the key that made them: one of another key is as unknown as one that nobody made. A request that names
one goes to its provider alone, since no other could answer it.
"""

from typing import Final

from gateway import clock
from gateway.config.resources import Identities
from gateway.errors import GatewayError
from gateway.ledger.stored_entry import IndexLostError, StoredObject
from gateway.pipeline.services import Services
from gateway.pipeline.states import Admitted, Home, Received
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.state import Reference, may_refer, references_in, references_in_query
from gateway.snapshot.snapshot import CompiledKey, FallbackPolicy, Resolution
from gateway.turns import LONG_BYTES, beside
from gateway.wire.request_body import RequestBody

MOST_IDS: Final = 2_000
"""Ids that one request may name: more than any conversation has."""
_LONGEST_ID: Final = 255
_NO_FALLBACK: Final = FallbackPolicy(max_attempts=1)


def identity_of_key(received: Received, key: CompiledKey) -> str:
    """What the index calls a key, whatever it is called at present."""
    return received.snapshot.identities.get(("virtual_keys", key.name), key.name)


def identity_of_provider(identities: Identities, name: str) -> str:
    """What the index calls a provider, whatever it is called at present."""
    return identities.get(("providers", name), name)


def provider_called(identities: Identities, key: CompiledKey, identity: str) -> str | None:
    """The name under which a key reaches a provider that the index knows by its identity; `None` where it does not."""
    return next((name for name in key.upstreams if identity_of_provider(identities, name) == identity), None)


async def find_home(received: Received, key: CompiledKey, body: RequestBody, services: Services) -> Home | None:
    """Where everything is that a request names; `None` where it names nothing.

    Raises `not_found` for what is not the key's, `bad_request` for things at several providers, and `overloaded` while
    nobody can tell whose an id is.
    """
    named = await _named(received.endpoint, body, received.query)
    if not named:
        return None
    if len(named) > MOST_IDS:
        raise GatewayError("bad_request", f"A request may name {MOST_IDS} ids of stored objects.")
    wanted = {one.id: one for one in reversed(named) if len(one.id) <= _LONGEST_ID}
    found = await owned(received, key, services, list(wanted))
    for one in named:
        if one.id not in found:
            raise _unknown(one)
    names = {id_: provider_called(received.snapshot.identities, key, one.provider) for id_, one in found.items()}
    first = named[0]
    for one in named:
        provider = names[one.id]
        if provider is None:
            raise GatewayError(
                "not_found",
                f"{one.id} is held by the provider {found[one.id].provider}, which this key does not reach.",
                param=one.path or None,
            )
        if provider != names[first.id]:
            raise GatewayError(
                "bad_request",
                f"{first.id} is held by {names[first.id]} and {one.id} by {provider}: one request can go to one of "
                "them alone.",
                param=one.path or None,
            )
    home = names[first.id]
    assert home is not None  # noqa: S101 - seen above
    return Home(home, first)


async def _named(endpoint: Endpoint, body: RequestBody, query: bytes) -> list[Reference]:
    state = endpoint.shape.state
    is_long = len(body.data) >= LONG_BYTES
    if not endpoint.is_stored:
        may_name = await beside(may_refer, state, body) if is_long and state.items else may_refer(state, body)
        if not may_name:
            return []
    in_body = await beside(references_in, state, body) if is_long else references_in(state, body)
    return [*endpoint.named, *in_body, *(references_in_query(query) if endpoint.is_stored else ())]


async def owned(received: Received, key: CompiledKey, services: Services, ids: list[str]) -> dict[str, StoredObject]:
    """Those of some ids that are the key's. Raises `overloaded`, code `state_unknown`, where nobody can tell."""
    try:
        return await services.objects.find(identity_of_key(received, key), ids)
    except IndexLostError as problem:
        raise state_unknown(problem) from problem


def state_unknown(problem: IndexLostError) -> GatewayError:
    """The refusal while an id may be somebody's and nobody can tell."""
    return GatewayError(
        "overloaded",
        f"What is stored for this key cannot be looked up at present: {problem}.",
        code="state_unknown",
        headers={"retry-after": "1"},
    )


def _unknown(one: Reference) -> GatewayError:
    why = (
        "it was not stored, or by another key, or before the gateway (`gateway adopt-id` gives it to a key), or a "
        "provider of another API made it, where nothing is stored"
    )
    return GatewayError("not_found", f"There is no {one.id[:64]!r} of this key: {why}.", param=one.path or None)


def pinned(found: Resolution, home: Home, asked: str) -> Resolution:
    """What was resolved, at the provider that holds what the request names: nothing is shared out, nobody stands by.

    Raises `bad_request` where the model leads elsewhere.
    """
    for candidate in found.candidates:
        if candidate.upstream.provider.name == home.provider:
            return Resolution(found.source, (candidate,), (), found.skipped, _NO_FALLBACK)
    raise GatewayError(
        "bad_request",
        f"{home.named.id} is held by the provider {home.provider}, and {asked!r} does not lead there.",
        param=home.named.path or None,
    )


def keeps(request: Admitted) -> bool:
    """Whether the answer to a request leaves something at its provider."""
    lane = request.candidate.lane
    return lane.translation is None and lane.endpoint.shape.state.keeps(request.body)


def left_behind(request: Admitted, answer: bytes) -> list[StoredObject]:
    """What an answer left at its provider, as the index has it; what it took away, where it did that."""
    received, endpoint = request.received, request.received.endpoint
    made = endpoint.shape.state.created(request.body, answer)
    provider = request.candidate.upstream.provider.name
    key = identity_of_key(received, request.key)
    holder = identity_of_provider(received.snapshot.identities, provider)
    now = clock.microseconds()
    stored = [
        StoredObject(id=one.id, kind=one.kind, virtual_key=key, provider=holder, created_at=now + number)
        for number, one in enumerate(made)
        if len(one.id) <= _LONGEST_ID
    ]
    if endpoint.removes:
        gone = endpoint.named[0].id
        stored.append(StoredObject(id=gone, kind="", virtual_key=key, provider=holder, created_at=now, is_gone=True))
    return stored
