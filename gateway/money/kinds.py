"""Everything that is billed: what each rate multiplies, how it is written, and what counts where it has no rate.

The kinds are those of the catalogue (`genai_prices.data_units`); a test compares the two.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

TOKENS_PER_RATE: Final = 1_000_000
"""Rates of tokens and characters are amounts for this many."""

_HOUR_MS: Final = 3_600_000


@dataclass(frozen=True)
class Kind:
    """One row. `rate` is a field of `Rates`: nano-USD for `per` of the `figure` of a usage.

    `usd` is how the configuration calls it, in US dollars. `published` are the catalogue's names for it, the first that
    has a price counts, each for so many of `per`. `falls_to` are the rates that count, in this order, where it has
    none. `is_of_tool` says that it is billed beside what the model itself does.
    """

    rate: str
    figure: str
    per: int
    usd: str
    words: str
    published: Mapping[str, int]
    falls_to: tuple[str, ...] = ()
    is_of_tool: bool = False

    @property
    def is_of_tokens(self) -> bool:
        """Whether the multipliers of tiers, speeds and regions apply to it."""
        return self.figure.endswith("_tokens")


def _tokens(rate: str, words: str, *falls_to: str, figure: str | None = None, published: str | None = None) -> Kind:
    return Kind(
        rate,
        figure or f"{rate}_tokens",
        TOKENS_PER_RATE,
        f"{rate}_usd_per_mtok",
        f"Per million {words}.",
        {published or f"{rate}_mtok": 1},
        falls_to,
    )


def _each(rate: str, figure: str, words: str, published: str | None = None, *, of_tool: bool = False) -> Kind:
    found = {} if published is None else {published: 1000}
    return Kind(rate, figure, 1, f"{rate}_usd", f"Per {words}.", found, is_of_tool=of_tool)


KINDS: Final = (
    _tokens("input", "input tokens"),
    _tokens("output", "output tokens"),
    _tokens("cache_read", "input tokens read from a cache", "input"),
    _tokens("cache_write", "input tokens written to a cache", "input"),
    _tokens("cache_write_1h", "input tokens written to a cache for an hour", "cache_write", "input"),
    _tokens("input_audio", "audio input tokens", "input"),
    _tokens("output_audio", "audio output tokens", "output"),
    _tokens("cache_audio_read", "audio input tokens read from a cache", "input_audio", "cache_read", "input"),
    _tokens("cache_image_read", "image input tokens read from a cache", "input_image", "cache_read", "input"),
    _tokens("input_image", "image input tokens", "input"),
    _tokens("output_image", "image output tokens", "output"),
    _tokens("input_video", "video input tokens", "input"),
    _tokens("output_video", "video output tokens", "output"),
    _tokens("output_reasoning", "output tokens of reasoning", "output", figure="reasoning_tokens"),
    _tokens("output_citation", "output tokens of citations", "output"),
    Kind("per_request", "requests", 1, "per_request_usd", "Per request.", {"requests_kcount": 1000}),
    _each("web_search", "web_searches", "search of the web", "web_searches_kcount", of_tool=True),
    _each("social_search", "social_searches", "search of a social network", "social_searches_kcount", of_tool=True),
    _each("file_search", "file_searches", "search in stored files", "storage_searches_kcount", of_tool=True),
    _each(
        "code_execution",
        "code_executions",
        "run of code in the provider's sandbox",
        "code_executions_kcount",
        of_tool=True,
    ),
    Kind(
        "input_audio_hour",
        "input_audio_ms",
        _HOUR_MS,
        "input_audio_hour_usd",
        "Per hour of audio that goes in.",
        {"input_audio_hours": 1, "audio_hours": 1},
    ),
    Kind(
        "output_audio_hour",
        "output_audio_ms",
        _HOUR_MS,
        "output_audio_hour_usd",
        "Per hour of audio that comes out.",
        {"output_audio_hours": 1},
    ),
    Kind(
        "input_characters",
        "input_characters",
        TOKENS_PER_RATE,
        "input_usd_per_mchars",
        "Per million characters of text that goes in.",
        {"input_mchars": 1},
    ),
    _each("image", "images", "picture"),
    _each("search_unit", "search_units", "search of a ranking"),
    _each("document_page", "document_pages", "page of a document", "input_document_kpages"),
    _each("annotated_page", "annotated_document_pages", "annotated page", "input_annotated_document_kpages"),
    _each("text_message", "text_messages", "message of text", "input_text_messages_kcount"),
)
"""In the order in which prices are shown."""

KIND_OF: Final[Mapping[str, Kind]] = {kind.rate: kind for kind in KINDS}
"""The rows by their rate."""
