"""What a call consumed, by kind, as the provider stated it."""

from collections.abc import Mapping
from typing import Final

import msgspec

FURTHER_KINDS: Final[Mapping[str, str]] = {
    "cache_write_1h_tokens": "tokens of the input that were written to a cache for an hour",
    "cache_audio_read_tokens": "tokens of audio that were read from a cache",
    "cache_image_read_tokens": "tokens of images that were read from a cache",
    "input_image_tokens": "tokens of images in the input",
    "output_image_tokens": "tokens of images in the output",
    "input_video_tokens": "tokens of video in the input",
    "output_video_tokens": "tokens of video in the output",
    "output_citation_tokens": "tokens of citations in the output",
    "web_searches": "searches of the web that the provider ran",
    "social_searches": "searches of a social network that the provider ran",
    "file_searches": "searches in files that the provider stores",
    "code_executions": "runs of code in the provider's sandbox",
    "input_audio_ms": "milliseconds of audio that went in",
    "output_audio_ms": "milliseconds of audio that came out",
    "input_characters": "characters of text that were billed as such",
    "images": "pictures that are billed one by one",
    "search_units": "searches of rankings: a query with up to so many documents",
    "document_pages": "pages of documents that were read",
    "annotated_document_pages": "pages that were read and annotated",
    "text_messages": "messages of text in a session of speech",
}
"""What else a provider bills for, and what is counted. Kinds of tokens are parts of the input or output they are in."""


UNREADABLE_SERVICE: Final = "unreadable"
"""A tier, a speed or a region of `Served` that was stated, and not as a text: nobody knows its price."""


class Usage(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one model consumed in one call.

    `input_tokens` counts the whole prompt, cached parts included, whatever the shape: Anthropic reports cache reads
    and writes beside its `input_tokens`, OpenAI inside them; the readers bring both to this form. `cache_write_tokens`
    counts every write, those for an hour included. `further` has what else was stated, by the names of `FURTHER_KINDS`,
    without zeros; it is unset where there is nothing else, and then no log line has it.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    further: Mapping[str, int] | msgspec.UnsetType = msgspec.UNSET

    @property
    def total_tokens(self) -> int:
        """Input plus output, the figure that token rate limits count."""
        return self.input_tokens + self.output_tokens


TOKENS: Final = tuple(field for field in Usage.__struct_fields__ if field != "further")
"""The figures that every usage has."""


class Iteration(msgspec.Struct, frozen=True, gc=False):
    """What a server-side step consumed beyond the usage of the answer: an advisor, a compaction, a fallback.

    `model` is the one that it ran on; `None` is that of the answer.
    """

    kind: str
    usage: Usage
    model: str | None = None


class Served(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """Who really answered and how, as the answer says it: what the price depends on besides the usage.

    What every provider calls its ordinary service is `None`: tier, speed and region are stated where they cost
    something else. `unreadable` names the figures that were stated and could not be read, as JSON paths.
    `longest_prompt` is how many tokens the longest prompt had, where the input of the usage is that of several prompts
    together: a price that hangs on the length of the prompt hangs on that. `stated_cost` is what the answer says that
    it cost, in nano-USD.
    """

    model: str | None = None
    service_tier: str | None = None
    speed: str | None = None
    region: str | None = None
    iterations: tuple[Iteration, ...] = ()
    unreadable: tuple[str, ...] = ()
    longest_prompt: int | None = None
    stated_cost: int | None = None


class Stated(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer says of itself, as far as it has come: the usage of its own model, and how it was served.

    `served` is unset where the answer says nothing beyond its usage. `unread` names the figures of `Usage` that stand
    in `served.unreadable`.
    """

    usage: Usage
    served: Served | None = None
    unread: tuple[str, ...] = ()

    @property
    def total_tokens(self) -> int:
        """Input plus output of every model that had a part in it, the figure that token rate limits count."""
        total = self.usage.total_tokens
        if self.served is not None and self.served.iterations:
            total += sum(step.usage.total_tokens for step in self.served.iterations)
        return total
