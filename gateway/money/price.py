"""What one model costs at one provider, in whole nano-USD."""

from typing import Final

import msgspec

MTOK: Final = 1_000_000
"""Prices of tokens are per million of them."""


class Rate(msgspec.Struct, frozen=True):
    """Nano-USD per million tokens.

    `tiers` are (above so many input tokens, rate), ascending: a request whose input is above a threshold pays that rate
    for all of its tokens.
    """

    base: int
    tiers: tuple[tuple[int, int], ...] = ()

    def at(self, input_tokens: int) -> int:
        """The rate of a request with so many input tokens."""
        rate = self.base
        for above, dearer in self.tiers:
            if input_tokens > above:
                rate = dearer
        return rate

    @property
    def highest(self) -> int:
        """The dearest that it can be."""
        return max(self.base, *(rate for _, rate in self.tiers)) if self.tiers else self.base


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Rates by kind of token, and nano-USD per request.

    A kind without a rate of its own is charged as what it is a part of: cached and audio input as input, audio output
    as output. `source` says where the price comes from: `file`, or the catalogue, its version and its name of the
    model.
    """

    input: Rate | None = None
    output: Rate | None = None
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    input_audio: Rate | None = None
    output_audio: Rate | None = None
    per_request: int = 0
    source: str
