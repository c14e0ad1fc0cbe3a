"""Where traces go and what they carry: collectors by name, and the capture of content."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.config.sections.access import (
    NO_MATTER,
    OTHER_READERS,
    UNKNOWN,
    Access,
    Order,
    more,
    steps,
)
from gateway.config.sections.base import Description, HeaderText, PositiveInt, Section, Shareable
from gateway.config.sections.marks import ADDS, UNORDERED
from gateway.config.sections.policy_rules import Pattern
from gateway.config.sections.providers import BaseUrl, HeaderName

MOST_COLLECTORS = 64
"""Each has a thread and a queue of its own in every worker."""


def _fraction(value: object) -> object:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        try:
            return Decimal(value)
        except ArithmeticError:
            raise ValueError("a number from 0 to 1 belongs here") from None
    return value


_FRACTION_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": r"^(0(\.\d{1,9})?|1(\.0{1,9})?)$"},
    ]
}
Fraction = Annotated[
    Decimal,
    Field(ge=0, le=1, max_digits=10, decimal_places=9),
    BeforeValidator(_fraction),
    WithJsonSchema(_FRACTION_SCHEMA),
]


def _capture_of_key(before: Any, after: Any) -> Access:
    """For one key: as for every key where it is not there."""
    order = (False, None, True)
    had, has = order.index(before), order.index(after)
    if has > had:
        return Access.MAY_WIDEN if after is None else Access.WIDENS
    return Access.NARROWS if has < had else Access.SAME


def _hidden(before: Any, after: Any) -> Access:
    """Patterns of what is hidden."""
    had, has = set(before or ()), set(after or ())
    return Access.WIDENS if had - has else Access.NARROWS if has - had else Access.SAME


class TraceCollector(Shareable):
    """A collector of traces: LangWatch, Langfuse, Jaeger, any that takes OTLP. Projects and teams name theirs."""

    example: ClassVar[str] = """
        trace_collectors:
          checkout-langfuse:
            endpoint: https://cloud.langfuse.com/api/public/otel
            headers: {Authorization: "Basic ${env:CHECKOUT_LANGFUSE_AUTH}", x-langfuse-ingestion-version: "4"}
            sampling_ratio: 0.1
    """

    endpoint: Annotated[BaseUrl, OTHER_READERS] = Field(
        description="Its base URL, for example `https://cloud.langfuse.com/api/public/otel`; over `http/protobuf`, "
        "`/v1/traces` is appended where the URL does not end so."
    )
    protocol: Annotated[Literal["http/protobuf", "grpc"], NO_MATTER] = Field(
        "http/protobuf", description="How it is spoken to; `grpc` needs the extra `otlp-grpc`."
    )
    headers: Annotated[dict[HeaderName, HeaderText], UNKNOWN] = Field(
        {},
        description="Headers that it asks for. Their values are secrets: write references such as "
        "`Bearer ${env:LANGWATCH_API_KEY}`.",
    )
    sampling_ratio: Annotated[Fraction, more(1)] = Field(
        Decimal(1),
        description="Which share of the traces that begin here it gets, 0 to 1; what a caller's `traceparent` decided "
        "stands.",
    )
    also_to_default: Annotated[bool, steps(False, True, default=False)] = Field(
        False, description="Whether what it gets goes to the collector of the `OTEL_*` variables too."
    )
    description: Description = Field(None, description="What the collector is for, for people.")


class KeyContentCapture(Section):
    """Overrides the file's `content_capture` for one key."""

    example: ClassVar[str] = """
        virtual_keys:
          ci:
            content_capture: {enabled: true}
            secret_hash: hmac-sha256:0000000000000000000000000000000000000000000000000000000000000000
    """

    enabled: Annotated[bool | None, Order(_capture_of_key)] = Field(
        None, description="Whether the key's prompts and answers are in its traces; omitted: as for every key."
    )
    redact: Annotated[list[Pattern], UNORDERED, Order(_hidden), ADDS] = Field(
        [], description="RE2 patterns beside the file's own, for this key."
    )

    def __hash__(self) -> int:
        """PERF: pydantic copies a default for every key, member by member, unless it can be hashed."""
        return hash((self.enabled, tuple(self.redact)))


class ContentCapture(Section):
    """Whether traces carry what was asked and answered. Whoever can read the collector can read it."""

    example: ClassVar[str] = r"""
        content_capture:
          enabled: false
          redact: ['\b\d{13,19}\b', '[\w.+-]+@[\w-]+\.[\w.]+']
    """

    enabled: Annotated[bool, steps(False, True, default=False)] = Field(
        False, description="Whether the prompts and answers of every key are in its traces."
    )
    redact: Annotated[list[Pattern], UNORDERED, Order(_hidden)] = Field(
        [], description="What matches any of these RE2 patterns, in any string, becomes `[redacted]`."
    )
    max_body_bytes: Annotated[PositiveInt, Field(le=33_554_432), more(2_097_152)] = Field(
        2_097_152,
        description="Bytes that are kept of a request, and of its answer as it is sent, until they are exported; a "
        "larger body is left out.",
    )
    max_attribute_bytes: Annotated[int, Field(ge=256, le=262_144), more(32_768)] = Field(
        32_768, description="Bytes that one attribute of a span has at most; what is longer is shortened, and says so."
    )
