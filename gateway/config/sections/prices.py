"""Prices that override or add to the built-in catalogue, and those that were taken from it and locked."""

from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.config.sections.base import Section, Usd


class ModelPrice(Section):
    """What one model costs at one provider, in US dollars."""

    input_usd_per_mtok: Usd | None = Field(None, description="Per million input tokens.")
    output_usd_per_mtok: Usd | None = Field(None, description="Per million output tokens.")
    cache_read_usd_per_mtok: Usd | None = Field(None, description="Per million input tokens read from a cache.")
    cache_write_usd_per_mtok: Usd | None = Field(None, description="Per million input tokens written to a cache.")
    input_audio_usd_per_mtok: Usd | None = Field(None, description="Per million audio input tokens.")
    output_audio_usd_per_mtok: Usd | None = Field(None, description="Per million audio output tokens.")
    per_request_usd: Usd | None = Field(None, description="Per request.")


def _date(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("a date belongs here, for example 2026-11-24") from None


Date = Annotated[
    date,
    BeforeValidator(_date),
    WithJsonSchema({"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}),
]


class LockedTier(ModelPrice):
    """What longer prompts cost."""

    from_tokens: Annotated[int, Field(ge=1)] = Field(description="From how many tokens of prompt on.")


class LockedPrice(ModelPrice):
    """A price of the built-in catalogue as it was on a day; `gateway prices update` writes it."""

    tiers: list[LockedTier] = Field([], description="What longer prompts cost, shortest first.")
    source: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="Where the price was published.")
    locked_on: Date = Field(description="The day on which it was written here.")
