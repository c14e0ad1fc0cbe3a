"""Prices that override or add to the built-in catalogue."""

from pydantic import Field

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
