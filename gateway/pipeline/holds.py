"""What a request holds of limits and budgets: asked for, taken all or none, and in the end settled for what it cost."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from gateway import clock
from gateway.counters.hold import CountersLost, Dimension, Hold, Lease, Limit, Refusal
from gateway.errors import Denial, GatewayError
from gateway.money.budget import CompiledBudget, counts_target, end_user_of
from gateway.money.cost import AnswerCost, cost, rates_of, trusted_cost
from gateway.money.estimate import (
    DEFAULT_OUTPUT_TOKENS,
    Characters,
    InputBound,
    at_most,
    bound_input,
    bound_plain,
    bound_recording,
    bound_texts,
    characters_in,
    estimate,
    output_bound,
)
from gateway.money.habits import PER_MILLE, Habits
from gateway.money.kinds import KINDS, TOKENS_PER_RATE
from gateway.money.nano_usd import NANO_PER_USD
from gateway.money.prices import Price
from gateway.pipeline.outbound import fit
from gateway.pipeline.over_budget import AnswerAtMost, over_budget, retry_after
from gateway.pipeline.services import Services
from gateway.pipeline.states import Admitted, Asked, BudgetHold, MarginHold, Received, Reservation, Trail
from gateway.shapes.allows import ORDINARY, Allows, allows, prompts_in
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.figures import served_as
from gateway.shapes.generate_content import TIER_HEADER
from gateway.shapes.glance import glance
from gateway.shapes.images import IMAGES, pictures_given
from gateway.shapes.stated import StatedLimit, end_users
from gateway.shapes.vendor import Vendor
from gateway.snapshot.answer_costs import cost_of
from gateway.snapshot.budgets import Meter
from gateway.snapshot.limits import SelectedHold
from gateway.snapshot.reservations import ModelBounds
from gateway.snapshot.snapshot import Candidate, CompiledKey
from gateway.telemetry.decision_record import Charge
from gateway.usage import Served, Stated, Usage
from gateway.wire.multipart import MultipartBody
from gateway.wire.request_body import RequestBody

_TPM = Dimension.TPM
_BYTES_PER_TOKEN = 4
_STORED_TOKENS = 128_000
"""Tokens of what a prompt only points at, where nobody knows what the model takes in, and no budget blocks."""

_END_USER = b"x-langwatch-end-user-id"
_MOST = 2**53 - 1
"""Nano-USD, about nine million US dollars: what every counter store counts exactly."""

_WITHOUT_OUTPUT = ("embeddings", "embed_content", "batch_embed_contents", "rerank")
"""Endpoints whose answers have no tokens."""

_WARNS_FROM = 80
_MOST_KNOWN = 100_000
"""Counters of which is kept what is spent; clients make up end users."""
_UNITS = {
    Dimension.RPM: "requests per minute",
    Dimension.RPD: "requests per day",
    Dimension.TPM: "tokens per minute",
    Dimension.CONCURRENCY: "requests at one time",
}
CalledModel = tuple[str, str]
"""A provider, and what a model is called there."""
_MAY_COST = ("ok", "cancelled")
"""Outcomes of a call that was under way when the client left; after any other, nobody was working for it."""


def limit(key: CompiledKey, endpoint: Endpoint, size: int = 0, cap: StatedLimit = None) -> list[Hold]:
    """A hold of every rate limit of the key; of those on tokens, for as many as a body of a size may consume at most.

    Args:
        key: Whose limits.
        endpoint: Where the body came.
        size: Bytes of the body.
        cap: The output tokens that it asks for at most.
    """
    return sized(key.holds, endpoint, size, cap)


def sized(holds: tuple[Hold, ...], endpoint: Endpoint, size: int, cap: StatedLimit) -> list[Hold]:
    """Holds of limits for a body of a size; those on tokens are left out where an endpoint has none."""
    wanted: list[Hold] = []
    for hold in holds:
        limit_ = hold.limit
        if limit_.dimension is not _TPM:
            wanted.append(hold)
        elif endpoint.metered:
            # A request larger than the whole limit waits for an empty window instead of being refused for ever.
            tokens = size // _BYTES_PER_TOKEN + (cap if isinstance(cap, int) else 0)
            wanted.append(hold.sized(min(tokens or 1, limit_.ceiling)))
    return wanted


def selected(request: Admitted, candidate: Candidate, *, warns: bool = False) -> list[Hold]:
    """What a call to a candidate needs of the limits by selector, or of those that only warn.

    A request counts once under each: what it holds by now, it does not take again for a fallback.
    """
    endpoint, provider = request.received.endpoint, candidate.upstream.provider.name
    found = [
        hold
        for one in request.key.limits
        if one.of.warns is warns
        and one.of.match.endpoint in (None, endpoint.name)
        and one.of.match.end_user in (None, request.end_user)
        and one.of.counts_target(provider, candidate.model)
        for hold in one.holds(request.end_user)
    ]
    if found and request.received.trail.reservations:
        held = {hold.limit.key for taken in request.received.trail.reservations for hold in taken.holds}
        found = [hold for hold in found if hold.limit.key not in held]
    return sized(tuple(found), endpoint, len(request.body.data), request.output_cap)


def find_end_user(received: Received, body: RequestBody) -> str | None:
    """Who is behind the request, as its header or its body says. Raises `bad_request` for what names nobody."""
    header, shape = received.header_map.get(_END_USER), received.endpoint.shape
    if header is None and shape.declares.names_of_end_users.isdisjoint(body.names):
        return None
    return end_user_of(header, end_users(shape, body))


def budget(request: Admitted, candidate: Candidate, habits: Habits) -> list[Hold]:
    """What a call to a candidate needs of each budget, beyond what the request already holds.

    That is what the call may cost, and what the answers cost that it takes the place of. A budget that learns holds
    what is usual, and of its margin what the request may cost beyond that.

    Raises `end_user_required`, and `model_not_allowed` for a model without a price under a budget that needs one.
    """
    received, key = request.received, request.key
    if not key.budgets or not received.endpoint.metered:
        return []
    provider, started_at = candidate.upstream.provider.name, received.started_at
    price = request.price if candidate is request.candidate else candidate.prices.at(started_at)
    counting = key.meterings.of(provider, candidate.model, received.endpoint.name)
    blocking, strict = counting.blocking, counting.strict
    if price is None and strict is not None:
        raise _unpriced(strict, candidate, candidate.model)
    if blocking is not None and (price is not None or counting.counts_tokens):
        _check_limit(request.output_cap, blocking)
        _check_limit(request.choices, blocking)
    most = 0 if price is None else estimated_cost(request, price, candidate, strict, blocking)
    limits = counting.limits(started_at, request.end_user)
    is_first = not (received.trail.reservations or request.replaced)
    if is_first and not key.learns and counting.counts_money_alone:
        # PERF: the first call of most requests.
        return [BudgetHold(limit_, most, meter.budget) for meter, limit_ in limits]
    needed = _Needed(most, tokens_at_most(request, candidate, blocking) if counting.counts_tokens else 0)
    held: Mapping[str, int] = {}
    if not is_first:
        held = _held(received.trail)
        owed, _ = _owed_for_replaced(request)
        needed = needed._replace(owed=owed, answered=_answered_before(request))
    usual = usual_cost(request, price, candidate, habits, most) if key.learns and price is not None else most
    return list(_beyond_held(limits, needed, usual, held))


class _Needed(NamedTuple):
    """What a call may consume: nano-USD and tokens; and what answers that it replaces have cost and had, by target."""

    cost: int
    tokens: int
    owed: Mapping[CalledModel, int] = {}
    answered: Sequence[tuple[CalledModel, int]] = ()

    def of(self, compiled: CompiledBudget) -> tuple[int, int]:
        """What counts against a budget: of the call, and of the answers before it."""
        if compiled.unit == "usd":
            return self.cost, _counted(self.owed, compiled)
        if compiled.unit == "tokens":
            return self.tokens, sum(tokens for target, tokens in self.answered if counts_target(compiled, *target))
        return 1, 0


def _beyond_held(
    limits: Iterable[tuple[Meter, Limit]], needed: _Needed, usual: int, held: Mapping[str, int]
) -> Iterator[Hold]:
    """What is needed of each budget beyond what is held by now."""
    for meter, limit_ in limits:
        of_call, earlier = needed.of(meter.budget)
        most = min(of_call + earlier, _MOST)
        if usual < of_call and meter.budget.margin is not None:
            yield from _learned(meter, limit_, most, min(usual + earlier, _MOST), held)
            continue
        missing = most - held.get(limit_.key, 0)
        if missing > 0 or limit_.key not in held:
            yield BudgetHold(limit_, max(missing, 0), meter.budget)


def _learned(meter: Meter, limit_: Limit, needed: int, usual: int, held: Mapping[str, int]) -> Iterator[Hold]:
    """What is usual of a budget, and of its margin the rest of what the request may cost."""
    margin = meter.margin(limit_)
    own, kept = held.get(limit_.key, 0), held.get(margin.key, 0)
    hold = BudgetHold(limit_, max(usual - own, 0), meter.budget)
    beyond = needed - own - hold.amount - kept
    if hold.amount or limit_.key not in held or beyond > 0:
        yield hold
    if beyond > 0:
        yield MarginHold(margin, beyond, hold)


def candidate_holds(request: Admitted, candidate: Candidate, habits: Habits) -> list[Hold]:
    """What a call to a candidate needs: of the limits of its provider's account and by selector, of every budget."""
    fit(request, candidate)
    size = len(request.body.data)
    holds = sized(candidate.upstream.holds, request.received.endpoint, size, request.output_cap)
    if request.key.limits:
        holds += selected(request, candidate)
    if request.key.budgets:
        holds += budget(request, candidate, habits)
    return holds


def estimated_cost(
    request: Admitted,
    price: Price,
    candidate: Candidate,
    strict: CompiledBudget | None = None,
    blocking: CompiledBudget | None = None,
    output_tokens: int | None = None,
) -> int:
    """Nano-USD that the request costs at most at a price: the dearest of all that it allows.

    With `output_tokens` its answers together have no more than these, whatever the request allows.

    Raises `model_not_allowed` under a budget that refuses what has no price, where the request asks for such, and
    `bad_request` under one that blocks, where a limit cannot be read.
    """
    prompt = request.prompt or prompt_bound(request)
    allowed = request.allowed or _allowed(request, prompt)
    if allowed is ORDINARY and prompt.beside is None:
        choices, cap = request.choices, _cap(request)
        output = output_bound(
            cap,
            choices if isinstance(choices, int) else 1,
            0 if cap else _assumed_output(request, candidate, blocking),
        )
        if output_tokens is not None:
            output = min(output, output_tokens)
        return min(estimate(price, prompt, output, caches_unasked=_caches_unasked(candidate)), _MOST)
    if blocking is not None:
        _check_limit(allowed.unreadable, blocking)
    prompt = _with_all_of_it(request, candidate, prompt, allowed, blocking)
    return _dearest(request, price, candidate, prompt, allowed, strict, blocking, output_tokens)


def usual_cost(request: Admitted, price: Price, candidate: Candidate, habits: Habits, most: int) -> int:
    """Nano-USD that such a request of the key usually costs; what it costs at most where nothing is usual yet."""
    habit = habits.of(request.key.name, _target(candidate))
    if habit is None:
        return most
    prompt = estimated_cost(request, price, candidate, output_tokens=0)
    answer = estimated_cost(request, price, candidate, output_tokens=habit.output_tokens) - prompt
    return min(most, answer + -(-prompt * habit.prompt_per_mille // PER_MILLE))


def tokens_at_most(request: Admitted, candidate: Candidate, blocking: CompiledBudget | None = None) -> int:
    """Tokens that the prompt, with what it points at and what tools bring into it, and its answers have at most.

    With them come those of other models that the request names.
    """
    prompt = prompt_bound(request)
    allowed = _allowed(request, prompt)
    if allowed is not ORDINARY or prompt.beside is not None:
        if blocking is not None:
            _check_limit(allowed.unreadable, blocking)
        prompt = _with_all_of_it(request, candidate, prompt, allowed, blocking)
    if request.received.endpoint.name in _WITHOUT_OUTPUT:
        return min(prompt.tokens, _MOST)
    output, others = _output_at_most(request, candidate, allowed, blocking), 0
    for model in allowed.models:
        if model.calls:
            longest = max(output, model.output_cap or _assumed_output(request, candidate))
            others += model.calls * (prompt.tokens + longest)
        else:
            output = max(output, (model.output_cap or 0) * answers_asked_for(request))
    return min(prompt.tokens + output + others, _MOST)


def _output_at_most(
    request: Admitted, candidate: Candidate, allowed: Allows, blocking: CompiledBudget | None = None
) -> int:
    """Output tokens that all answers have at most together, whether they are text, pictures or speech."""
    answers = answers_asked_for(request)
    output = output_bound(_cap(request), answers, 0 if _cap(request) else _assumed_output(request, candidate, blocking))
    if allowed.pictures:
        output = max(output, request.key.in_force.reservations.assumed.picture_tokens * answers)
    return allowed.speech_tokens or output


def _answered_before(request: Admitted) -> list[tuple[CalledModel, int]]:
    """Tokens of the answers that another took the place of."""
    return [(_target_of(candidate), stated.total_tokens) for candidate, stated in request.replaced]


def _target(candidate: Candidate) -> str:
    return f"{candidate.upstream.provider.name}/{candidate.model}"


def _assumed_output(request: Admitted, candidate: Candidate, blocking: CompiledBudget | None = None) -> int:
    """Output tokens that an answer is held to have where the request sets no limit, and beside it, as its lane says.

    Raises `bad_request` under a budget that blocks, where all that the model gives is to be held, and nobody knows it.
    """
    key, translation = request.key, candidate.lane.translation
    beside = 0 if translation is None or _cap(request) else translation.beside_answer(request.body.decoded)
    # PERF: hardly any file says more of what is assumed than one number.
    if key.assumed_output_tokens is not None:
        return key.assumed_output_tokens + beside
    assumed = key.in_force.reservations.assumed_output(key.own_assumed_output, _bounds(request, candidate))
    if assumed is None and blocking is not None and not request.output_cap:
        raise GatewayError(
            "bad_request",
            f"The request sets no limit to its output, nobody knows that of {_target(candidate)}, and the budget "
            f"{blocking.name} holds the most of it: set a limit, or write `max_output_tokens` of the model under "
            "`reservations`.",
            param=next(iter(request.received.endpoint.shape.declares.output_caps), None),
        )
    return (assumed or DEFAULT_OUTPUT_TOKENS) + beside


def _bounds(request: Admitted, candidate: Candidate) -> ModelBounds:
    provider = candidate.upstream.provider
    return request.key.in_force.reservations.of(provider.name, provider.type, candidate.model)


def _with_all_of_it(
    request: Admitted, candidate: Candidate, prompt: InputBound, allowed: Allows, blocking: CompiledBudget | None
) -> InputBound:
    """The prompt as the model counts it, with what it only points at, and what tools of the provider bring into it."""
    received = request.received
    prompt = _as_counted(request, candidate, prompt)
    more = allowed.tool_calls * request.key.in_force.reservations.tool_call_tokens + allowed.read_again
    if allowed.stored or allowed.files:
        more += _pointed_at(request, candidate, prompt, allowed, blocking)
    if not more and not allowed.beside:
        return prompt
    return prompt.with_more(more, of_speech=received.endpoint.name.startswith("audio_"))


def _as_counted(request: Admitted, candidate: Candidate, prompt: InputBound) -> InputBound:
    """The prompt as a model counts it: images and pages are of its family."""
    if prompt.beside is None:
        return prompt
    bounds = _bounds(request, candidate)
    return prompt.of_model(bounds.media, bounds.context_window)


def _pointed_at(
    request: Admitted, candidate: Candidate, prompt: InputBound, allowed: Allows, blocking: CompiledBudget | None
) -> int:
    """Tokens of what a prompt only points at: as many as the file says, else as many as the model takes in beside it.

    Raises `bad_request` under a budget that blocks, where the file says so, or nobody knows what the model takes in.
    """
    reservations, window = request.key.in_force.reservations, _bounds(request, candidate).context_window
    more, fills = 0, False
    for count, said, member, param in (
        (len(allowed.stored), reservations.stored_tokens, "stored_tokens", next(iter(allowed.stored), None)),
        (allowed.files, reservations.file_tokens, "file_tokens", None),
    ):
        if not count:
            continue
        if isinstance(said, int):
            more += count * said
        elif blocking is not None and (said == "refuse" or window is None):
            raise _unbounded(blocking, candidate, member, param, is_said=said == "refuse")
        elif window is None:
            more += count * _STORED_TOKENS
        else:
            fills = True
    return max(more, window - prompt.tokens) if fills and window is not None else more


def _unbounded(
    blocking: CompiledBudget, candidate: Candidate, member: str, param: str | None, *, is_said: bool
) -> GatewayError:
    what = "something that the provider stores" if member == "stored_tokens" else "a file or a document"
    why = (
        "refuses that, for nobody can tell what it costs"
        if is_said
        else f"cannot tell what it costs: write `{member}`, or `context_window` of {_target(candidate)}, under "
        "`reservations`"
    )
    return GatewayError(
        "bad_request",
        f"The request points at {what}, and the budget {blocking.name} {why}.",
        code="unbounded_reference",
        param=param,
    )


def _caches_unasked(candidate: Candidate) -> bool:
    return candidate.lane.endpoint.shape.vendor in (Vendor.OPENAI, Vendor.GOOGLE)


def _dearest(
    request: Admitted,
    price: Price,
    candidate: Candidate,
    prompt: InputBound,
    allowed: Allows,
    strict: CompiledBudget | None,
    blocking: CompiledBudget | None,
    output_tokens: int | None,
) -> int:
    """Nano-USD of the dearest that a request allows which allows more than a prompt and its answer."""
    received = request.received
    answers = answers_asked_for(request)
    output = _output_at_most(request, candidate, allowed, blocking)
    implicit = _caches_unasked(candidate)
    beside = dict(allowed.beside)
    if allowed.pictures:
        beside["images"] = allowed.pictures * answers
    if strict is not None:
        _check_fees(strict, candidate, price, beside)

    def at_most(one: Price, own_output: int = 0, own_served: Served | None = None) -> int:
        ways = [one, *(one.under(way) for way in (allowed.served, own_served) if way is not None)]
        longest = max(output, own_output)
        if output_tokens is not None:
            longest = min(longest, output_tokens)
        return max(estimate(way, prompt, longest, beside=beside, caches_unasked=implicit) for way in ways)

    most, others = at_most(price), 0
    provider = candidate.upstream.provider
    for model in allowed.models:
        other = received.snapshot.prices.of(provider.name, provider.type, model.name).at(received.started_at)
        if other is None:
            if strict is not None:
                raise _unpriced(strict, candidate, model.name, model.path)
            continue
        if model.calls:
            own = model.output_cap or _assumed_output(request, candidate)
            others += model.calls * at_most(other, own)
        else:
            most = max(most, at_most(other, (model.output_cap or 0) * answers, model.served))
    return min(most + others, _MOST)


def _check_limit(limit_: StatedLimit, blocking: CompiledBudget) -> None:
    """Raises `bad_request` under a budget that blocks, for a limit that cannot be read and the cost hangs on."""
    if limit_ is None or isinstance(limit_, int):
        return
    raise GatewayError(
        "bad_request",
        f"{limit_.path!r} cannot be read, and the budget {blocking.name} needs it to tell what the request may cost: "
        "write one whole number of at least 0, once.",
        param=limit_.path,
    )


def _cap(request: Admitted) -> int | None:
    return request.output_cap if isinstance(request.output_cap, int) else None


def _check_fees(strict: CompiledBudget, candidate: Candidate, price: Price, beside: Mapping[str, int]) -> None:
    """Raises `model_not_allowed` for tools that are billed call by call, and that nobody knows the price of."""
    for kind in KINDS:
        if kind.is_of_tool and kind.figure in beside and kind.rate not in price.known:
            target = f"{candidate.upstream.provider.name}/{candidate.model}"
            raise GatewayError(
                "model_not_allowed",
                f"Nobody knows what {kind.figure.replace('_', ' ')} of {target} cost, and the budget {strict.name} "
                f"counts money; write `{kind.usd}` under `prices`, or `unpriced: allow` at the budget.",
                code="model_unpriced",
                param="tools",
            )


def characters_asked_for(request: Admitted) -> int:
    """Characters of text that the request wants to be read aloud."""
    return dict(_allowed(request, prompt_bound(request)).beside).get("input_characters", 0)


def output_limit(request: Admitted) -> int | None:
    """Output tokens that the request allows in all, where it says so; none at all is no limit to some servers."""
    cap = _cap(request)
    return cap * answers_asked_for(request) if cap else None


def answers_asked_for(request: Admitted) -> int:
    """How many answers the request asks for, to all of its prompts together."""
    to_each = max(1, request.choices) if isinstance(request.choices, int) else 1
    allowed = request.allowed
    return to_each * (prompts_in(request.received.endpoint, request.body) if allowed is None else allowed.prompts)


def foresee(request: Admitted) -> None:
    """Finds what the end of a request may ask of its body: the bound of its prompt, and what it allows."""
    if request.received.endpoint.metered:
        _allowed(request, prompt_bound(request))


def _allowed(request: Admitted, prompt: InputBound) -> Allows:
    """What the request allows, found when it is first asked for."""
    if request.allowed is None:
        received = request.received
        allowed = allows(received.endpoint, request.body, prompt, request.key.in_force.reservations.assumed)
        tier = received.header_map.get(TIER_HEADER)
        if tier is not None and allowed.served is None:
            served = served_as(None, tier.decode("latin-1"))
            allowed = allowed if served is None else allowed._replace(served=served)
        request.allowed = allowed
    return request.allowed


def prompt_tokens(request: Admitted) -> int:
    """The most tokens that the prompt can have for the present candidate."""
    return _as_counted(request, request.candidate, prompt_bound(request)).tokens


def prompt_bound(request: Admitted) -> InputBound:
    """The most that the prompt can count, found when it is first asked for."""
    if request.prompt is None:
        body, endpoint = request.body, request.received.endpoint
        seen = body.glance or glance(endpoint.shape, body)
        parts = body.parted(endpoint.shape.declares.lasting) if seen.is_plain else None
        if parts is not None:
            rest = characters_in((parts[0],))
            text = Characters(len(body.data), seen.dense + rest.dense, seen.wide + rest.wide)
            request.prompt = bound_plain(text, seen.flags)
        elif not isinstance(body, MultipartBody):
            request.prompt = bound_input(body.data, endpoint.shape.media.found_in)
        elif endpoint.shape is IMAGES:
            request.prompt = bound_texts(text.encode() for _, text in body.texts())
        else:
            request.prompt = bound_recording(len(body.data))
        if endpoint.shape is IMAGES:
            request.prompt = request.prompt.with_pictures(pictures_given(body))
    return request.prompt


def _held(trail: Trail) -> dict[str, int]:
    """Nano-USD that the request holds by now, by counter."""
    held: dict[str, int] = {}
    for reservation in trail.reservations:
        for hold in (*reservation.budgets, *reservation.margins):
            held[hold.limit.key] = held.get(hold.limit.key, 0) + hold.amount
    return held


def _unpriced(compiled: CompiledBudget, candidate: Candidate, model: str, path: str = "model") -> GatewayError:
    target = f"{candidate.upstream.provider.name}/{model}"
    return GatewayError(
        "model_not_allowed",
        f"Nobody knows what {target} costs, and the budget {compiled.name} counts money; write its price under "
        "`prices`, or `unpriced: allow` at the budget.",
        code="model_unpriced",
        param=path,
    )


async def reserve(request: Admitted, limits: list[Hold], holds: list[Hold], services: Services) -> None:
    """Takes the limits of the key, and the holds of the first candidate that has room for the request.

    Raises `rate_limit_exceeded` or `budget_exceeded` and holds nothing; then the request still counts against the
    limits of the key.
    """
    while True:
        refusal = await take(request.received, [*limits, *holds], services)
        if refusal is None:
            return
        if not _next_candidate(request, refusal.hold):
            if refusal.hold not in limits:
                await reserve_limits(request.received, limits, services)
            raise _refused(refusal, clock.now(), request)
        holds = candidate_holds(request, request.candidate, services.habits)


async def reserve_limits(received: Received, limits: list[Hold], services: Services) -> None:
    """Takes the limits of the key alone, for a request that is refused anyway. Raises `rate_limit_exceeded`."""
    refusal = await take(received, limits, services)
    if refusal is not None:
        raise _refused(refusal, clock.now())


async def take(received: Received, holds: list[Hold], services: Services) -> Refusal | None:
    """Takes holds for the request; `None` when it has them.

    Where what a budget keeps back is used up, the request holds the most that it can cost.

    While the counters do not answer, the process's setting decides: the request goes on uncounted, or the call raises
    `overloaded`. The ledger hears of it in both cases.
    """
    trail = received.trail
    lease: Lease | Refusal | None = None
    if holds:
        try:
            lease = await services.counters.reserve(holds)
        except CountersLost as lost:
            if _refuses_uncounted(holds, services.on_counter_loss):
                raise _uncounted(lost) from lost
    if isinstance(lease, Refusal):
        if isinstance(lease.hold, MarginHold):
            return await take(received, _without_margin(holds, lease.hold), services)
        if isinstance(lease.hold, BudgetHold):
            _tell_spent(received, services, (lease.hold,), {lease.hold.limit.key: lease.spent})
        return lease
    key = trail.key
    if key is None or not key.budgets:
        trail.reservations.append(Reservation(lease, holds, ()))
    else:
        trail.reservations.append(_taken(trail, key, lease, holds))
    return None


def _taken(trail: Trail, key: CompiledKey, lease: Lease | None, holds: list[Hold]) -> Reservation:
    """Holds that were taken; from 80 % of a budget on, with what requests under way hold, the client is warned."""
    # PERF: to ask for the type itself takes a fraction of what `isinstance` takes to say no.
    budgets = [hold for hold in holds if type(hold) is BudgetHold]
    margins = [hold for hold in holds if isinstance(hold, MarginHold)] if key.learns else []
    spent: Mapping[str, int] = {} if lease is None else lease.spent
    fullest, scope = _WARNS_FROM - 1, None
    for one in budgets:
        # PERF: most budgets are far from full.
        found, ceiling = spent.get(one.limit.key, 0), one.limit.ceiling
        if found * 100 < _WARNS_FROM * ceiling:
            continue
        percent = int((found / ceiling if ceiling else 1.0) * 100)
        if percent > fullest:
            fullest, scope = percent, one.budget.scope
    if scope is not None and lease is not None:
        trail.budget_warning = f"{scope.kind}:{fullest}"
    return Reservation(lease, holds, budgets, margins)


def _without_margin(holds: list[Hold], margin: MarginHold) -> list[Hold]:
    """The same with the most that the request can cost in the place of what is usual of one budget."""
    return [margin.worst if hold is margin.beyond else hold for hold in holds if hold is not margin]


def _tell_spent(received: Received, services: Services, holds: Sequence[BudgetHold], spent: Mapping[str, int]) -> None:
    """Metrics, and whoever goes by it, hear what the request found to be spent of budgets, by counter."""
    levels, began = services.metrics.budgets, received.started
    for hold in holds:
        compiled, limit_ = hold.budget, hold.limit
        key, ceiling = limit_.key, limit_.ceiling
        if compiled.when_over:
            if len(services.known_spent) >= _MOST_KNOWN:
                services.known_spent.clear()
            services.known_spent[key] = spent.get(key, 0)
        ratio = spent.get(key, 0) / ceiling if ceiling else 1.0
        limit = ceiling / NANO_PER_USD if compiled.unit == "usd" else ceiling
        levels.tell(compiled.name, key, ratio, limit_.resets_at, compiled, began, limit)


def _next_candidate(request: Admitted, refused: Hold) -> bool:
    """Lets the next candidate take over from one whose own limit or budget refuses; false when none may.

    A provider or a model whose budget is used up leaves the chain; a provider whose account is at its limit, or a model
    at one by selector, only if `fallback.on` has `rate_limit`.
    """
    if isinstance(refused, BudgetHold):
        compiled = refused.budget
        reason = "budget_exceeded" if compiled.provider is not None or compiled.model is not None else None
    else:
        is_own = any(hold.limit == refused.limit for hold in request.candidate.upstream.holds) or (
            isinstance(refused, SelectedHold) and refused.selected.matches_model is not None
        )
        reason = "rate_limited" if is_own and "rate_limit" in request.fallback.on else None
    if reason is None or len(request.candidates) == 1:
        return False
    request.passed_over(request.candidate, reason)
    request.candidates = request.candidates[1:]
    request.go_to(request.candidates[0])
    return True


def _refuses_uncounted(holds: list[Hold], policy: str | None) -> bool:
    if policy is None:
        return any(isinstance(hold, BudgetHold) and hold.limit.blocks for hold in holds)
    return policy == "refuse"


def _uncounted(lost: CountersLost) -> GatewayError:
    return GatewayError(
        "overloaded",
        f"Limits and budgets cannot be counted at present: {lost}.",
        code="counters_unavailable",
        headers={"retry-after": "1"},
    )


def _refused(refusal: Refusal, now: float, request: Admitted | None = None) -> GatewayError:
    hold = refusal.hold
    if request is None or not isinstance(hold, BudgetHold):
        return _rate_limited(refusal)
    return over_budget(hold, refusal.taken, now, _answer_at_most(request))


def _answer_at_most(request: Admitted) -> AnswerAtMost | None:
    """What of a refused request the answer costs; `None` where the model has no price."""
    price, candidate = request.price, request.candidate
    if price is None:
        return None
    answers = answers_asked_for(request)
    return AnswerAtMost(
        shape=request.received.endpoint.shape,
        body=request.body,
        stated=_cap(request) or None,
        tokens=_cap(request) or _assumed_output(request, candidate),
        cost=lambda tokens: estimated_cost(request, price, candidate, output_tokens=tokens * answers),
    )


def _rate_limited(refusal: Refusal) -> GatewayError:
    hold, limit_ = refusal.hold, refusal.hold.limit
    owner, message = limit_.key.partition(":")[0], ""
    if isinstance(hold, SelectedHold):
        whose, code = f"The limit {limit_.of} is", "selected_rate_limit_exceeded"
        message = f" {hold.selected.message}" if hold.selected.message else ""
    elif owner == "key":
        whose, code = "This key is limited to", "vk_rate_limit_exceeded"
    else:
        whose, code = f"The provider {limit_.of} is limited to", "provider_rate_limit_exceeded"
    wait = max(1, math.ceil(refusal.retry_after_s or 1))
    units = _UNITS[limit_.dimension].replace("s ", " ", 1) if limit_.ceiling == 1 else _UNITS[limit_.dimension]
    if limit_.window_s:
        wait = min(wait, limit_.window_s)
    return GatewayError(
        "rate_limit_exceeded",
        f"{whose} {limit_.ceiling} {units}; try again in {wait} s.{message}",
        code=code,
        headers={**retry_after(wait), "x-langwatch-ratelimit-dimension": limit_.dimension.value},
        denial=Denial("limit", limit_.dimension.value, f"{owner}:{limit_.of}"),
    )


class Bill(NamedTuple):
    """Nano-USD that a request cost, by provider and model, and together; `cost` is `None` where no price is known.

    `price` is that of the answer as it was served, `source` where it comes from; `unpriced` names what has no price.
    """

    owed: dict[CalledModel, int]
    cost: int | None
    price: Price | None = None
    source: str | None = None
    unpriced: tuple[str, ...] = ()


NOTHING_OWED = Bill({}, None)


def charge(request: Admitted, stated: Stated | None, outcome: str) -> Bill:
    """What each provider is owed for an admitted request, whose answer stated this.

    What a provider reported is what counts. An answer without a report costs its upper estimate, unless the file says
    `on_missing_usage: charge_zero`; so does a prompt whose client left before the answer began. A provider that failed,
    or was not asked, costs nothing.
    """
    last = _last_attempt(request, stated, outcome)
    if last is not None and not request.replaced:
        # PERF: nearly every request.
        owed = {_target_of(request.candidate): last.nano_usd}
        return Bill(owed, last.nano_usd, last.price, last.source or last.price.source, last.unpriced)
    owed, unpriced = _owed_for_replaced(request)
    if last is not None:
        _owe(owed, request.candidate, last.nano_usd)
        return Bill(owed, sum(owed.values()), last.price, last.source or last.price.source, unpriced + last.unpriced)
    if _is_without_price(request, stated, outcome):
        unpriced += (unpriced_model(request.candidate),)
    return Bill(owed, sum(owed.values()) if owed else None, None, None, unpriced) if owed or unpriced else NOTHING_OWED


def unpriced_model(candidate: Candidate) -> str:
    """How a bill names a model that has no price at all."""
    return f"model {candidate.model}"


def _is_without_price(request: Admitted, stated: Stated | None, outcome: str) -> bool:
    """Whether an answer that was not priced has consumed something."""
    if stated is not None:
        return bool(stated.total_tokens or stated.usage.further)
    received = request.received
    return request.price is None and received.endpoint.metered and not _consumed_nothing(received.trail, outcome)


def _cost_of(request: Admitted, candidate: Candidate, stated: Stated) -> AnswerCost | None:
    """What an answer cost by what it states; `None` where neither who was asked nor who answered has a price."""
    provider, received = candidate.upstream.provider, request.received
    listed = cost_of(
        received.snapshot.prices,
        provider.name,
        provider.type,
        candidate.model,
        stated.usage,
        stated.served,
        received.started_at,
        candidate.prices,
    )
    if candidate.upstream.trusts_stated_cost and stated.served is not None:
        return trusted_cost(stated.served.stated_cost, listed)
    return listed


def with_estimates(request: Admitted, stated: Stated) -> Stated:
    """What was stated, with the most that it can be in the place of each figure that could not be read."""
    if not stated.unread:
        return stated
    output = output_bound(_cap(request), default=_assumed_output(request, request.candidate))
    usage = at_most(stated.usage, stated.unread, prompt_tokens(request), output)
    return msgspec.structs.replace(stated, usage=usage)


class Released:
    """What ending what a request held has come to.

    Args:
        charges: What was added to the counters of its budgets.
        prompt_per_mille: What is learned of it: what the prompt cost in thousandths of the most that it could; `None`
            where nothing is.
        settled_until: The settlement that added the charges last (`CounterStore.settled_until`).
    """

    __slots__ = ("charges", "prompt_per_mille", "settled_until")

    def __init__(self, charges: tuple[Charge, ...], prompt_per_mille: int | None, settled_until: str | None) -> None:
        self.charges = charges
        self.prompt_per_mille = prompt_per_mille
        self.settled_until = settled_until


NOTHING_RELEASED = Released((), None, None)


def release(received: Received, services: Services, bill: Bill, stated: Stated | None, outcome: str) -> Released:
    """Ends what the request held: it becomes what was consumed, and metrics hear what is spent of each budget."""
    trail = received.trail
    if not trail.reservations:
        return NOTHING_RELEASED
    consumption = _Consumption(trail, stated, outcome)
    counted: set[str] = set()
    charged: list[Charge] = []
    for reservation in trail.reservations:
        consumed = _settlement(reservation, bill, consumption, counted, charged)
        lease, budgets = reservation.lease, reservation.budgets
        if lease is None:
            if budgets:
                services.counters.charge([(hold.limit, consumed[hold.limit.key]) for hold in budgets])
        else:
            lease.settle(consumed)
            if budgets:
                _tell_spent(received, services, budgets, lease.settled)
    learned = None
    if trail.key is not None and trail.key.learns and trail.asked is not None and outcome == "ok":
        learned = _learn(trail.asked, bill, services.habits)
    return Released(tuple(charged), learned, services.counters.settled_until() if charged else None)


def _learn(asked: Asked, bill: Bill, habits: Habits) -> int | None:
    """What an answer cost that came to its end, and said so itself, is what such requests of the key usually cost."""
    request, stated = asked.admitted, asked.stated
    candidate, price = request.candidate, request.price
    if price is None or bill.price is None or stated is None or asked.is_counted or request.replaced:
        return None
    if request.defers:  # what it consumes is stated later
        return None
    usage = stated.usage
    answer = usage.output_tokens * (rates_of(bill.price, usage, stated.served).output or 0) // TOKENS_PER_RATE
    prompt = max((bill.cost or 0) - answer, 0)
    most = estimated_cost(request, price, candidate, output_tokens=0)
    per_mille = min(-(-prompt * PER_MILLE // most), PER_MILLE) if most else PER_MILLE
    habits.learn(request.key.name, _target(candidate), usage.output_tokens, per_mille)
    return per_mille


class _Consumption:
    """What a request consumed beside money. `tokens` are `None` where nobody said, so that the estimate stands."""

    __slots__ = ("_outcome", "_trail", "target", "tokens")

    def __init__(self, trail: Trail, stated: Stated | None, outcome: str) -> None:
        self._trail = trail
        self._outcome = outcome
        self.target: CalledModel = ("", "") if trail.candidate is None else _target_of(trail.candidate)
        self.tokens = _tokens(trail, stated, outcome)

    def of(self, hold: BudgetHold) -> int:
        """What counts against a budget that counts something else than money, of which this was held."""
        compiled, counted = hold.budget, 0
        for target, tokens in self._answered():
            if counts_target(compiled, *target):
                counted += hold.amount if tokens is None else tokens
                if compiled.unit == "requests":
                    return 1
        return counted

    def _answered(self) -> Iterator[tuple[CalledModel, int | None]]:
        trail, admitted = self._trail, self._trail.admitted
        if admitted is None:
            return
        yield from _answered_before(admitted)
        if admitted.defers and not self.tokens:  # what goes on is counted when it ends
            return
        # An answer that broke off, or could not be read, has been one.
        if trail.candidate is not None and (self.tokens or not _consumed_nothing(trail, self._outcome)):
            charges = self.tokens is not None or admitted.key.in_force.charges_missing_usage
            yield self.target, self.tokens if charges else 0


def _settlement(
    reservation: Reservation, bill: Bill, consumption: _Consumption, counted: set[str], charged: list[Charge]
) -> dict[str, int]:
    """What was consumed of each counter of a reservation; of what `counted` in an earlier one nothing more.

    What is held is an estimate of money and of tokens alone; of the others it is what counts. What budgets are
    `charged` is added to the list.
    """
    amounts: dict[str, int] = {}
    for spent in reservation.budgets:
        key = spent.limit.key
        # PERF: most budgets count the spend at all providers.
        counting = spent.budget
        if counting.unit != "usd":
            own = consumption.of(spent)
        else:
            own = (
                bill.cost or 0
                if counting.provider is None and counting.model is None
                else _counted(bill.owed, counting)
            )
        if key in counted:
            own = 0
        elif own:
            charged.append(Charge(key, own))
        amounts[key] = own
    for margin in reservation.margins:
        amounts[margin.limit.key] = 0
    tokens = consumption.tokens
    if tokens is not None:
        for hold in reservation.holds:
            if hold.limit.dimension is _TPM:
                key = hold.limit.key
                amounts[key] = 0 if key in counted else _consumed(consumption.target, hold, tokens)
    counted.update(amounts)
    return amounts


def _last_attempt(request: Admitted, stated: Stated | None, outcome: str) -> AnswerCost | None:
    if stated is not None:
        return _cost_of(request, request.candidate, stated)
    price, received = request.price, request.received
    if price is None or not received.endpoint.metered or _consumed_nothing(received.trail, outcome):
        return None
    if not request.key.in_force.charges_missing_usage:
        return AnswerCost(0, price)
    if outcome == "ok":
        return AnswerCost(estimated_cost(request, price, request.candidate), price)
    return AnswerCost(cost(Usage(input_tokens=prompt_tokens(request)), price), price)


def _owed_for_replaced(request: Admitted) -> tuple[dict[CalledModel, int], tuple[str, ...]]:
    """Nano-USD that each target is owed for answers that another took the place of, and what has no price of them."""
    owed: dict[CalledModel, int] = {}
    unpriced: tuple[str, ...] = ()
    for replaced, consumed in request.replaced:
        earlier = _cost_of(request, replaced, consumed)
        if earlier is not None:
            _owe(owed, replaced, earlier.nano_usd)
            unpriced += earlier.unpriced
        elif consumed.total_tokens:
            unpriced += (unpriced_model(replaced),)
    return owed, unpriced


def _owe(owed: dict[CalledModel, int], candidate: Candidate, amount: int) -> None:
    target = _target_of(candidate)
    owed[target] = owed.get(target, 0) + amount


def _target_of(candidate: Candidate) -> CalledModel:
    return candidate.upstream.provider.name, candidate.model


def _consumed(target: CalledModel, hold: Hold, tokens: int) -> int:
    """How many of the tokens count against the limit of a key, of a provider's account, or by selector."""
    if isinstance(hold, SelectedHold):
        return tokens if hold.selected.counts_target(*target) else 0
    owner, name, _ = hold.limit.key.split(":", 2)
    return tokens if owner == "key" or name == target[0] else 0


def _counted(owed: Mapping[CalledModel, int], compiled: CompiledBudget) -> int:
    """How much counts against a budget of what targets are owed."""
    return sum(amount for (provider, model), amount in owed.items() if counts_target(compiled, provider, model))


def _tokens(trail: Trail, stated: Stated | None, outcome: str) -> int | None:
    """Tokens that count: what was reported; none where nothing was answered; else `None`, and the estimate stands."""
    if stated is not None:
        return stated.total_tokens
    return 0 if _consumed_nothing(trail, outcome) else None


def _consumed_nothing(trail: Trail, outcome: str) -> bool:
    """Whether nothing was answered, or the client left while no call was under way."""
    if outcome in ("refused", "failed"):
        return True
    attempts = trail.attempts
    return outcome != "ok" and (not attempts or attempts[-1].outcome not in _MAY_COST)
