"""The requests of a batch, judged one by one as if each had come alone, under the rules in force when it is made.

What goes up is what was judged: where a rule or an alias changes a request, the batch is made of the changed one.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.counters.hold import Hold
from gateway.errors import GatewayError
from gateway.money.habits import Habits
from gateway.money.prices import Price
from gateway.pipeline.admit import cache_mode, judge, judge_urls
from gateway.pipeline.holds import candidate_holds, estimated_cost, find_end_user, tokens_at_most
from gateway.pipeline.homes import owned, provider_called
from gateway.pipeline.outbound import prepare_body, ruled_by_key
from gateway.pipeline.resolve import named_model, resolve
from gateway.pipeline.services import Services
from gateway.pipeline.states import Admitted, BudgetHold, MarginHold, Received
from gateway.pipeline.watch import note, would_refuse
from gateway.shapes.deferred import BATCHED, MOST_REQUESTS
from gateway.shapes.endpoints import ENDPOINTS, Endpoint
from gateway.shapes.state import Reference, may_refer, references_in
from gateway.shapes.stated import output_cap
from gateway.snapshot.snapshot import Candidate, CompiledKey, FallbackPolicy, Resolution
from gateway.turns import at_once
from gateway.usage import Served
from gateway.wire.json_body import JsonBody
from gateway.wire.json_parts import members_in
from gateway.wire.json_splice import Splice, apply
from gateway.wire.unreadable import UNREADABLE

BATCH_TIER: Final = "batch"
_ALONE: Final = FallbackPolicy(max_attempts=1)
_MOST_IDS: Final = 10_000
_MOST_MODELS: Final = 100
_MOST_COUNTERS: Final = 1_000
"""Each end user that a budget counts has one of its own."""
_SWITCHED_OFF: Final = (None, b"false", b"null")
_LINE: Final = frozenset(("custom_id", "method", "url", "body"))
_REQUEST: Final = frozenset(("custom_id", "params"))
_decode_list: Final = msgspec.json.Decoder(list[msgspec.Raw])


def batch_price(price: Price | None) -> Price | None:
    """What a model costs in a batch: its list says so, or it costs what it does elsewhere."""
    return price if price is None or not has_batch_price(price) else price.under(Served(service_tier=BATCH_TIER))


def has_batch_price(price: Price) -> bool:
    """Whether the list has a price of its own for batches."""
    return any(terms.by == "service_tier" and terms.value == BATCH_TIER for terms in price.terms)


def add_most(holds: dict[str, BudgetHold], further: Iterable[Hold]) -> None:
    """Adds, by the key of its counter, the most of each budget: nobody corrects it while the work goes on."""
    for one in further:
        hold = BudgetHold(one.beyond.limit, one.amount, one.beyond.budget) if isinstance(one, MarginHold) else one
        if isinstance(hold, BudgetHold):
            known = holds.get(hold.limit.key)
            amount = hold.amount + (0 if known is None else known.amount)
            holds[hold.limit.key] = BudgetHold(hold.limit, amount, hold.budget)


class BatchRequests:
    """What is found of the requests of one batch, of which `take` is told one after the other.

    `holds` is what all of them need of each budget, `most` what they cost at most in nano-USD, `most_tokens` how many
    tokens they have at most, `models` what they ask the provider for, `ids` what they name of what a provider keeps,
    `count` how many they are.

    Args:
        received: The request that makes the batch.
        key: Whose batch it is.
        habits: What is usual, of which a batch holds nothing less than the most.
        provider: Who runs the batch; `None` where the first request decides.
    """

    def __init__(self, received: Received, key: CompiledKey, habits: Habits, provider: str | None) -> None:
        self._received = received
        self._key = key
        self._habits = habits
        self._asking: dict[str, Received] = {}
        self._cache_mode = cache_mode(key, received.header_map)
        self.provider = provider
        self.holds: dict[str, BudgetHold] = {}
        self.models: dict[str, None] = {}
        self.ids: dict[str, Reference] = {}
        self.most = 0
        self.most_tokens = 0
        self.count = 0

    def take(self, endpoint: Endpoint, data: bytes, place: str) -> bytes:
        """One request as it goes up. Raises `GatewayError` with its place for what it may not be."""
        self.count += 1
        if self.count > MOST_REQUESTS:
            raise GatewayError("bad_request", f"A batch has at most {MOST_REQUESTS} requests.", param=place)
        try:
            return self._judged(endpoint, data, place)
        except GatewayError as error:
            raise at_place(error, place) from None

    async def check_ids(self, services: Services) -> None:
        """Raises `not_found` for what the requests name and the key does not own at the provider of the batch."""
        if not self.ids:
            return
        received, key = self._received, self._key
        found = await owned(received, key, services, list(self.ids))
        for id_, named in self.ids.items():
            one = found.get(id_)
            holder = None if one is None else provider_called(received.snapshot.identities, key, one.provider)
            if holder != self.provider:
                where = "" if one is None else f" at the provider {self.provider}, which runs the batch"
                raise GatewayError(
                    "not_found", f"{named.path}: There is no {id_[:64]!r} of this key{where}.", param=named.path
                )

    def _judged(self, endpoint: Endpoint, data: bytes, place: str) -> bytes:
        received, key, shape = self._of(endpoint), self._key, endpoint.shape
        body, _ = ruled_by_key(key, endpoint, JsonBody(data, shape.declares.judged))
        if body.raw("background") not in _SWITCHED_OFF:
            raise GatewayError("unsupported_parameter", "A batch is in the background as a whole.", param="background")
        judge(key, shape, body)
        judging = judge_urls(key, shape, body)
        if judging is not None:
            at_once(judging)
        if may_refer(shape.state, body):
            for one in references_in(shape.state, body):
                self.ids.setdefault(one.id, Reference(one.id, f"{place}:{one.path}"))
            if len(self.ids) > _MOST_IDS:
                raise GatewayError("bad_request", f"A batch may name {_MOST_IDS} ids of stored objects.")
        model = named_model(endpoint, body)
        found = resolve(received.snapshot, key, endpoint, model, body, received.header_map)
        candidate = self._candidate(found, endpoint, model)
        self.models[candidate.model] = None
        if len(self.models) > _MOST_MODELS:
            raise GatewayError("bad_request", f"A batch may ask for {_MOST_MODELS} models.", param="model")
        if key.watched:
            note(self._received, at_once(would_refuse(received.snapshot, key, endpoint, body)))
        alone = Resolution(found.source, (candidate,), (), found.skipped, _ALONE)
        end_user = find_end_user(received, body)
        admitted = Admitted(received, key, body, output_cap(shape, body), model, alone, self._cache_mode, end_user)
        admitted.price = batch_price(admitted.price)
        self._hold(admitted, candidate)
        return prepare_body(admitted, candidate).body

    def _of(self, endpoint: Endpoint) -> Received:
        """The request as it would have come to an endpoint by itself, with the headers of the batch's."""
        asking = self._asking.get(endpoint.name)
        if asking is None:
            whole = self._received
            asking = Received(whole.snapshot, endpoint, whole.headers, b"", whole.request_id)
            asking.started_at = whole.started_at
            asking.trail.key = self._key
            self._asking[endpoint.name] = asking
        return asking

    def _candidate(self, found: Resolution, endpoint: Endpoint, model: str) -> Candidate:
        making = self._received.endpoint
        for one in found.candidates:
            provider = one.upstream.provider
            is_native = one.lane.translation is None and not one.lane.counts
            if is_native and self.provider in (None, provider.name) and provider.serves(making, ""):
                self.provider = provider.name
                return one
        where = (
            f"to the provider {self.provider}, which runs the batch" if self.provider else "to one that runs batches"
        )
        raise GatewayError(
            "bad_request", f"{model!r} does not lead {where}, by its own {endpoint.path}.", param="model"
        )

    def _hold(self, admitted: Admitted, candidate: Candidate) -> None:
        add_most(self.holds, candidate_holds(admitted, candidate, self._habits))
        if admitted.price is not None and self._key.budgets:
            self.most += estimated_cost(admitted, admitted.price, candidate)
        if any(meter.budget.unit == "tokens" for meter in self._key.budgets):
            self.most_tokens += tokens_at_most(admitted, candidate)
        if len(self.holds) > _MOST_COUNTERS:
            raise GatewayError(
                "bad_request",
                f"A batch may be counted by {_MOST_COUNTERS} budgets, of which each end user has one: make several.",
            )


def at_place(error: GatewayError, place: str) -> GatewayError:
    """The same error of a request that stands somewhere in a batch."""
    error.message = f"{place}: {error.message}"
    error.param = place if error.param is None else f"{place}:{error.param}"
    return error


def judged_line(requests: BatchRequests, line: bytes, place: str, path: str) -> bytes:
    """A line of a file of OpenAI's, as it goes up.

    Args:
        requests: The batch.
        line: Without its end.
        place: Where it stands, such as `file-abc:17`.
        path: The path that the whole batch is for.
    """
    try:
        written = JsonBody(line, _LINE)
        _check_line(written, path)
        body = _object(written, "body")
    except GatewayError as error:
        raise at_place(error, place) from None
    return _with(line, "body", requests.take(BATCHED[path], body, place), body)


def _check_line(written: JsonBody, path: str) -> None:
    if written.decoded("method") != "POST" or written.decoded("url") != path:
        raise GatewayError("bad_request", f'A line has `"method": "POST"` and `"url": "{path}"`, as its batch.')


def _object(written: JsonBody, name: str) -> bytes:
    value = written.raw(name)
    if value is None or not value.startswith(b"{"):
        raise GatewayError("bad_request", f"A request of a batch has {name!r}, which is an object.", param=name)
    return value


def judged_requests(requests: BatchRequests, body: JsonBody) -> bytes:
    """The whole body of a batch of Anthropic's, as it goes up. Raises `GatewayError`."""
    raw = body.raw("requests")
    try:
        items = [] if raw is None else [bytes(item) for item in _decode_list.decode(raw)]
    except UNREADABLE:
        items = []
    judged = [_judged_item(requests, item, f"requests[{number}]") for number, item in enumerate(items)]
    if not judged:
        raise GatewayError("bad_request", "`requests` is a list with at least one request.", param="requests")
    if raw is None or judged == items:
        return body.data
    return _with(body.data, "requests", b"[" + b",".join(judged) + b"]", raw)


def _judged_item(requests: BatchRequests, item: bytes, place: str) -> bytes:
    try:
        params = _object(JsonBody(item, _REQUEST), "params")
    except GatewayError as error:
        raise at_place(error, place) from None
    return _with(item, "params", requests.take(ENDPOINTS["messages"], params, place), params)


def _with(data: bytes, name: str, value: bytes, present: bytes) -> bytes:
    """An object with another value of a member."""
    if value == present:
        return data
    start, end = members_in(data, (0, len(data)))[name]
    return apply(data, [Splice(start, end, value)])
