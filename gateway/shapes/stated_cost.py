"""What an answer says that it cost, of those that say so.

Sources: `usage.cost`, beside which stands what the upstream charges where the account brought a key of its own
(https://openrouter.ai/docs/use-cases/usage-accounting), in either API's answers; `usage.cost.total_cost` (https://docs.perplexity.ai/api-reference).
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.usage import Served, Stated

_NANO: Final = 1_000_000_000
_MOST_USD: Final = 9_000_000


def with_stated_cost(stated: Stated, usage: Mapping[str, Any]) -> Stated:
    """An answer's account with the cost that its `usage` states, where that can be one."""
    cost = stated_cost(usage)
    if cost is None:
        return stated
    return msgspec.structs.replace(stated, served=msgspec.structs.replace(stated.served or Served(), stated_cost=cost))


def stated_cost(usage: Mapping[str, Any]) -> int | None:
    """Nano-USD; `None` for what is no finite amount from zero up to what counters count exactly."""
    written = usage.get("cost")
    if isinstance(written, dict):
        written = written.get("total_cost")
    cost = _nano_usd(written)
    if cost is None or usage.get("is_byok") is not True:
        return cost
    details = usage.get("cost_details")
    beside = _nano_usd(details.get("upstream_inference_cost")) if isinstance(details, dict) else None
    return None if beside is None else cost + beside


def _nano_usd(usd: Any) -> int | None:
    if type(usd) is not int and type(usd) is not float:
        return None
    return math.ceil(usd * _NANO - _FLOAT_NOISE) if 0 <= usd <= _MOST_USD else None


_FLOAT_NOISE: Final = 1e-3
"""Parts of a nano-USD by which a float may lie beside the decimal that it stands for."""
