"""Prices that override or add to the built-in catalogue."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from gateway.config.sections.base import Section

Price = Annotated[
    Decimal,
    Field(ge=0, max_digits=24, decimal_places=9, description="US dollars, as a decimal string or number."),
]


class ModelPrice(Section):
    """What one model costs at one provider, in US dollars."""

    input_usd_per_mtok: Price | None = Field(None, description="Per million input tokens.")
    output_usd_per_mtok: Price | None = Field(None, description="Per million output tokens.")
    cache_read_usd_per_mtok: Price | None = Field(None, description="Per million input tokens read from a cache.")
    cache_write_usd_per_mtok: Price | None = Field(None, description="Per million input tokens written to a cache.")
    input_audio_usd_per_mtok: Price | None = Field(None, description="Per million audio input tokens.")
    output_audio_usd_per_mtok: Price | None = Field(None, description="Per million audio output tokens.")
    per_request_usd: Price | None = Field(None, description="Per request.")
