"""What requests of a key to a model usually cost of the most that they can: learned from those that have ended.

Two figures are learned, each from the last `SAMPLES` answers: the tokens of output, and what the prompt cost in
thousandths of the most that it could, which tells bytes per token and the share of a cache alike. What is usual is the
figure that nine in ten of them kept to. Nothing that is learned is relied on to keep a limit, be it of the ledger's.
"""

from array import array
from typing import Final, NamedTuple

SAMPLES: Final = 64
"""How many of the last answers are remembered of one key and model."""

FEWEST_SAMPLES: Final = 16
"""With fewer answers than these nothing is usual yet."""

MOST_PAIRS: Final = 4_096
"""Keys with a model that are remembered in one process; beyond them, those that were idle for longest are forgotten."""

PER_MILLE: Final = 1_000

_TENTHS, _QUANTILE = 10, 9
_RENEWED_EVERY = 8


class Habit(NamedTuple):
    """What is usual: so many tokens of output, and so many thousandths of the most that a prompt can cost."""

    output_tokens: int
    prompt_per_mille: int


class _Record:
    """The last answers of one key and model, the oldest of which the next one takes the place of."""

    __slots__ = ("count", "habit", "outputs", "prompts")

    def __init__(self) -> None:
        self.outputs = array("q")
        self.prompts = array("q")
        self.count = 0
        self.habit: Habit | None = None

    def add(self, output_tokens: int, prompt_per_mille: int) -> None:
        if len(self.outputs) < SAMPLES:
            self.outputs.append(output_tokens)
            self.prompts.append(prompt_per_mille)
        else:
            self.outputs[self.count % SAMPLES] = output_tokens
            self.prompts[self.count % SAMPLES] = prompt_per_mille
        self.count += 1
        if self.count >= FEWEST_SAMPLES and self.count % _RENEWED_EVERY == 0:
            self.habit = Habit(_usual(self.outputs), _usual(self.prompts))


class Habits:
    """What is usual for each key and model, in one process: what it has served, and what it was told at its start."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], _Record] = {}

    def of(self, key: str, target: str) -> Habit | None:
        """What is usual for a key at a target (`provider/model`); `None` while too little is known."""
        record = self._records.get((key, target))
        return None if record is None else record.habit

    def learn(self, key: str, target: str, output_tokens: int, prompt_per_mille: int) -> None:
        """An answer had so many tokens of output, and its prompt cost so many thousandths of the most."""
        record = self._records.pop((key, target), None) or _Record()
        record.add(output_tokens, prompt_per_mille)
        self._records[key, target] = record
        if len(self._records) > MOST_PAIRS:
            del self._records[next(iter(self._records))]


def _usual(figures: "array[int]") -> int:
    """What nine in ten of them keep to."""
    ordered = sorted(figures)
    return ordered[-(-len(ordered) * _QUANTILE // _TENTHS) - 1]
