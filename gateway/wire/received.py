"""How many output tokens a stream has brought so far, for one that breaks off before it reports its usage.

Providers send a token or a few in each event; some send many. So it is the larger of two counts: one token for each
event, and one for every four bytes of what the events have beyond the smallest of them, which is mostly envelope.
"""

from typing import Final

BYTES_PER_TOKEN: Final = 4
"""Bytes of text that count as one token."""

_DATA = b"data:"


class Received:
    """Counts in passing; no byte is kept."""

    __slots__ = ("_bytes", "_events", "_smallest", "_texts", "_written")

    def __init__(self) -> None:
        self._bytes = 0
        self._events = 0
        self._smallest = 0
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

    def count(self, chunk: bytes) -> None:
        """A piece of the stream has come."""
        events, size = chunk.count(_DATA), len(chunk)
        self._bytes += size
        if events:
            self._events += events
            each = size // events
            if each < self._smallest or not self._smallest:
                self._smallest = each

    @property
    def tokens(self) -> int:
        """Output tokens so far, roughly."""
        text = self._bytes - self._events * self._smallest
        return max(self._events, text // BYTES_PER_TOKEN)
