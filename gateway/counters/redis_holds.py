"""Holds as `hold.lua` reads them, and its answers as outcomes: pure values on both sides."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from gateway.counters.hold import Dimension, Hold, Limit, Refusal, Restored

SOURCE: Final = "".join(
    Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("hold_counters.lua", "hold.lua")
)
"""The script."""
DIGEST: Final = hashlib.sha1(SOURCE.encode(), usedforsecurity=False).hexdigest()
"""The name by which Redis knows the script."""

_SECOND: Final = 1_000_000
_WINDOW, _GAUGE, _SPEND = 1, 2, 3
_NEVER: Final = -1

pack = msgspec.msgpack.Encoder().encode


def kind_and_name(limit: Limit) -> tuple[int, str, int]:
    """What kind of counter a limit has, its name below the prefix, and its span (seconds, or when it is over)."""
    if limit.dimension is Dimension.SPEND:
        return _SPEND, _spend_name(limit.key), _NEVER if limit.resets_at is None else limit.resets_at
    if limit.window_s == 0:
        return _GAUGE, f"gauge:{limit.key}", 0
    return _WINDOW, f"meter:{limit.window_s}:{limit.key}", limit.window_s


def _spend_name(key: str) -> str:
    return f"spend:{key}"


def gauges_of(holds: Sequence[Hold]) -> list[str]:
    """The names of the concurrency counters among holds."""
    named = [kind_and_name(hold.limit) for hold in holds]
    return [name for kind, name, _ in named if kind == _GAUGE]


def pack_holds(holds: Sequence[Hold]) -> bytes:
    """Holds as MessagePack, in their order."""
    return pack(unpacked_holds(holds))


def unpacked_holds(holds: Sequence[Hold]) -> list[tuple[int, str, int, int, int]]:
    """Holds as the script has them: kind, name, amount, ceiling and span of each."""
    packed = []
    for hold in holds:
        limit = hold.limit
        kind, name, span = kind_and_name(limit)
        refuses = kind != _SPEND or limit.blocks
        packed.append((kind, name, hold.amount, limit.ceiling if refuses else _NEVER, span))
    return packed


def unpacked_restored(spent: Sequence[tuple[str, Restored]]) -> list[tuple[str, str, int]]:
    """What the ledger knows of SPEND counters by their keys; sums as digits, since Lua's numbers are too short."""
    return [
        (_spend_name(key), str(known.spent), _NEVER if known.resets_at is None else known.resets_at)
        for key, known in spent
    ]


def read_spent(holds: Sequence[Hold], told: Sequence[bytes]) -> tuple[dict[str, int], dict[str, int]]:
    """By key, what counts against each SPEND limit after the holds were taken, and what of it was spent before.

    Args:
        holds: What was taken.
        told: Spent and held before of each SPEND hold, in decimal digits.
    """
    counts: dict[str, int] = {}
    spent: dict[str, int] = {}
    figures = iter(told)
    for hold in holds:
        if hold.limit.dimension is Dimension.SPEND:
            key, before, held = hold.limit.key, int(next(figures)), int(next(figures))
            counts[key] = counts.get(key, before + held) + hold.amount
            spent[key] = before
    return counts, spent


def read_refusal(holds: Sequence[Hold], position: int, told: Sequence[int]) -> Refusal:
    """The hold that takes longest to fit: whoever asks again before then would only meet it.

    Args:
        holds: What was asked for.
        position: Of the first hold that did not fit, from 0.
        told: Microseconds until each hold of a rate fits (-1: it never does), then what is spent and held of a SPEND
            limit.
    """
    refused = holds[position]
    if refused.limit.dimension is Dimension.SPEND:
        spent, held = map(int, told[-2:])
        return Refusal(refused, None, spent, spent + held)
    figures = iter(told)
    longest, worst = 0.0, holds[0]
    for hold in holds:
        wait = _wait(hold, figures)
        if wait > longest:
            longest, worst = wait, hold
    if 0 < longest < math.inf:
        # The clock counts in fractions of a second: one microsecond more makes up for its rounding.
        return Refusal(worst, (longest + 1) / _SECOND)
    return Refusal(worst if longest else refused, None)


def _wait(hold: Hold, figures: Iterator[int]) -> float:
    """Microseconds until a hold fits: 0 where it fits or nobody can say, infinity where it never will."""
    limit = hold.limit
    if limit.dimension is Dimension.SPEND:
        return 0
    if limit.window_s == 0:
        return math.inf if hold.amount > limit.ceiling else 0
    wait = next(figures)
    return math.inf if wait < 0 else wait
