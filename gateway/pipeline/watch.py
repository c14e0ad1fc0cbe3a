"""What rules and limits that only warn would have refused, if they were enforced; nobody is refused here.

Each rule is asked as if it alone were enforced beside those that are, by the very stages that enforce rules, so that a
warning is what the refusal would be. Limits are counted as enforced ones are, which count nothing that they refuse.
"""

from collections.abc import Generator, Iterable

from gateway.counters.hold import CountersLost, Hold, Refusal
from gateway.errors import GatewayError
from gateway.pipeline.admit import judge, judge_urls
from gateway.pipeline.holds import selected, sized
from gateway.pipeline.resolve import judge_model, named_model, resolve
from gateway.pipeline.services import Services
from gateway.pipeline.states import Admitted, Received, Reservation
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.glance import takes_long
from gateway.shapes.stated import StatedLimit
from gateway.snapshot.limits import SelectedHold
from gateway.snapshot.snapshot import Candidate, CompiledKey, Snapshot, Target, Warned
from gateway.turns import LONG_BYTES, at_once, beside, in_turns
from gateway.wire.request_body import RequestBody

_OF_MODELS = ("models", "models_allowed")


async def watch(request: Admitted, services: Services) -> None:
    """Notes in the trail what would have refused a request that is admitted."""
    received, key, body = request.received, request.key, request.came
    if key.watched:
        endpoint = received.endpoint
        found = would_refuse(received.snapshot, key, endpoint, body)
        if takes_long(endpoint.shape, body) or len(body.data) >= LONG_BYTES:
            warned = await beside(at_once, found)
        else:
            warned = await in_turns(found)
        note(received, warned)
    await _watch_limits(request, key.watched_holds, services)
    await _watch_limits_of(request, request.candidate, services)


async def watch_next(request: Admitted, candidate: Candidate, services: Services) -> None:
    """The same of a candidate that takes over: of its model, which would have been passed over, and of its limits."""
    target = Target(candidate.upstream.provider.name, candidate.model)
    for rule in request.key.watched:
        if rule.warned.dimension in _OF_MODELS:
            try:
                judge_model(rule.key, target)
            except GatewayError:
                note(request.received, (rule.warned,))
    await _watch_limits_of(request, candidate, services)


async def _watch_limits_of(request: Admitted, candidate: Candidate, services: Services) -> None:
    """The limits of a candidate's account, and those by selector that count it."""
    await _watch_limits(request, candidate.upstream.watched_holds, services)
    for hold in selected(request, candidate, warns=True):
        await _watch_limits(request, (hold,), services)


async def _watch_limits(request: Admitted, holds: tuple[Hold, ...], services: Services) -> None:
    """Takes what limits have room for, or notes the one that has none."""
    received = request.received
    wanted = sized(holds, received.endpoint, len(request.body.data), request.output_cap)
    refusal = await _taken(received, wanted, services)
    if refusal is not None:
        note(received, (limit_warned(refusal.hold),))


async def count_refused(received: Received, key: CompiledKey, size: int, cap: StatedLimit, services: Services) -> None:
    """Counts a request that is refused against the key's limits that warn, as enforced ones do; nothing is noted.

    Args:
        received: The request.
        key: Whose it is.
        size: Bytes of its body.
        cap: The output tokens that it asks for at most.
        services: Where it is counted.
    """
    await _taken(received, sized(key.watched_holds, received.endpoint, size, cap), services)


async def _taken(received: Received, wanted: list[Hold], services: Services) -> Refusal | None:
    """Takes holds for a request, or says which has no room; `None` also while nobody can count."""
    if not wanted:
        return None
    try:
        lease = await services.counters.reserve(wanted)
    except CountersLost:
        return None
    if isinstance(lease, Refusal):
        return lease
    received.trail.reservations.append(Reservation(lease, wanted, ()))
    return None


def would_refuse(
    snapshot: Snapshot, key: CompiledKey, endpoint: Endpoint, body: RequestBody
) -> Generator[None, None, list[Warned]]:
    """The rules of a key that only warn and would refuse a body, found in short steps."""
    found: list[Warned] = []
    for rule in key.watched:
        yield
        warned, as_enforced = rule.warned, rule.key
        try:
            if warned.dimension in _OF_MODELS:
                if not endpoint.is_stored:
                    resolve(snapshot, as_enforced, endpoint, named_model(endpoint, body), body)
            elif warned.dimension == "urls":
                judging = judge_urls(as_enforced, endpoint.shape, body)
                if judging is not None:
                    yield from judging
            else:
                judge(as_enforced, endpoint.shape, body)
        except GatewayError:
            found.append(warned)
    return found


def note(received: Received, warned: Iterable[Warned]) -> None:
    """The trail tells of these from now on, of each once."""
    trail = received.trail
    trail.warned = tuple(dict.fromkeys((*trail.warned, *warned)))


def limit_warned(hold: Hold) -> Warned:
    """How a limit is named that would have refused."""
    limit = hold.limit
    if isinstance(hold, SelectedHold):
        return Warned("limit", limit.dimension.value, f"limits.{limit.of}.{limit.dimension.value}")
    owner = "" if limit.key.startswith("key:") else f"providers.{limit.of}."
    return Warned("limit", limit.dimension.value, f"{owner}rate_limits.{limit.dimension.value}")


def enforced_names(key: CompiledKey) -> frozenset[str]:
    """The rules and limits of a key that are enforced, by the names that warnings have.

    Rules in the key itself have one name for all: where one of them warns, nobody knows which of them did.
    """
    by_selector = (hold for one in key.limits if not one.of.warns for hold in one.holds(None))
    limits = (limit_warned(hold).name for hold in (*key.holds, *by_selector))
    of_providers = (limit_warned(hold).name for one in key.upstreams.values() for hold in one.holds)
    allow_list = () if key.models_allowed is None else ("models_allowed",)
    names = frozenset((*key.judge.names, *allow_list, *limits, *of_providers))
    return names - {rule.warned.name for rule in key.watched}
