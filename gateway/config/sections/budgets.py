"""What may be spent, by whom, in which window."""

from typing import Annotated, ClassVar, Final, Literal, get_args

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from gateway.config.sections.access import CEILING, NO_MATTER, RAISES, UNKNOWN, steps
from gateway.config.sections.base import (
    Description,
    Managed,
    ModelGlob,
    Moment,
    Name,
    PositiveInt,
    ProviderName,
    Section,
    Usd,
)
from gateway.config.sections.marks import MODEL_ITSELF, TAG_ITSELF, TEXT_ITSELF, TOLD_ITSELF, CalledElsewhere, Refers
from gateway.config.sections.names import PrintableName
from gateway.money.budget import MAX_END_USER_LENGTH, Each, ScopeKind, Unit
from gateway.shapes.endpoints import ENDPOINTS

METERED: Final = tuple(name for name, endpoint in ENDPOINTS.items() if endpoint.metered)
"""The endpoints of which money, tokens and answers are counted."""


def _metered(name: str) -> str:
    if name not in METERED:
        msg = f"there is no endpoint {name!r} that budgets count: write one of {', '.join(METERED)}"
        raise ValueError(msg)
    return name


EndpointName = Annotated[str, AfterValidator(_metered), WithJsonSchema({"enum": [*METERED]})]


class BudgetScope(Section):
    """Whom a budget covers: exactly one of these."""

    example: ClassVar[str] = """
        budgets:
          tagged: {scope: {tag: env=prod}, window: day, limit_usd: "12.50", each: virtual_key}
    """

    organization: Annotated[PrintableName | None, Refers("organizations")] = Field(
        None, description="Everything of the organization of this name."
    )
    team: Annotated[PrintableName | None, Refers("teams")] = Field(None, description="One of `teams`.")
    project: Annotated[PrintableName | None, Refers("projects")] = Field(None, description="One of `projects`.")
    principal: Annotated[PrintableName | None, Refers("principals")] = Field(None, description="One of `principals`.")
    virtual_key: Annotated[Name | None, Refers("virtual_keys")] = Field(None, description="One of `virtual_keys`.")
    tag: Annotated[str | None, TAG_ITSELF] = Field(None, description="Every virtual key that carries this tag.")

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


class Raise(Section):
    """More for a while: for one of those who each have a limit of their own, or for whoever the limit is of."""

    example: ClassVar[str] = """
        budgets:
          each-engineer:
            scope: {team: engineering}
            each: principal
            window: month
            limit_usd: 300
            raises: [{principal: dev-1@example.com, add_usd: 200, until: 2027-01-15T00:00:00Z, why: a migration}]
    """

    principal: Annotated[PrintableName | None, Refers("principals")] = Field(None, description="One of `principals`.")
    virtual_key: Annotated[Name | None, Refers("virtual_keys")] = Field(None, description="One of `virtual_keys`.")
    end_user: Annotated[str | None, Field(min_length=1, max_length=MAX_END_USER_LENGTH), TAG_ITSELF] = Field(
        None, description="The id of an end user."
    )
    add_usd: Usd | None = Field(None, description="US dollars on top of the limit, in each window that it is in force.")
    add_tokens: PositiveInt | None = Field(None, description="Tokens on top of the limit.")
    add_requests: PositiveInt | None = Field(None, description="Requests on top of the limit.")
    until: Moment = Field(description="When it ends.")
    why: Annotated[str | None, Field(max_length=500), TEXT_ITSELF, NO_MATTER] = Field(
        None, description="What it is for, for people."
    )

    @model_validator(mode="after")
    def _says_one_of_each(self) -> "Raise":
        if sum(getattr(self, f"add_{unit}") is not None for unit in get_args(Unit)) != 1:
            msg = "a raise has exactly one of add_usd, add_tokens and add_requests"
            raise ValueError(msg)
        if sum(getattr(self, kind) is not None for kind in get_args(Each)) > 1:
            msg = "a raise is for one principal, one virtual key or one end user; write several"
            raise ValueError(msg)
        return self

    @property
    def whose(self) -> tuple[Each, str] | None:
        """Whom it names, if anybody."""
        return next(((kind, name) for kind in get_args(Each) if (name := getattr(self, kind)) is not None), None)


class Budget(Managed):
    """A limit on what is spent, in US dollars, tokens or requests."""

    example: ClassVar[str] = """
        budgets:
          cap: {scope: {team: engineering}, window: month, limit_usd: 5000, on_breach: block}
    """

    scope: Annotated[BudgetScope, UNKNOWN] = Field(description="Whom the budget covers.")
    each: Annotated[Each | None, UNKNOWN] = Field(
        None, description="Gives each one under the scope a limit of their own, in place of one for all together."
    )
    window: Annotated[
        Literal["minute", "hour", "day", "week", "month", "total", "manual"],
        UNKNOWN,
        CalledElsewhere(("budget_duration", "period", "interval", "reset")),
    ] = Field(
        description="After how long the spend starts from zero; weeks start on Monday, `total` and `manual` never end."
    )
    limit_usd: Annotated[Usd | None, CEILING, CalledElsewhere(("max_budget", "limit", "usd", "amount", "max_usd"))] = (
        Field(None, description="The limit in US dollars, as a decimal string or number.")
    )
    limit_tokens: Annotated[PositiveInt | None, CEILING, CalledElsewhere(("max_tokens", "tokens", "total_tokens"))] = (
        Field(None, description="The limit in tokens, of prompts and answers together, in place of one in US dollars.")
    )
    limit_requests: Annotated[PositiveInt | None, CEILING, CalledElsewhere(("max_requests", "requests", "calls"))] = (
        Field(None, description="The limit in requests that were answered, in place of one in US dollars.")
    )
    on_breach: Annotated[
        Literal["block", "warn"],
        steps("block", "warn", default="block"),
        CalledElsewhere(("action", "mode", "enforce")),
    ] = Field("block", description="`block` refuses what would pass the limit, `warn` lets it through and says so.")
    timezone: Annotated[str, UNKNOWN] = Field(
        "UTC", description="The IANA time zone in which days, weeks and months begin."
    )
    cycle_anchor_at: Annotated[Moment | None, UNKNOWN] = Field(
        None, description="When the first window began; without it, windows follow the calendar."
    )
    provider: Annotated[ProviderName | None, Refers("providers"), UNKNOWN] = Field(
        None, description="Counts this provider's spend only; on breach that provider leaves the chain."
    )
    model: Annotated[ModelGlob | None, MODEL_ITSELF, UNKNOWN] = Field(
        None,
        description="Counts what models cost that match this glob only, as `model` or `provider/model`; on breach "
        "such a model leaves the chain.",
    )
    endpoint: Annotated[EndpointName | None, UNKNOWN] = Field(
        None,
        description="Counts requests of this endpoint only, such as `chat_completions`, `messages` or `embeddings`.",
    )
    unpriced: Annotated[Literal["refuse", "allow"], steps("refuse", "allow", default="refuse")] = Field(
        "refuse", description="What a `block` budget does with a model that has no price."
    )
    reserve: Annotated[Literal["worst", "learned"], UNKNOWN] = Field(
        "worst",
        description="What a request holds while it runs: the most that it can cost, or what nine in ten of the same "
        "key's requests to the same model cost of that.",
    )
    reserve_margin_usd: Annotated[Usd | None, UNKNOWN] = Field(
        None,
        description="US dollars of the limit that `learned` keeps back: requests are refused from the limit less this "
        "on, and those under way together never cost more than they hold by more than this.",
    )
    when_over: Annotated[
        dict[
            Annotated[str, Field(pattern=r"^([1-9][0-9]?|100)$")], Annotated[str, Field(min_length=1, max_length=512)]
        ],
        MODEL_ITSELF,
        UNKNOWN,
    ] = Field(
        {},
        description="From which percentage of the limit on a request that would hold more of it becomes one for which "
        "model, by a name that the key may send: `{80: claude-sonnet}`. 100 only with `on_breach: warn`.",
    )
    raises: Annotated[list[Raise], RAISES] = Field(
        [], description="More for a while, on top of the limit; what is spent goes on."
    )
    message: Annotated[str | None, Field(min_length=1, max_length=500), TOLD_ITSELF, NO_MATTER] = Field(
        None,
        description="What a client is told beside the refusal: whom to ask, where to read.",
    )
    description: Description = Field(None, description="What the budget is for, for people.")

    @model_validator(mode="after")
    def _has_one_limit(self) -> "Budget":
        if sum(getattr(self, f"limit_{unit}") is not None for unit in get_args(Unit)) != 1:
            msg = "a budget has exactly one of limit_usd, limit_tokens and limit_requests"
            raise ValueError(msg)
        return self

    @property
    def unit(self) -> Unit:
        """What is counted."""
        return next(unit for unit in get_args(Unit) if getattr(self, f"limit_{unit}") is not None)
