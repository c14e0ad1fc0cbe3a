"""Attributes of which many spans have the same, encoded once for all of them."""

from collections.abc import Mapping
from typing import Any


class LastingAttributes(dict[str, Any]):
    """The attributes of a span, as any encoder takes them; of the first `lasting` the encoded form is known.

    PERF: half of what a span says is said of every request of a key and a model.
    """

    __slots__ = ("encoded", "lasting")

    def __init__(self, attributes: Mapping[str, Any], encoded: bytes) -> None:
        super().__init__(attributes)
        self.encoded = encoded
        self.lasting = len(self)

    def with_more(self, more: Mapping[str, Any]) -> "LastingAttributes":
        """These, and behind them others, of other names."""
        both = LastingAttributes(self, self.encoded)
        both.update(more)
        return both
