"""Durations on a logarithmic scale: what sums keep apart, and quantiles made from such sums.

Bucket `b` holds durations from `2^(b/4)` to `2^((b+1)/4)` milliseconds, the first all shorter ones, the last all longer
ones. A quantile is interpolated within its bucket, so it is at most 19 % from the true one.
"""

from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

NOT_TIMED: Final = -1
"""The bucket of what has no duration."""

_PER_OCTAVE: Final = 4
_LAST: Final = 96
_BOUNDS: Final = tuple(2 ** (bucket / _PER_OCTAVE) for bucket in range(_LAST + 1))


def bucket_of(milliseconds: int | None) -> int:
    """The bucket of a duration; `NOT_TIMED` where there is none."""
    return NOT_TIMED if milliseconds is None else max(0, bisect_right(_BOUNDS, milliseconds) - 1)


def quantile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration in milliseconds that a share (0.95, say) of what was counted stays below; `None` for nothing.

    Args:
        counts: By bucket; those of `NOT_TIMED` do not count.
        share: From 0 to 1.
    """
    timed = sorted((bucket, count) for bucket, count in counts.items() if bucket != NOT_TIMED and count > 0)
    wanted = share * sum(count for _, count in timed)
    below = 0
    for bucket, count in timed:
        if below + count >= wanted:
            return _between(bucket, (wanted - below) / count)
        below += count
    return None


def _between(bucket: int, share: float) -> float:
    lower = _BOUNDS[bucket] if bucket else 0.0
    return lower + share * (_BOUNDS[bucket] * 2 ** (1 / _PER_OCTAVE) - lower)
