"""One request as the ledger keeps it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.usage import Usage


class Charge(msgspec.Struct, frozen=True, gc=False):
    """`amount` (nano-USD, or units of whatever the counter counts) that a request added to one counter."""

    counter: str
    amount: int


class LedgerEntry(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Who asked what of whom, when, what came of it and what it cost. Text that is unknown is empty.

    Args:
        request_id: Also the idempotency key: of several entries with one id, the first that arrives counts.
        occurred_at: Microseconds since the Unix epoch; the moment in whose windows the spend counts.
        model: What the provider was asked for; `model_asked` is what the client wrote.
        status: HTTP status of the answer; 499 where the client left.
        cost_nano_usd: 0 for refused and failed requests.
        price: The price that the cost was computed with, as it should be shown; `None` where there was none.
        price_source: Where that price came from.
        revision: The configuration that decided.
        budgets: What was added to which counters; counters are rebuilt from it.
    """

    request_id: str
    occurred_at: int
    virtual_key: str = ""
    principal: str = ""
    project: str = ""
    team: str = ""
    organization: str = ""
    tags: tuple[str, ...] = ()
    end_user: str = ""
    provider: str = ""
    provider_type: str = ""
    model: str = ""
    model_asked: str = ""
    endpoint: str = ""
    status: int
    outcome: str
    usage: Usage = Usage()
    cost_nano_usd: int = 0
    price: Mapping[str, Any] | None = None
    price_source: str = ""
    revision: str = ""
    budgets: tuple[Charge, ...] = ()
