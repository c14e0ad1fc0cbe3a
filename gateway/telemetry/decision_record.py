"""One request that has ended: what the log prints, the ledger keeps and spans are made of."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.errors import ERROR_TYPES
from gateway.usage import Served, Usage

UNPRICED: Final = "unpriced: "
"""What stands in a usage warning before the names of all that has no price."""

NAMED: Final[Mapping[str, str]] = {
    "virtual_key": "virtual_keys",
    "principal": "principals",
    "project": "projects",
    "team": "teams",
    "organization": "organizations",
    "provider": "providers",
}
"""The members of a record that name what can be renamed, and the kind of each. There is one organization."""

_PASSED_OVER: Final = frozenset((*ERROR_TYPES, "rate_limited"))
"""Outcomes of providers that were not asked, though it was their turn."""


class AttemptRecord(msgspec.Struct, frozen=True, gc=False):
    """One call to one provider. `outcome` is `ok`, the upstream's status as text, or the kind of failure.

    `began_ms` counts from the request's own beginning; a provider that was passed over took no time.
    """

    provider: str
    model: str
    outcome: str
    began_ms: int
    duration_ms: int

    @property
    def was_asked(self) -> bool:
        """Whether the provider was called, and not passed over."""
        return self.outcome not in _PASSED_OVER


class Charge(msgspec.Struct, frozen=True, gc=False):
    """`amount` (nano-USD, or units of whatever the counter counts) that a request added to one counter."""

    counter: str
    amount: int


class DecisionRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who asked what of whom, what was decided by which revision of the file, what came of it and what it cost.

    It is built once and encoded once; the same bytes are a line of the log and what the ledger's spool holds. Members
    with a default may be missing in what an older version spooled. What is unknown is `None`.

    Args:
        time: `occurred_at` for people, RFC 3339 in UTC.
        request_id: Also the ledger's idempotency key: of several records with one id, the first that arrives counts.
        revision: The configuration that decided.
        model: What the provider was asked for; `model_asked` is what the client wrote.
        route: By which models of the file's own it came to the provider, and what shared requests out.
        body: What became of the body on its way: `identical`, `spliced` or `translated`.
        status: HTTP status of the answer; 499 where the client left.
        usage: What was consumed, by kind.
        served: Who really answered and how, where the answer says so: what the price depends on besides the usage.
        cost_nano_usd: `None` where no price is known.
        price_source: Where the price came from.
        attempts: Every provider that was asked or passed over, in order.
        duration_ms: From the request's arrival to the end of its answer.
        first_byte_ms: Until the provider's answer began.
        first_token_ms: Until a stream brought content.
        denied_by: What refused it: owner, dimension and name.
        occurred_at: Microseconds since the Unix epoch; the moment in whose windows the spend counts.
        price: The price that the cost was computed with, as it should be shown.
        budgets: What was added to which counters; counters are rebuilt from it.
        identities: By kind and name, what the ledger has in place of the name of something that was renamed.
        prompt_per_mille: What the prompt cost in thousandths of the most that it could, of keys with a budget that
            learns; gateways that start learn from it.
        settled_until: Process and number of the last settlement that counted it in shared counters
            (`gateway.ledger.settled`); unset where it was charged to none.
        warnings: Rules and limits that only warn and would have refused it, by name; unset where there are none.
    """

    time: str = ""
    request_id: str
    revision: str = ""
    trace_id: str = ""
    span_id: str = ""
    endpoint: str = ""
    virtual_key: str | None = None
    organization: str | None = None
    team: str | None = None
    project: str | None = None
    principal: str | None = None
    tags: tuple[str, ...] = ()
    end_user: str | None = None
    model_asked: str | None = None
    model: str | None = None
    provider: str | None = None
    provider_type: str | None = None
    model_source: str | None = None
    route: str | None = None
    body: str | None = None
    streaming: bool | None = None
    status: int
    error_type: str | None = None
    error_code: str | None = None
    outcome: str
    usage: Usage | None = None
    served: Served | None = None
    usage_warning: str | None = None
    cost_nano_usd: int | None = None
    price_source: str | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    duration_ms: int | None = None
    first_byte_ms: int | None = None
    first_token_ms: int | None = None
    denied_by: str | None = None
    occurred_at: int
    price: Mapping[str, Any] | None = None
    budgets: tuple[Charge, ...] = ()
    identities: Mapping[str, Mapping[str, str]] | msgspec.UnsetType = msgspec.UNSET
    prompt_per_mille: int | None = None
    settled_until: str | msgspec.UnsetType = msgspec.UNSET
    warnings: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET

    @property
    def is_unpriced(self) -> bool:
        """Whether something that it consumed has no price, or all of it."""
        return self.usage_warning is not None and UNPRICED in self.usage_warning
