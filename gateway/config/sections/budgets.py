"""What may be spent, by whom, in which window."""

from typing import Literal, get_args

from pydantic import Field, model_validator

from gateway.config.sections.base import Managed, Moment, Name, ProviderName, Section, Usd
from gateway.money.budget import ScopeKind


class BudgetScope(Section):
    """Whom a budget covers: exactly one of these."""

    organization: Name | None = Field(None, description="Everything of the organization of this name.")
    team: Name | None = Field(None, description="One of `teams`.")
    project: Name | None = Field(None, description="One of `projects`.")
    principal: Name | None = Field(None, description="One of `principals`.")
    virtual_key: Name | None = Field(None, description="One of `virtual_keys`.")
    tag: str | None = Field(None, description="Every virtual key that carries this tag.")

    @model_validator(mode="after")
    def _exactly_one(self) -> "BudgetScope":
        if sum(value is not None for _, value in self) != 1:
            msg = "a scope names exactly one of organization, team, project, principal, virtual_key, tag"
            raise ValueError(msg)
        return self

    @property
    def named(self) -> tuple[ScopeKind, str]:
        """What kind of thing it names, and which."""
        return next((kind, value) for kind in get_args(ScopeKind) if (value := getattr(self, kind)) is not None)


class Budget(Managed):
    """A limit on spend."""

    scope: BudgetScope = Field(description="Whom the budget covers.")
    each: Literal["virtual_key", "principal", "end_user"] | None = Field(
        None, description="Gives each one under the scope a limit of their own, in place of one for all together."
    )
    window: Literal["minute", "hour", "day", "week", "month", "total", "manual"] = Field(
        description="After how long the spend starts from zero; weeks start on Monday, `total` and `manual` never end."
    )
    limit_usd: Usd = Field(description="The limit in US dollars, as a decimal string or number.")
    on_breach: Literal["block", "warn"] = Field(
        "block", description="`block` refuses what would pass the limit, `warn` lets it through and says so."
    )
    timezone: str = Field("UTC", description="The IANA time zone in which days, weeks and months begin.")
    cycle_anchor_at: Moment | None = Field(
        None, description="When the first window began; without it, windows follow the calendar."
    )
    provider: ProviderName | None = Field(
        None, description="Counts this provider's spend only; on breach that provider leaves the chain."
    )
    unpriced: Literal["refuse", "allow"] = Field(
        "refuse", description="What a `block` budget does with a model that has no price."
    )
    reserve: Literal["worst", "learned"] = Field(
        "worst",
        description="What a request holds while it runs: the most that it can cost, or what nine in ten of the same "
        "key's requests to the same model cost of that.",
    )
    reserve_margin_usd: Usd | None = Field(
        None,
        description="US dollars of the limit that `learned` keeps back: requests are refused from the limit less this "
        "on, and those under way together never cost more than they hold by more than this.",
    )
    description: str | None = Field(None, description="What the budget is for, for people.")
