"""The whole file as one typed, frozen value. The JSON Schema is generated from this model."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from gateway.config.sections.access import EACH_MEMBER, NO_MATTER, OTHER_READERS, UNKNOWN, Access, steps
from gateway.config.sections.attribution import Principal, Project, Team
from gateway.config.sections.base import Fallback, Name, ProviderName, Section
from gateway.config.sections.budgets import Budget
from gateway.config.sections.limits import Limits
from gateway.config.sections.marks import MODEL_ITSELF, NAME_ITSELF, Kind, Refers
from gateway.config.sections.models import Model
from gateway.config.sections.names import PrintableName
from gateway.config.sections.policy_rules import NamedPolicyRules
from gateway.config.sections.prices import LockedPrice, ModelPrice
from gateway.config.sections.providers import Provider
from gateway.config.sections.reservations import Reservations
from gateway.config.sections.tracing import MOST_COLLECTORS, ContentCapture, TraceCollector
from gateway.config.sections.virtual_keys import AliasTargets, KeyClass, ModelTarget, VirtualKey

Address = Annotated[str, Field(pattern=r"^[a-z_]+[./].+$", max_length=600)]


def _whole_number(value: object) -> object:
    """To Python, `True` and `1.0` are `1`."""
    if type(value) is not int:
        raise ValueError("the whole number 1 belongs here")
    return value


class Moved(Section):
    """A rename: what there is under one address goes on under another, with its secret and what was used and spent."""

    example: ClassVar[str] = "moved: [{from: virtual_keys.checkout, to: virtual_keys.shop}]"

    from_: Annotated[Address, NAME_ITSELF] = Field(
        alias="from", description="The address before, `virtual_keys.old-name`."
    )
    to: Annotated[Address, NAME_ITSELF] = Field(description="The address now, of the same kind.")


class Config(Section):
    """A validated `gateway.yaml`, or several of them merged."""

    version: Annotated[Literal[1], BeforeValidator(_whole_number)] = Field(description="The version of this format: 1.")
    owner: Annotated[Name | None, NAME_ITSELF] = Field(
        None, description="Who manages what this file declares, in a control plane that several files share."
    )
    organization: Annotated[PrintableName | None, NAME_ITSELF, NO_MATTER] = Field(
        None, description="The organization that every request is attributed to."
    )
    trace_collectors: Annotated[dict[Name, TraceCollector], Kind("trace collector")] = Field(
        {},
        max_length=MOST_COLLECTORS,
        description="Collectors of traces by name, beside that of the `OTEL_*` variables.",
    )
    teams: Annotated[dict[PrintableName, Team], Kind("team")] = Field({}, description="Teams by name.")
    projects: Annotated[dict[PrintableName, Project], Kind("project")] = Field({}, description="Projects by name.")
    principals: Annotated[dict[PrintableName, Principal], Kind("principal")] = Field(
        {}, description="People and robots by name, often an e-mail address."
    )
    providers: Annotated[
        dict[ProviderName, Provider], Kind("provider", created=Access.GRANTS, deleted=Access.NARROWS)
    ] = Field({}, description="Upstream accounts by name.")
    model_aliases: Annotated[
        dict[str, Annotated[AliasTargets, UNKNOWN]],
        MODEL_ITSELF,
        Kind("model alias", created=Access.GRANTS, deleted=Access.NARROWS),
    ] = Field(
        {},
        description="Model names that every key may send, and what they mean; a key's own aliases win. A name may be a "
        'glob, `"claude-*": openai/gpt-5`: of those that match, the one with most literal characters counts, after '
        "every exact alias; one without a slash matches no name with one.",
    )
    models: Annotated[dict[Name, Model], Kind("model", created=Access.GRANTS, deleted=Access.NARROWS)] = Field(
        {},
        description="Models by names of one's own, which every key may send: one model at several providers, or "
        "several models between which requests are shared. They are found after every exact alias, before globs.",
    )
    policy_rules: Annotated[
        dict[Name, NamedPolicyRules], Kind("policy_rules set", created=Access.NARROWS, deleted=Access.WIDENS)
    ] = Field({}, description="Named rule sets, for keys to refer to.")
    key_classes: Annotated[dict[Name, KeyClass], Kind("key class")] = Field(
        {}, description="What many keys have in common, by name; keys, principals and teams name one as their `class`."
    )
    virtual_keys: Annotated[
        Mapping[Name, VirtualKey], Kind("virtual_key", created=Access.GRANTS, deleted=Access.NARROWS)
    ] = Field({}, description="Virtual keys by name.")
    budgets: Annotated[dict[Name, Budget], Kind("budget", created=Access.NARROWS, deleted=Access.WIDENS)] = Field(
        {}, description="Budgets by name."
    )
    limits: Annotated[dict[Name, Limits], Kind("set of limits", created=Access.NARROWS, deleted=Access.WIDENS)] = Field(
        {}, description="Rate limits by name, of what each one's `match` says, beside those of keys and providers."
    )
    prices: Annotated[dict[ModelTarget, Annotated[ModelPrice, NO_MATTER]], Kind("price")] = Field(
        {}, description="Prices by `provider/model`, where they differ from or are missing in the built-in catalogue."
    )
    locked_prices: Annotated[
        dict[Annotated[ModelTarget, Refers("providers", "model", may_be_gone=True)], Annotated[LockedPrice, NO_MATTER]],
        Kind("locked price"),
    ] = Field({}, description="Prices of the built-in catalogue as they were locked; `prices.lock.yaml` holds them.")
    moved: list[Moved] = Field(
        [], description="Renames for `gateway apply`: what is listed is not deleted and made anew."
    )
    on_missing_usage: Annotated[
        Literal["charge_estimate", "charge_zero"], steps("charge_estimate", "charge_zero", default="charge_estimate")
    ] = Field(
        "charge_estimate",
        description="What an answer costs whose usage the provider does not report: the upper estimate, or nothing.",
    )
    assumed_output_tokens: Annotated[Annotated[int, Field(ge=1, le=10_000_000)] | Literal["max"], UNKNOWN] = Field(
        8_192,
        description="Output tokens that budgets hold for a request that sets no limit of its own. An answer may have "
        "more, and then it passes a limit; `max` holds all that the model gives.",
    )
    reservations: Annotated[Reservations, UNKNOWN] = Field(
        Reservations(), description="What budgets hold for what a request only points at, or sets no limit to."
    )
    trace_collector: Annotated[Name | None, Refers("trace_collectors"), OTHER_READERS] = Field(
        None,
        description="One of `trace_collectors`, for every key whose project and team name none; omitted: that of the "
        "`OTEL_*` variables.",
    )
    content_capture: Annotated[ContentCapture, EACH_MEMBER] = Field(
        ContentCapture(), description="Whether traces carry prompts and answers, and what is hidden in them."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"] | None, NO_MATTER] = Field(
        None,
        description="How much each gateway says about itself, from the moment that this is in force; omitted: as "
        "`GATEWAY_LOG_LEVEL` has it.",
    )
    fallback: Fallback | None = Field(None, description="The fallback of every key that has none of its own.")
    on_disconnect: Annotated[Literal["cancel", "drain"], NO_MATTER] = Field(
        "cancel",
        description="When a client leaves: `cancel` the upstream call within a second, or `drain` it up to a bound so "
        "that the provider's own figures are metered.",
    )
    stream_keepalive_s: Annotated[Annotated[int, Field(ge=0, le=3600)] | None, NO_MATTER] = Field(
        None,
        description="While an upstream stream is silent, send a keep-alive after this many seconds; 0: never. It adds "
        "bytes to the stream: a comment, or a `ping` event on Anthropic's shape. Omitted: 15 where the answer is "
        "translated from another API, never where it passes byte for byte.",
    )
    unary_keepalive_s: Annotated[Annotated[int, Field(ge=0, le=3600)] | None, NO_MATTER] = Field(
        None,
        description="While an answer that comes whole is waited for, send a space each time so many seconds have "
        "passed; 0, or omitted: never. With the first one goes status 200, so an error after it stands in the body "
        "alone. Audio is left out.",
    )
