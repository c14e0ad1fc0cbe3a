"""How fast entries are shipped: the faster, the less each costs, and the longer requests may wait meanwhile."""

from dataclasses import dataclass
from typing import Final

from gateway.turns import BREATH_S, PAUSE_S


@dataclass(frozen=True)
class Pace:
    """How many entries are decoded, inserted and added up in a turn, and the seconds of rest between two turns."""

    decoded: int
    inserted: int
    summed: int
    rest_s: float


GENTLE: Final = Pace(decoded=128, inserted=64, summed=512, rest_s=PAUSE_S)
"""Turns of about a millisecond: hardly delays a request that wants the same core."""
FAST: Final = Pace(decoded=256, inserted=256, summed=4096, rest_s=BREATH_S)
"""For when many wait. A thread that rarely rests finds its data in the processor's caches, so each costs less."""
