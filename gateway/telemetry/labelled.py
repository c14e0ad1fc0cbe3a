"""Requests, tokens and money by model, key and team, where `GATEWAY_METRICS_LABELS` asks for that."""

import time
from collections.abc import Collection, Generator, Sequence
from typing import Final, Literal, get_args

from prometheus_client import CollectorRegistry, Counter, values

Label = Literal["model", "key", "team"]

LABELS: Final[tuple[Label, ...]] = get_args(Label)

OTHER: Final = "other"
"""What is not in the file."""

MOST_SERIES: Final = 10_000
"""So many combinations are told apart by one worker, whatever the file has; further ones count as `other`."""

_FILE_SAYS: Final = ("key_alias", "alias", "models", "declared")
"""Ways in which a model is found by which the file, and not the client, says which it is."""


FILES: Final = "counter_labelled"
"""What the names of the files begin with in which several workers share these counts."""


class _Counter(Counter):
    """A counter that several workers share in files of its own, so that who may not see it need not read it."""

    def _metric_init(self) -> None:
        self._value = values.ValueClass(
            FILES, self._name, f"{self._name}_total", self._labelnames, self._labelvalues, self._documentation
        )
        self._created = time.time()


class LabelledDefinitions:
    """The metrics, with the labels that are chosen."""

    def __init__(self, registry: CollectorRegistry, labels: Sequence[Label]) -> None:
        self.requests = _Counter(
            "gateway_labelled_requests",
            "Requests by outcome and by what `GATEWAY_METRICS_LABELS` lists.",
            (*labels, "outcome"),
            registry=registry,
        )
        self.tokens = _Counter(
            "gateway_labelled_tokens",
            "Tokens that providers reported, by what `GATEWAY_METRICS_LABELS` lists.",
            (*labels, "direction"),
            registry=registry,
        )
        self.cost = _Counter(
            "gateway_labelled_cost_usd",
            "What requests cost by the price list, in US dollars, by what `GATEWAY_METRICS_LABELS` lists.",
            labels,
            registry=registry,
        )


PRIVATE: Final[frozenset[str]] = frozenset(f"gateway_labelled_{name}" for name in ("requests", "tokens", "cost_usd"))


class _Sums:
    """What one combination is still to be told."""

    __slots__ = ("cost_usd", "input_tokens", "outcomes", "output_tokens")

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}
        self.input_tokens = self.output_tokens = 0
        self.cost_usd = 0.0


class Labelled:
    """What is counted by these labels. `models` are those of the file by name; others are `other`."""

    def __init__(self, registry: CollectorRegistry, labels: Sequence[Label]) -> None:
        self._labels = tuple(label for label in LABELS if label in labels)
        self._metrics = LabelledDefinitions(registry, self._labels)
        self._known: set[tuple[str, ...]] = set()
        self._sums: dict[tuple[str, ...], _Sums] = {}
        self.models: Collection[str] = ()

    def ended(
        self,
        *,
        model: str,
        model_source: str | None,
        key: str,
        team: str,
        outcome: str,
        tokens: tuple[int, int],
        cost_usd: float,
    ) -> None:
        """A request has ended.

        Args:
            model: What a provider was to be asked for; empty where it did not come so far.
            model_source: By which rule that was found.
            key: The virtual key, empty where it is not known.
            team: The key's team, empty where it has none.
            outcome: As the decision record has it.
            tokens: Given and made.
            cost_usd: What it cost.
        """
        if model and model_source not in _FILE_SAYS and model not in self.models:
            model = OTHER
        said: dict[Label, str] = {"model": model, "key": key, "team": team}
        labels = tuple(said[label] for label in self._labels)
        sums = self._sums.get(labels) or self._sums_of(labels)
        sums.outcomes[outcome] = sums.outcomes.get(outcome, 0) + 1
        sums.input_tokens += tokens[0]
        sums.output_tokens += tokens[1]
        sums.cost_usd += cost_usd

    def publishing(self) -> Generator[None]:
        """Hands it to Prometheus's own counters, one combination in a step: the first time, that takes a while.

        What is left when no more steps are asked for waits for the next time.
        """
        for labels in tuple(self._sums):
            one = self._sums.pop(labels)
            for outcome, count in one.outcomes.items():
                self._metrics.requests.labels(*labels, outcome).inc(count)
            self._metrics.tokens.labels(*labels, "input").inc(one.input_tokens)
            self._metrics.tokens.labels(*labels, "output").inc(one.output_tokens)
            self._metrics.cost.labels(*labels).inc(one.cost_usd)
            yield

    def _sums_of(self, labels: tuple[str, ...]) -> _Sums:
        if labels not in self._known:
            if len(self._known) < MOST_SERIES:
                self._known.add(labels)
            else:
                labels = (OTHER,) * len(labels)
        return self._sums.setdefault(labels, _Sums())
