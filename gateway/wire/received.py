"""How many output tokens an answer has brought so far, for one that does not say so itself.

Providers send a token or a few in each event; some send many. So it is the larger of two counts: one token for each
piece of text, and one for every four bytes of it.
"""

from typing import Final

BYTES_PER_TOKEN: Final = 4
"""Bytes of text that count as one token."""


class Received:
    """Counts in passing; no byte is kept."""

    __slots__ = ("_texts", "_written")

    def __init__(self) -> None:
        self._texts = 0
        self._written = 0

    def text(self, size: int) -> None:
        """A piece of what the model wrote has come, of so many bytes."""
        self._texts += 1
        self._written += size

    def within(self, limit: int | None) -> int:
        """Output tokens so far, roughly, and never more than the request allowed."""
        tokens = max(self._texts, self._written // BYTES_PER_TOKEN)
        return tokens if limit is None else min(tokens, limit)
