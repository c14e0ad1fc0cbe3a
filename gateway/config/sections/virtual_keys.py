"""The credentials that clients present, and what each may do."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.config.sections.base import Fallback, Managed, Moment, Name, ProviderName, RateLimits, Section
from gateway.config.sections.policy_rules import PolicyRules
from gateway.config.sections.tracing import KeyContentCapture

SecretHash = Annotated[
    str,
    Field(
        pattern=r"^hmac-sha256(-sha256)?:[0-9a-f]{64}$",
        description="`hmac-sha256:` and 64 hex digits, as `gateway keys mint` and `gateway keys hash` print it; "
        "`hmac-sha256-sha256:` for a key of another gateway, as `gateway import` writes it.",
    ),
]
ModelTarget = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9._-]*/.+$",
        max_length=512,
        description="`provider/model`: one of `providers`, a slash, and the model's name there.",
    ),
]


class Balanced(Section):
    """One model that several providers serve; each request goes to one of them, the others stand by."""

    model: Annotated[str, Field(min_length=1, max_length=512)] = Field(description="The model's name at all of them.")
    balance: dict[ProviderName, Annotated[int, Field(ge=1, le=1_000_000)]] = Field(
        min_length=1, description="Providers by name, each with its weight: `{openai-eu: 3, openai-us: 1}`."
    )
    by: Literal["weight", "least_busy"] = Field(
        "weight",
        description="`weight` shares requests out at random in these proportions, `least_busy` sends each to the "
        "provider with the fewest requests under way for its weight.",
    )


AliasTarget = ModelTarget | Balanced
AliasTargets = (
    AliasTarget
    | Annotated[
        list[AliasTarget], Field(min_length=1, description="Ordered targets; the next is asked when one fails.")
    ]
)
ModelGlob = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        description="A glob on the resolved model: `*` any characters, `?` one, `[a-z]` a class.",
    ),
]


class Cache(Section):
    """What happens to prompt-caching marks in the body."""

    mode: Literal["respect", "disable", "force"] = Field(
        "respect",
        description="`respect` leaves every byte as it is, `disable` strips `cache_control`, `force` adds it.",
    )


class VirtualKey(Managed):
    """One virtual key: whom it stands for, where it may go, and what it must not do."""

    secret_hash: SecretHash | None = Field(
        None,
        description="The keyed hash of the secret that clients send; the secret itself is in no file. Left out, a "
        "control plane mints the secret when the key is applied; a gateway that reads the file needs it.",
    )
    previous_secret_hash: SecretHash | None = Field(
        None, description="The hash of the secret before a rotation, accepted until `previous_secret_expires_at`."
    )
    previous_secret_expires_at: Moment | None = Field(
        None, description="When the secret before a rotation stops working (RFC 3339, with a zone)."
    )
    environment: Literal["live", "test"] = Field(
        "live", description="Has to agree with the secret: `lw_vk_live_...` or `lw_vk_test_...`."
    )
    state: Literal["active", "disabled", "revoked"] = Field(
        "active", description="`disabled` can be lifted, `revoked` is meant to last; both refuse every request."
    )
    description: str | None = Field(None, description="What the key is for, for people.")
    team: Name | None = Field(None, description="The team that pays, where no project or principal names one.")
    project: Name | None = Field(None, description="The project to attribute requests to, one of `projects`.")
    principal: Name | None = Field(None, description="Who acts with this key, one of `principals`.")
    providers: list[ProviderName] | None = Field(
        None, description="Providers that this key may reach; omitted: every provider. The order is that of preference."
    )
    models_allowed: list[ModelGlob] | None = Field(
        None, description="Globs that the resolved model has to match, as `model` or `provider/model`; omitted: all."
    )
    model_aliases: dict[str, AliasTargets] = Field(
        {}, description="Names that this key may send, and what they mean; globs as in the file's `model_aliases`."
    )
    fallback: Fallback | None = Field(None, description="Which providers to try when one fails.")
    rate_limits: RateLimits | None = Field(None, description="How much this key may send.")
    policy_rules: list[Name | PolicyRules] = Field(
        [], description="Names of `policy_rules` sets and rules written in place; all of them apply."
    )
    cache: Cache = Field(Cache(), description="Prompt-cache handling.")
    on_disconnect: Literal["cancel", "drain"] | None = Field(
        None, description="Overrides the file's `on_disconnect` for this key."
    )
    stream_keepalive_s: Annotated[int, Field(ge=0, le=3600)] | None = Field(
        None, description="Overrides the file's `stream_keepalive_s` for this key."
    )
    unary_keepalive_s: Annotated[int, Field(ge=0, le=3600)] | None = Field(
        None, description="Overrides the file's `unary_keepalive_s` for this key."
    )
    assumed_output_tokens: Annotated[int, Field(ge=1, le=10_000_000)] | Literal["max"] | None = Field(
        None, description="Overrides the file's `assumed_output_tokens` for this key."
    )
    content_capture: KeyContentCapture = Field(
        KeyContentCapture(), description="Whether traces of this key carry prompts and answers."
    )
    expires_at: Moment | None = Field(None, description="When the key stops working (RFC 3339, with a zone).")
    tags: list[Annotated[str, Field(min_length=1, max_length=256)]] = Field(
        [], description="Free labels such as `env=prod`, for reports and selectors."
    )
