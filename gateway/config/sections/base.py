"""What every section shares: strict, frozen models and the types that more than one section uses."""

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gateway.config.sections.access import CEILING, ENFORCED, NO_MATTER, SHARED, UNKNOWN, steps
from gateway.config.sections.marks import TEXT_ITSELF, UNORDERED, CalledElsewhere, Refers
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

ModelGlob = Annotated[
    str,
    Field(
        min_length=1,
        max_length=512,
        description="A glob on the resolved model: `*` any characters, `?` one, `[a-z]` a class.",
    ),
    Refers("providers", "glob"),
]

OwnerName = Annotated[
    str,
    Field(
        max_length=128,
        pattern=r"^(\*|[A-Za-z0-9][A-Za-z0-9._@:+-]*)$",
        description='An owner, as files name it in `owner`, or "*" for every owner.',
    ),
]

Description = Annotated[str | None, TEXT_ITSELF, NO_MATTER]
"""What something is for, for people."""

PositiveInt = Annotated[int, Field(gt=0, le=10**15)]


_HEADER_TEXT = r"^[\t\x20-\x7e]*$"
_MAX_SECRET = 65_536
_RFC_3339 = r"^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)$"
AMOUNT: Final = r"^[0-9]{1,18}(\.[0-9]{1,9})?$"
"""How an amount of money or a factor is written where it is a text."""
AMOUNT_IS: Final = "an amount is digits, with up to 9 more behind a point, such as 12.50: no sign, currency or exponent"


def _conceal(value: object) -> object:
    """The words of the refusal must not quote the value."""
    if not isinstance(value, str):
        return value
    if len(value) > _MAX_SECRET:
        raise ValueError(f"a secret has {_MAX_SECRET} characters at most")
    return Secret(value)


def _conceal_header(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(_HEADER_TEXT[1:-1], value):
        raise ValueError("what is sent as a header is printable ASCII on one line")
    return _conceal(value)


def _conceal_credential(value: object) -> object:
    if isinstance(value, str) and not value.strip():
        raise ValueError("the credential is empty")
    return _conceal_header(value)


HeaderText = Annotated[
    Secret,
    BeforeValidator(_conceal_header),
    WithJsonSchema({"type": "string", "pattern": _HEADER_TEXT, "maxLength": _MAX_SECRET}),
]
Credential = Annotated[
    Secret,
    BeforeValidator(_conceal_credential),
    WithJsonSchema({"type": "string", "pattern": _HEADER_TEXT, "minLength": 1, "maxLength": _MAX_SECRET}),
]
SecretDocument = Annotated[
    Secret, BeforeValidator(_conceal), WithJsonSchema({"type": "string", "maxLength": _MAX_SECRET})
]


def moment(value: object) -> object:
    """A date and time of RFC 3339; without a zone it would mean another moment on every machine."""
    if not isinstance(value, str):
        return value
    example = "for example 2027-01-01T00:00:00Z"
    if not re.fullmatch(_RFC_3339[1:-1], value, re.ASCII):
        raise ValueError(f"a date and time with a zone belongs here, {example}")
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError(f"there is no such date and time; write one that exists, {example}") from None


Moment = Annotated[
    datetime, BeforeValidator(moment), WithJsonSchema({"type": "string", "format": "date-time", "pattern": _RFC_3339})
]


_DATE = r"\d{4}-\d\d-\d\d"
_START = rf"^{_DATE}([Tt ]\d\d:\d\d:\d\d(\.\d{{1,6}})?([Zz]|[+-]\d\d:\d\d))?$"


def _start(value: object) -> object:
    """A moment, or a date for its first second in UTC."""
    if isinstance(value, str) and re.fullmatch(_DATE, value, re.ASCII):
        return moment(f"{value}T00:00:00Z")
    return moment(value)


Start = Annotated[datetime, BeforeValidator(_start), WithJsonSchema({"type": "string", "pattern": _START})]
"""When something begins to hold."""


def _amount(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(AMOUNT[1:-1], value):
            raise ValueError(AMOUNT_IS)
        return Decimal(value)
    if isinstance(value, float):
        # JSON has no other fractions; the shortest text that is this number is what was written.
        return Decimal(repr(value))
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


Usd = Annotated[
    Decimal,
    Field(ge=0, max_digits=27, decimal_places=9),
    BeforeValidator(_amount),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": AMOUNT}]}),
]

Times = Annotated[
    Decimal,
    Field(ge=0, le=1000, max_digits=7, decimal_places=3),
    BeforeValidator(_amount),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1000}, {"type": "string", "pattern": AMOUNT}]}
    ),
]
"""A multiplier, in thousandths at the finest."""

FallbackTrigger = Annotated[
    Literal["5xx", "timeout", "rate_limit", "network_error", "not_found"],
    Field(description="What failed: statuses have names, 429 is `rate_limit`, 404 `not_found`, 500 and above `5xx`."),
]


class Section(BaseModel):
    """A part of the file: unknown fields are errors, no type turns into another, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, arbitrary_types_allowed=True)

    example: ClassVar[str]
    """One way to write it, as a file that is valid beside a `version`."""


class Managed(Section):
    """What a control plane keeps apart by name and can protect."""

    protected: Annotated[bool, steps(True, False, default=False)] = Field(
        False,
        description="A control plane refuses to delete it, even when this block is gone from the file; it is lifted by "
        "an apply of its own.",
    )


class Shareable(Managed):
    """What files of other owners may name, where its own says so."""

    shared_with: Annotated[list[OwnerName], UNORDERED, SHARED] = Field(
        [],
        description='Owners whose files may name it in a shared control plane, or "*" for every owner. Left out, other '
        "owners may not, as soon as one of the two is applied with a token of its own.",
    )


Mode = Annotated[Literal["enforce", "warn"], ENFORCED]
"""Whether something that forbids is enforced, or only told of where it would have refused."""


class RateLimits(Section):
    """How much may pass, per key or per provider. An omitted dimension is not limited."""

    example: ClassVar[str] = """
        providers:
          openai:
            type: openai
            api_key: "${env:OPENAI_API_KEY}"
            rate_limits: {rpm: 5000, tpm: 2000000}
    """

    rpm: Annotated[PositiveInt | None, CEILING, CalledElsewhere(("rpm_limit", "requests_per_minute"))] = Field(
        None, description="Requests per minute (sliding window)."
    )
    rpd: Annotated[PositiveInt | None, CEILING] = Field(None, description="Requests per 24 hours (sliding window).")
    tpm: Annotated[PositiveInt | None, CEILING, CalledElsewhere(("tpm_limit", "tokens_per_minute"))] = Field(
        None,
        description="Tokens per minute (sliding window): an estimate is held before the call and settled to the usage "
        "that the provider reports.",
    )
    concurrency: Annotated[PositiveInt | None, CEILING, CalledElsewhere(("max_parallel_requests", "parallel"))] = Field(
        None, description="Requests in flight at one time."
    )
    mode: Mode = Field(
        "enforce",
        description="`warn` refuses nothing: what these limits would have refused is counted, logged and told in "
        "`X-LangWatch-Warnings`.",
    )


class Fallback(Section):
    """Which providers to try, in order, and on which failures of the one before."""

    example: ClassVar[str] = """
        fallback: {chain: [openai, anthropic], on: [5xx], timeout_ms: 30000, unary_timeout_ms: 300000}
    """

    chain: Annotated[list[Annotated[ProviderName, Refers("providers")]], UNKNOWN] = Field(
        description="Providers in the order in which they are tried.", min_length=1
    )
    on: Annotated[list[FallbackTrigger], UNORDERED, NO_MATTER] = Field(
        ["5xx", "timeout", "rate_limit", "network_error"],
        description="Failures of one provider that lead to the next.",
    )
    timeout_ms: Annotated[PositiveInt, NO_MATTER] = Field(
        30_000, description="Milliseconds to the first byte, for each attempt."
    )
    unary_timeout_ms: Annotated[PositiveInt | None, NO_MATTER] = Field(
        None,
        description="The same for answers that are no streams, whose first byte is their end; omitted: `timeout_ms`.",
    )
    total_timeout_ms: Annotated[PositiveInt | None, NO_MATTER] = Field(
        None,
        description="Milliseconds after which no further provider is tried; omitted: `max_attempts` alone decides.",
    )
    max_attempts: Annotated[int, Field(ge=1, le=10), NO_MATTER] = Field(
        3, description="How many providers are tried at most for one request."
    )
