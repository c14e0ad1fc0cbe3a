"""How fast entries are shipped: what is cheap delays requests, and the other way round."""

from dataclasses import dataclass
from typing import Final

from gateway.turns import BREATH_S, PAUSE_S


@dataclass(frozen=True)
class Pace:
    """How many entries are decoded, inserted and added up between two rests of so many seconds."""

    decoded: int
    inserted: int
    summed: int
    rest_s: float


GENTLE: Final = Pace(decoded=128, inserted=64, summed=512, rest_s=PAUSE_S)
"""Hardly delays a request that wants the same core."""
FAST: Final = Pace(decoded=256, inserted=256, summed=4096, rest_s=BREATH_S)
"""For when many wait. Costs less too: what is rarely put aside is found again in the processor's caches."""
