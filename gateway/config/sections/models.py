"""Models of one's own names: where each is served, how requests are shared out, and what is asked after it."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gateway.config.sections.access import ARMS, NO_MATTER, NOTHING_MORE, REACHED
from gateway.config.sections.base import Description, Managed, Name, ProviderName, Section
from gateway.config.sections.marks import MODEL_ITSELF, CalledElsewhere, Refers, RefersBeside

Weight = Annotated[int, Field(ge=1, le=1_000_000)]
Trait = Literal["session", "prompt_cache_key", "end_user", "principal", "virtual_key"]


class Affinity(Section):
    """What of a request decides which arm of a split it goes to, so that what belongs together stays together."""

    example: ClassVar[str] = """
        providers: {eu: {type: simulator}, us: {type: simulator}}
        models:
          sonnet:
            at: {eu: claude-sonnet-4-6, us: claude-sonnet-4-6}
            split: {eu: 1, us: 1}
            affinity: {by: [session, prompt_cache_key, end_user]}
    """

    by: Annotated[list[Trait], NO_MATTER] = Field(
        min_length=1,
        description="The first of these that a request has. One that has none of them is shared out at random.",
    )


class Model(Managed):
    """One name for a model that several providers serve, or for several models between which requests are shared."""

    example: ClassVar[str] = """
        providers:
          anthropic: {type: anthropic, api_key: "${env:ANTHROPIC_API_KEY}"}
          bedrock: {type: bedrock, region: eu-central-1}
        models:
          claude-sonnet:
            at: {anthropic: claude-sonnet-4-6, bedrock: eu.anthropic.claude-sonnet-4-6}
            split: {bedrock: 80, anthropic: 20}
            affinity: {by: [session, prompt_cache_key, end_user]}
            fallback: [claude-haiku]
          claude-haiku: {at: {anthropic: claude-haiku-4-5}}
          smart: {split: {claude-sonnet: 95, claude-haiku: 5}, sticky: principal}
    """

    description: Description = Field(None, description="What the model is for, for people.")
    at: Annotated[
        dict[
            Annotated[ProviderName, Refers("providers")],
            Annotated[str, Field(min_length=1, max_length=512)],
        ],
        NOTHING_MORE,
        MODEL_ITSELF,
        CalledElsewhere(("providers", "targets", "deployments")),
    ] = Field(
        {},
        description="What the model is called at each provider that serves it. Without a `split` they are asked in the "
        "order of the `fallback.chain` in force, then as the key lists them; so are those that have no weight, after "
        "those that have.",
    )
    split: Annotated[
        dict[Annotated[Name, Refers("models")], Weight],
        ARMS,
        RefersBeside("at", Refers("providers")),
        CalledElsewhere(("weights", "balance")),
    ] = Field(
        {},
        description="How requests are shared out, by weight: among providers of `at`, or, where there is no `at`, "
        "among other entries of `models`. When an arm fails, the others stand by.",
    )
    affinity: Annotated[Affinity | None, NO_MATTER] = Field(
        None, description="Keeps what belongs together at one arm of the split, where its prompts are cached."
    )
    sticky: Annotated[Trait | None, NO_MATTER] = Field(
        None,
        description="The same for one trait, for canaries: everybody meets one of the arms, always the same. A key "
        "without a `principal` counts by itself.",
    )
    fallback: Annotated[list[Annotated[Name, Refers("models")]], REACHED] = Field(
        [], description="Entries of `models` that are asked, in this order, after everything that serves this one."
    )
