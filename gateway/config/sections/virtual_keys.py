"""The credentials that clients present, and what each may do."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from gateway.config.sections.access import (
    ALLOW_LIST,
    ALLOWED,
    ANOTHER,
    DENIED,
    EACH_MEMBER,
    END,
    LIMITS,
    NO_MATTER,
    NOTHING_MORE,
    UNKNOWN,
    steps,
)
from gateway.config.sections.base import (
    Description,
    Fallback,
    Managed,
    Mode,
    ModelGlob,
    Moment,
    Name,
    ProviderName,
    RateLimits,
    Section,
    Shareable,
)
from gateway.config.sections.marks import (
    ADDS,
    ALL_APPLY,
    MODEL_ITSELF,
    SHOWN_IN_PART,
    TAG_ITSELF,
    UNORDERED,
    CalledElsewhere,
    Mistaken,
    Refers,
)
from gateway.config.sections.names import PrintableName
from gateway.config.sections.policy_rules import PolicyRules
from gateway.config.sections.request_rules import RULES_ON_FIELDS, RequestSection
from gateway.config.sections.tracing import KeyContentCapture
from gateway.config.source import Path

SecretHash = Annotated[
    str,
    Field(
        pattern=r"^hmac-sha256(-sha256)?:[0-9a-f]{64}$",
        description="`hmac-sha256:` and 64 hex digits, as `gateway keys mint` and `gateway keys hash` print it; "
        "`hmac-sha256-sha256:` for a key of another gateway, as `gateway import` writes it.",
    ),
    SHOWN_IN_PART,
    Mistaken(
        r"lw_vk_",
        "the secret itself stands here in place of its hash, and whoever reads the file has it",
        "Make another: gateway keys rotate NAME --write FILE. `gateway keys hash` prints the hash of a secret.",
    ),
    Mistaken(
        r"sk-|Bearer ",
        "a key stands here in place of a hash, and whoever reads the file has it",
        "Replace it where it is from. `gateway keys mint NAME --write FILE` makes a secret and writes its hash.",
    ),
    Mistaken(r"hmac-sha256(-sha256)?:", "behind the colon belong 64 hex digits, 0 to 9 and a to f"),
    Mistaken(r"[0-9a-fA-F]{64}$", "what kind of hash it is has to stand before it, `hmac-sha256:`"),
]
ModelTarget = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9._-]*/.+$",
        max_length=512,
        description="`provider/model`: one of `providers`, a slash, and the model's name there.",
    ),
    Refers("providers", "model"),
    Mistaken(r"[^/]*$", "no provider stands before the model"),
    Mistaken(r"[^/]*[A-Z]", "the name of a provider has lower-case letters"),
]


class Balanced(Section):
    """One model that several providers serve; each request goes to one of them, the others stand by."""

    example: ClassVar[str] = """
        providers:
          openai-eu: {type: openai, api_key: "${env:OPENAI_EU_KEY}", base_url: "https://eu.api.openai.com/v1"}
          openai-us: {type: openai, api_key: "${env:OPENAI_US_KEY}"}
        model_aliases:
          fast: {model: gpt-5-mini, balance: {openai-eu: 3, openai-us: 1}}
    """

    model: Annotated[str, Field(min_length=1, max_length=512)] = Field(description="The model's name at all of them.")
    balance: dict[Annotated[ProviderName, Refers("providers")], Annotated[int, Field(ge=1, le=1_000_000)]] = Field(
        min_length=1, description="Providers by name, each with its weight: `{openai-eu: 3, openai-us: 1}`."
    )
    by: Literal["weight", "least_busy"] = Field(
        "weight",
        description="`weight` shares requests out at random in these proportions, `least_busy` sends each to the "
        "provider with the fewest requests under way for its weight.",
    )


FALLBACK_SUFFIX: Final = ":fallback"
"""How the name of an alias ends that continues another."""
AliasTarget = ModelTarget | Balanced
AliasTargets = (
    AliasTarget
    | Annotated[
        list[AliasTarget], Field(min_length=1, description="Ordered targets; the next is asked when one fails.")
    ]
)


class AllowList(Section):
    """An allow list that says whether it is enforced."""

    example: ClassVar[str] = """
        virtual_keys:
          ci:
            models_allowed: {allow: ["gpt-5*"], mode: warn}
            secret_hash: hmac-sha256:0000000000000000000000000000000000000000000000000000000000000000
    """

    allow: Annotated[list[ModelGlob], UNORDERED, ALLOWED] = Field(
        description="Globs that the resolved model has to match, as `model` or `provider/model`."
    )
    mode: Mode = Field(
        "enforce",
        description="`warn` refuses nothing: what the list would have refused is counted, logged and told in "
        "`X-LangWatch-Warnings`.",
    )


class Cache(Section):
    """What happens to prompt-caching marks in the body."""

    example: ClassVar[str] = """
        virtual_keys:
          ci:
            cache: {mode: respect}
            secret_hash: hmac-sha256:0000000000000000000000000000000000000000000000000000000000000000
    """

    mode: Literal["respect", "disable", "force"] = Field(
        "respect",
        description="`respect` leaves every byte as it is, `disable` strips `cache_control`, `force` adds it.",
    )


class KeySettings(Managed):
    """What a virtual key is, but for who holds it: what a class can say for many of them.

    How a key and its classes become one, `gateway.config.key_classes` says.
    """

    environment: Annotated[Literal["live", "test"], UNKNOWN] = Field(
        "live", description="Has to agree with the secret: `lw_vk_live_...` or `lw_vk_test_...`."
    )
    description: Description = Field(None, description="What the key is for, for people.")
    team: Annotated[PrintableName | None, Refers("teams"), UNKNOWN] = Field(
        None, description="The team that pays, where no project or principal names one."
    )
    project: Annotated[PrintableName | None, Refers("projects"), UNKNOWN] = Field(
        None, description="The project to attribute requests to, one of `projects`."
    )
    providers: Annotated[list[Annotated[ProviderName, Refers("providers")]] | None, ALLOWED, ALL_APPLY] = Field(
        None, description="Providers that this key may reach; omitted: every provider. The order is that of preference."
    )
    models_allowed: Annotated[
        list[ModelGlob] | AllowList | None,
        UNORDERED,
        ALLOW_LIST,
        ALL_APPLY,
        MODEL_ITSELF,
        CalledElsewhere(("models", "allowed_models", "model_list")),
    ] = Field(
        None,
        description="Globs that the resolved model has to match, as `model` or `provider/model`; omitted: all. "
        "`{allow: [...], mode: warn}` only tells of what the list would refuse.",
    )
    model_aliases: Annotated[dict[str, AliasTargets], UNKNOWN, MODEL_ITSELF, CalledElsewhere(("aliases",))] = Field(
        {}, description="Names that this key may send, and what they mean; globs as in the file's `model_aliases`."
    )
    fallback: Annotated[Fallback | None, UNKNOWN] = Field(None, description="Which providers to try when one fails.")
    rate_limits: Annotated[
        RateLimits | None, LIMITS, CalledElsewhere(("rpm", "tpm", "rpm_limit", "tpm_limit", "limits", "rate_limit"))
    ] = Field(None, description="How much this key may send.")
    policy_rules: Annotated[list[Annotated[Name, Refers("policy_rules")] | PolicyRules], UNORDERED, DENIED, ADDS] = (
        Field([], description="Names of `policy_rules` sets and rules written in place; all of them apply.")
    )
    request: Annotated[RequestSection, RULES_ON_FIELDS] = Field(
        {},
        description="What is done to fields of this key's requests, by field, before anything else is asked of them: "
        "`{max_tokens: {max: 8000}, service_tier: {set: flex}}`. A bound on the output or on the effort holds for "
        "what each API calls it.",
    )
    cache: Annotated[Cache, NO_MATTER] = Field(Cache(), description="Prompt-cache handling.")
    on_disconnect: Annotated[Literal["cancel", "drain"] | None, NO_MATTER] = Field(
        None, description="Overrides the file's `on_disconnect` for this key."
    )
    stream_keepalive_s: Annotated[Annotated[int, Field(ge=0, le=3600)] | None, NO_MATTER] = Field(
        None, description="Overrides the file's `stream_keepalive_s` for this key."
    )
    unary_keepalive_s: Annotated[Annotated[int, Field(ge=0, le=3600)] | None, NO_MATTER] = Field(
        None, description="Overrides the file's `unary_keepalive_s` for this key."
    )
    assumed_output_tokens: Annotated[Annotated[int, Field(ge=1, le=10_000_000)] | Literal["max"] | None, UNKNOWN] = (
        Field(None, description="Overrides the file's `assumed_output_tokens` for this key.")
    )
    content_capture: Annotated[KeyContentCapture, EACH_MEMBER] = Field(
        KeyContentCapture(), description="Whether traces of this key carry prompts and answers."
    )
    expires_at: Annotated[Moment | None, END, CalledElsewhere(("expires", "expiry", "duration"))] = Field(
        None, description="When the key stops working (RFC 3339, with a zone)."
    )
    tags: Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], UNORDERED, UNKNOWN, TAG_ITSELF] = Field(
        [], description="Free labels such as `env=prod`, for reports and selectors."
    )

    @property
    def allow_list(self) -> AllowList | None:
        """The list of models with its mode, however it is written."""
        written = self.models_allowed
        return AllowList(allow=written) if isinstance(written, list) else written

    def globs(self) -> Iterator[tuple[str, Path]]:
        """The globs of that list, each with its path below the key."""
        written = self.models_allowed
        if written is None:
            return
        above: Path = ("models_allowed",) if isinstance(written, list) else ("models_allowed", "allow")
        for index, glob in enumerate(written if isinstance(written, list) else written.allow):
            yield glob, (*above, index)


class SomePrincipals(Section):
    """Which of `principals` are meant."""

    example: ClassVar[str] = """
        teams: {engineering: {}, research: {}}
        principals: {ada@example.com: {team: research}}
        key_classes: {engineer: {for_each: {principals: {team: [engineering, research]}}}}
    """

    team: (
        Annotated[PrintableName, Refers("teams")]
        | Annotated[list[Annotated[PrintableName, Refers("teams")]], Field(min_length=1), UNORDERED]
        | None
    ) = Field(None, description="Those of this team, or of these; omitted: all.")


class ForEach(Section):
    """For whom a class makes a key."""

    example: ClassVar[str] = """
        principals: {ada@example.com: {}}
        key_classes: {engineer: {for_each: {principals: {}}}}
    """

    principals: SomePrincipals = Field(description="Each principal that matches gets a key; `{}`: all of them.")


class KeyClass(KeySettings, Shareable):
    """What many virtual keys have in common; each can say less, or more, of its own."""

    example: ClassVar[str] = """
        key_classes:
          engineer: {models_allowed: ["gpt-5*", "claude-*"], rate_limits: {rpm: 300}}
          contractor: {extends: engineer, rate_limits: {rpm: 60}, required: true}
        principals: {ada@example.com: {}}
        virtual_keys:
          ada:
            class: engineer
            principal: ada@example.com
            secret_hash: hmac-sha256:0000000000000000000000000000000000000000000000000000000000000000
    """

    extends: Annotated[Name | None, Refers("key_classes"), UNKNOWN] = Field(
        None, description="Another class, which says what this one does not; one that extends nothing itself."
    )
    for_each: Annotated[ForEach | None, NO_MATTER] = Field(
        None,
        description="Makes a key of this class for each principal that matches, named after it, where the files of the "
        "principal and of the class are read together. A key that is written under that name takes its place.",
    )
    required: Annotated[bool, steps(True, False, default=False)] = Field(
        False, description="What the class says cannot be taken away: `null` in a key is an error then."
    )


class VirtualKey(KeySettings):
    """One virtual key: whom it stands for, where it may go, and what it must not do."""

    example: ClassVar[str] = """
        virtual_keys:
          dev-migration:
            environment: live
            project: checkout
            providers: [openai, anthropic]
            models_allowed: ["gpt-5*", "claude-haiku-*"]
            model_aliases: {fast: openai/gpt-5-mini}
            rate_limits: {rpm: 600, concurrency: 50}
            policy_rules: [no-shell, {models: {deny: ['-preview$']}}]
            expires_at: 2036-01-01T00:00:00Z
            tags: [env=prod]
            secret_hash: hmac-sha256:0000000000000000000000000000000000000000000000000000000000000000
    """

    secret_hash: Annotated[SecretHash | None, ANOTHER] = Field(
        None,
        description="The keyed hash of the secret that clients send; the secret itself is in no file. Left out, a "
        "control plane mints the secret when the key is applied; a gateway that reads the file needs it.",
    )
    previous_secret_hash: Annotated[SecretHash | None, NOTHING_MORE] = Field(
        None, description="The hash of the secret before a rotation, accepted until `previous_secret_expires_at`."
    )
    previous_secret_expires_at: Annotated[Moment | None, END] = Field(
        None, description="When the secret before a rotation stops working (RFC 3339, with a zone)."
    )
    state: Annotated[
        Literal["active", "disabled", "revoked"],
        steps("revoked", "disabled", "active", default="active"),
        CalledElsewhere(("blocked", "enabled", "disabled", "status")),
    ] = Field("active", description="`disabled` can be lifted, `revoked` is meant to last; both refuse every request.")
    class_: Annotated[Name | None, Refers("key_classes"), UNKNOWN] = Field(
        None,
        alias="class",
        description="One of `key_classes`: what the key does not say is as that has it. `null` in place of a value "
        "takes away what the class says.",
    )
    principal: Annotated[PrintableName | None, Refers("principals"), UNKNOWN] = Field(
        None, description="Who acts with this key, one of `principals`."
    )
