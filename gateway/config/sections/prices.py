"""Prices that override or add to the built-in catalogue, and those that were taken from it and locked."""

from datetime import date
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.config.sections.base import Section, Start, Times, Usd
from gateway.config.sections.marks import MODEL_ITSELF


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


Hours = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$")]
ServiceName = Annotated[str, Field(min_length=1, max_length=64)]


class ModelRates(Section):
    """What a model costs, in US dollars."""

    input_usd_per_mtok: Usd | None = Field(None, description="Per million input tokens.")
    output_usd_per_mtok: Usd | None = Field(None, description="Per million output tokens.")
    cache_read_usd_per_mtok: Usd | None = Field(None, description="Per million input tokens read from a cache.")
    cache_write_usd_per_mtok: Usd | None = Field(None, description="Per million input tokens written to a cache.")
    cache_write_1h_usd_per_mtok: Usd | None = Field(
        None, description="Per million input tokens written to a cache for an hour."
    )
    input_audio_usd_per_mtok: Usd | None = Field(None, description="Per million audio input tokens.")
    output_audio_usd_per_mtok: Usd | None = Field(None, description="Per million audio output tokens.")
    cache_audio_read_usd_per_mtok: Usd | None = Field(
        None, description="Per million audio input tokens read from a cache."
    )
    cache_image_read_usd_per_mtok: Usd | None = Field(
        None, description="Per million image input tokens read from a cache."
    )
    input_image_usd_per_mtok: Usd | None = Field(None, description="Per million image input tokens.")
    output_image_usd_per_mtok: Usd | None = Field(None, description="Per million image output tokens.")
    input_video_usd_per_mtok: Usd | None = Field(None, description="Per million video input tokens.")
    output_video_usd_per_mtok: Usd | None = Field(None, description="Per million video output tokens.")
    output_reasoning_usd_per_mtok: Usd | None = Field(None, description="Per million output tokens of reasoning.")
    output_citation_usd_per_mtok: Usd | None = Field(None, description="Per million output tokens of citations.")
    per_request_usd: Usd | None = Field(None, description="Per request.")
    web_search_usd: Usd | None = Field(None, description="Per search of the web.")
    social_search_usd: Usd | None = Field(None, description="Per search of a social network.")
    file_search_usd: Usd | None = Field(None, description="Per search in stored files.")
    code_execution_usd: Usd | None = Field(None, description="Per run of code in the provider's sandbox.")
    input_audio_hour_usd: Usd | None = Field(None, description="Per hour of audio that goes in.")
    output_audio_hour_usd: Usd | None = Field(None, description="Per hour of audio that comes out.")
    input_usd_per_mchars: Usd | None = Field(None, description="Per million characters of text that goes in.")
    image_usd: Usd | None = Field(None, description="Per picture.")
    search_unit_usd: Usd | None = Field(None, description="Per search of a ranking.")
    document_page_usd: Usd | None = Field(None, description="Per page of a document.")
    annotated_page_usd: Usd | None = Field(None, description="Per annotated page.")
    text_message_usd: Usd | None = Field(None, description="Per message of text.")


class PriceTier(ModelRates):
    """What longer prompts cost: all their tokens, and those of the answer."""

    example: ClassVar[str] = """
        prices:
          vertex/gemini-2.5-pro:
            input_usd_per_mtok: 1.125
            output_usd_per_mtok: 9
            tiers: [{from_tokens: 200001, input_usd_per_mtok: 2.25, output_usd_per_mtok: 13.5}]
    """

    from_tokens: Annotated[int, Field(ge=1)] = Field(description="From how many tokens of prompt on.")


class ServicePrice(ModelRates):
    """What a service costs other than the ordinary one. What is not said costs what it does in the ordinary one."""

    example: ClassVar[str] = """
        prices:
          openai/gpt-5:
            service_tiers:
              flex: {times: 0.5}
              priority: {input_usd_per_mtok: 2.50, output_usd_per_mtok: 20}
    """

    times: Times | None = Field(
        None, description="Multiplies all that tokens cost in the ordinary service; up to three decimal places."
    )
    tiers: list[PriceTier] = Field([], description="What longer prompts cost, shortest first.")


class WholePrice(ModelRates):
    """A price with all that it may hang on but time."""

    tiers: list[PriceTier] = Field([], description="What longer prompts cost, shortest first.")
    service_tiers: dict[ServiceName, ServicePrice] = Field(
        {}, description="What tiers of service cost, by the name that answers give them, such as `priority` or `flex`."
    )
    speeds: dict[ServiceName, ServicePrice] = Field(
        {}, description="What speeds cost, by the name that answers give them, such as `fast`."
    )
    regions: dict[ServiceName, ServicePrice] = Field(
        {}, description="What regions cost, by the name that answers give them, such as `us`."
    )


class LockedChange(WholePrice):
    """What a model costs from a day on, or at some hours of the day; whole by itself."""

    example: ClassVar[str] = """
        locked_prices:
          custom-eu/llama-4:
            input_usd_per_mtok: "0.2"
            changes: [{hours_utc: "01:00-04:00", input_usd_per_mtok: "0.4"}]
            source: published
            locked_on: 2026-11-24
    """

    from_: Start | None = Field(
        None,
        alias="from",
        description="From when on it holds: a date, whose first second in UTC is meant, or a moment with a zone.",
    )
    hours_utc: Hours | None = Field(
        None, description='At which hours of the day it holds, in UTC, such as "01:00-04:00"; over midnight too.'
    )


class PriceChange(LockedChange):
    """What the file says of a model from a day on, or at some hours; what it does not say is as listed."""

    example: ClassVar[str] = """
        prices:
          openai/gpt-5:
            input_usd_per_mtok: 1.10
            changes: [{from: 2027-01-01, input_usd_per_mtok: 1.00}]
          openai/gpt-5-mini: {from: 2027-01-01, price_factor: 0.8}
          azure/our-chat: {base_model: gpt-5}
    """

    price_factor: Times | None = Field(
        None,
        description="Multiplies what is listed for the model, after all that providers publish, in place of the "
        "provider's `price_factor`; for contracts. Amounts that stand here stay as they are.",
    )


class ModelPrice(PriceChange):
    """What one model costs at one provider, in US dollars."""

    example: ClassVar[str] = """
        prices:
          custom-eu/llama-4: {input_usd_per_mtok: 0.20, output_usd_per_mtok: 0.60}
    """

    base_model: Annotated[Annotated[str, Field(min_length=1, max_length=512)] | None, MODEL_ITSELF] = Field(
        None,
        description="The model that this one is, for its price: of a deployment, a fine-tuned model or an application "
        "inference profile with a name of its own.",
    )
    changes: list[PriceChange] = Field(
        [], description="What holds from other days on, or at other hours: of those that hold, the last alone counts."
    )


class LockedPrice(WholePrice):
    """A price of the built-in catalogue as it was on a day; `gateway prices update` writes it."""

    example: ClassVar[str] = """
        locked_prices:
          openai/o3: {output_usd_per_mtok: "10", source: published, locked_on: 2026-11-24}
    """

    changes: list[LockedChange] = Field(
        [], description="What holds from days on, or at hours: of those that hold, the last alone counts."
    )
    source: Annotated[str, Field(min_length=1, max_length=256)] = Field(description="Where the price was published.")
    locked_on: Date = Field(description="The day on which it was written here.")
