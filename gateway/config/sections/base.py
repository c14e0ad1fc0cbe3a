"""What every section shares: strict, frozen models and the types that more than one section uses."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gateway.secret import Secret

Name = Annotated[
    str,
    Field(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._@:+-]*$",
        description="A name: letters, digits and . _ @ : + - , starting with a letter or digit, 128 characters.",
    ),
]

ProviderName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9][a-z0-9._-]*$",
        description="A provider's name: lower-case letters, digits and . _ - , no slash, 64 characters at most.",
    ),
]

PositiveInt = Annotated[int, Field(gt=0, le=10**15)]


def _conceal(value: object) -> object:
    return Secret(value) if isinstance(value, str) else value


SecretText = Annotated[
    Secret,
    BeforeValidator(_conceal),
    WithJsonSchema({"type": "string", "pattern": r"^[\t\x20-\x7e]*$", "maxLength": 65536}),
]

FallbackTrigger = Literal["5xx", "timeout", "rate_limit", "network_error", "not_found"]


class Section(BaseModel):
    """A part of the file: unknown fields are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class RateLimits(Section):
    """How much may pass, per key or per provider. An omitted dimension is not limited."""

    rpm: PositiveInt | None = Field(None, description="Requests per minute (sliding window).")
    rpd: PositiveInt | None = Field(None, description="Requests per 24 hours (sliding window).")
    tpm: PositiveInt | None = Field(
        None,
        description="Tokens per minute (sliding window): an estimate is held before the call and settled to the usage "
        "that the provider reports.",
    )
    concurrency: PositiveInt | None = Field(None, description="Requests in flight at one time.")


class Fallback(Section):
    """Which providers to try, in order, and on which failures of the one before."""

    chain: list[ProviderName] = Field(description="Providers in the order in which they are tried.", min_length=1)
    on: list[FallbackTrigger] = Field(
        ["5xx", "timeout", "rate_limit", "network_error"],
        description="Failures of one provider that lead to the next.",
    )
    timeout_ms: PositiveInt = Field(30_000, description="Milliseconds to the first byte, for each attempt.")
    max_attempts: Annotated[int, Field(ge=1, le=10)] = Field(
        3, description="How many providers are tried at most for one request."
    )
