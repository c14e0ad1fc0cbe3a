"""The check that no section can make for itself: does everything that a configuration names have a price?"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Finding
from gateway.config.model import Config
from gateway.config.sections.budgets import Budget
from gateway.config.sections.providers import CostStatingProvider
from gateway.snapshot.named_models import named_models
from gateway.snapshot.prices import Prices, seller_at

_HINT: Final = "Write what it costs under `prices`, or take newer prices: gateway prices update --from FILE|URL"
_OR_TRUST: Final = "; or set `trust_stated_cost`, since answers of this seller say what they cost"
_STATING: Final = ("openrouter", "perplexity")
"""Lists of the catalogue whose sellers say in each answer what it cost."""


def unpriced_models(config: Config, at: datetime) -> Iterator[Checked]:
    """A warning for each model that has no price at a moment (with a zone).

    Where a provider's answers say what they cost, only a budget that has to reserve needs a price.
    """
    prices, now = Prices(config), at.timestamp()
    refusing = next((name for name, one in config.budgets.items() if _needs_prices(one)), None)
    for target, path in named_models(config).items():
        name, _, model = target.partition("/")
        provider = config.providers[name]
        trusts = provider.trust_stated_cost if isinstance(provider, CostStatingProvider) else None
        if trusts and refusing is None:
            continue
        if prices.of(name, provider.type, model).at(now) is None:
            follows = [] if trusts else ["it counts as nothing"]
            follows += [] if refusing is None else [f"budgets such as {refusing} refuse it where they count"]
            message = f"nobody knows what {target} costs: {', and '.join(follows)}"
            states = trusts is False and refusing is None and seller_at(provider).own in _STATING
            hint = f"{_HINT}{_OR_TRUST if states else ''}."
            yield Checked(Finding("unpriced-model", message, path, hint, path[-2] == "deployments"), Severity.WARNING)


def _needs_prices(budget: Budget) -> bool:
    return budget.on_breach == "block" and budget.unpriced == "refuse"
