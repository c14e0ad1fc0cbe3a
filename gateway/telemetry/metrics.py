"""Counting what happens, for Prometheus; `metric_definitions` lists the metrics.

With several workers, `PROMETHEUS_MULTIPROC_DIR` (set before this module is imported) makes `render` add them up.
"""

import os
import platform
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from gateway import clock
from gateway.telemetry.budget_levels import BudgetLevels
from gateway.telemetry.metric_definitions import MetricDefinitions
from gateway.usage import Usage
from gateway.version import BUILD, __version__

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

MOST_MODELS = 200
"""So many pairs of provider and model are told apart by one worker; further models count as `other`."""

_OTHER = "other"


class Metrics:
    """The metrics of one worker."""

    def __init__(self) -> None:
        self._metrics = MetricDefinitions()
        self.budgets = BudgetLevels()
        self._about = _About()
        self._metrics.registry.register(self._about)
        self._counted: dict[Counter, int] = {}
        self._under_way = 0
        self._in_force: Mapping[str, Collection[str]] = {}
        self._durations: dict[tuple[str, str], _Observed] = {}
        self._first_tokens: dict[tuple[str, str], _Observed] = {}
        self._answered: dict[tuple[str, str, int], int] = {}
        self._refused: dict[str, int] = {}
        self._denied: dict[tuple[str, str], int] = {}
        self._tried: dict[tuple[str, str], int] = {}
        self._hopped: dict[tuple[str, str], int] = {}
        self._models: set[tuple[str, str]] = set()
        self._consumed: dict[tuple[str, str], list[float]] = {}

    def request_started(self) -> None:
        """One more request is under way."""
        self._under_way += 1

    def request_ended(
        self,
        endpoint: str,
        provider: str,
        status: int,
        *,
        refusal: str | None,
        duration_s: float,
        first_token_s: float | None,
    ) -> None:
        """A request was answered, whoever decided the answer.

        `provider` is empty where none was asked, `refusal` the error type of the gateway's own refusal.
        """
        self._under_way -= 1
        label = (endpoint, provider, status)
        self._answered[label] = self._answered.get(label, 0) + 1
        place = (endpoint, provider)
        durations = self._durations.get(place)
        if durations is None:
            durations = self._durations[place] = _Observed(self._metrics.durations.labels(*place))
        durations.observe(duration_s)
        if first_token_s is not None:
            first_tokens = self._first_tokens.get(place)
            if first_tokens is None:
                first_tokens = self._first_tokens[place] = _Observed(self._metrics.first_tokens.labels(*place))
            first_tokens.observe(first_token_s)
        if refusal is not None:
            self._refused[refusal] = self._refused.get(refusal, 0) + 1

    def denied(self, by: str, dimension: str) -> None:
        """A `policy`, a `limit` or a `budget` refused a request."""
        label = (by, dimension)
        self._denied[label] = self._denied.get(label, 0) + 1

    def attempted(self, provider: str, outcome: str) -> None:
        """A provider was asked, or passed over."""
        label = (provider, outcome)
        self._tried[label] = self._tried.get(label, 0) + 1

    def hopped(self, provider: str, to: str) -> None:
        """A request went on to another provider."""
        label = (provider, to)
        self._hopped[label] = self._hopped.get(label, 0) + 1

    def usage(self, provider: str, model: str, usage: Usage, cost_usd: float = 0.0) -> None:
        """A provider reported what a call consumed, which may have cost something."""
        consumed = self._consumed.get((provider, model)) or self._consumed_of(provider, model)
        consumed[0] += usage.input_tokens
        consumed[1] += usage.output_tokens
        consumed[2] += cost_usd

    def cost(self, provider: str, model: str, cost_usd: float) -> None:
        """A call cost so much."""
        consumed = self._consumed.get((provider, model)) or self._consumed_of(provider, model)
        consumed[2] += cost_usd

    def unpriced(self, provider: str, model: str) -> None:
        """Something of a call has no price, or all of it."""
        consumed = self._consumed.get((provider, model)) or self._consumed_of(provider, model)
        consumed[3] += 1

    def circuits(self, states: Mapping[str, bool]) -> None:
        """Which circuits are open."""
        for provider, is_open in states.items():
            self._metrics.circuits.labels(provider).set(is_open)

    def ledger(self, entries: int, oldest_s: float, dropped: int, set_aside: int) -> None:
        """What waits for the database, how many entries were lost since the start, how many lie aside."""
        self._metrics.spooled.set(entries)
        self._metrics.set_aside.set(set_aside)
        self._metrics.oldest.set(oldest_s)
        self._count_up_to(self._metrics.lost, dropped)

    def upstream_connections(self, states: Mapping[str, tuple[int, int, int]]) -> None:
        """By origin, how many connections carry a call or are idle, and how many calls wait for one."""
        for origin, counts in states.items():
            for state, count in zip(("active", "idle", "waiting"), counts, strict=True):
                self._metrics.upstream_connections.labels(origin, state).set(count)

    def counters(self, states: Mapping[str, bool], *, answer: bool) -> None:
        """Whether the counter store answers, and which of its states holds."""
        self._metrics.counters_up.set(1 if answer else 0)
        for state, holds in states.items():
            self._metrics.counters_state.labels(state).set(holds)

    def control_plane(self, standing: Mapping[str, Any] | None) -> None:
        """How far the control plane is followed; nothing where there is none."""
        if standing is None:
            return
        self._metrics.followed.set(standing["revision"])
        self._metrics.followed_keys.set(standing["keys_revision"])
        self._metrics.refused.set(standing["rejected_revision"] or 0)
        self._metrics.unreachable.set(0 if standing["fault"] is None else 1)
        self._metrics.tokens_ending.set(standing["tokens_ending"])
        if standing["lag_s"] is not None:
            self._metrics.lag.set(standing["lag_s"])

    def serving(self, revision: str, budgets: Iterable[str], providers: Iterable[str]) -> None:
        """Which configuration serves, and the budgets and providers that it has by name: others have no gauges."""
        self._about.revision = revision
        self._in_force = {"budget": frozenset(budgets), "provider": frozenset(providers)}
        self.budgets.keep(self._in_force["budget"])

    def reload(self, outcome: str) -> None:
        """The configuration was loaded: `swapped`, `unchanged`, `rejected` or `failed`."""
        self._metrics.reloads.labels(outcome).inc()
        self._metrics.stale.set(1 if outcome in ("rejected", "failed") else 0)

    def lines_dropped(self, *, records: int, log: int) -> None:
        """How many decision records and lines of the process's log were lost since the start."""
        self._count_up_to(self._metrics.records_dropped, records)
        self._count_up_to(self._metrics.log_lines_dropped, log)

    def spans_exported(self, count: int, collector: str) -> None:
        """A trace collector took spans. Any thread may say so."""
        self._metrics.spans.labels(collector).inc(count)

    def spans_dropped(self, count: int, collector: str, reason: str) -> None:
        """Spans were lost: `queue_full`, `export_failed` or `collector_removed`. Any thread may say so."""
        self._metrics.spans_dropped.labels(collector, reason).inc(count)

    def content_dropped(self, collector: str) -> None:
        """Spans of a request go without its content, since too much of that waits."""
        self._metrics.content_dropped.labels(collector).inc()

    def publish(self) -> None:
        """Hands what was counted since the last time to Prometheus's own counters.

        PERF: those lock, and with several workers write to shared memory, which is too dear for every request; so it is
        done once a second and before every scrape.
        """
        metrics = self._metrics
        metrics.in_flight.set(self._under_way)
        answered, self._answered = self._answered, {}
        for (endpoint, provider, status), count in answered.items():
            metrics.requests.labels(endpoint, provider, str(status)).inc(count)
        refused, self._refused = self._refused, {}
        for type_, count in refused.items():
            metrics.refusals.labels(type_).inc(count)
        denied, self._denied = self._denied, {}
        for (by, dimension), count in denied.items():
            metrics.denials.labels(by, dimension).inc(count)
        tried, self._tried = self._tried, {}
        for (provider, outcome), count in tried.items():
            metrics.attempts.labels(provider, outcome).inc(count)
        hopped, self._hopped = self._hopped, {}
        for (provider, to), count in hopped.items():
            metrics.hops.labels(provider, to).inc(count)
        consumed, self._consumed = self._consumed, {}
        for (provider, model), (given, made, cost_usd, unpriced) in consumed.items():
            metrics.cost.labels(provider, model).inc(cost_usd)
            if unpriced:
                metrics.unpriced.labels(provider, model).inc(unpriced)
            metrics.tokens.labels(provider, model, "input").inc(given)
            metrics.tokens.labels(provider, model, "output").inc(made)
        for observed in (*self._durations.values(), *self._first_tokens.values()):
            observed.publish()
        for budget, ratio in self.budgets.ratios(clock.now()):
            metrics.budgets.labels(budget).set(ratio)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        self.publish()
        registry = self._metrics.registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # prometheus-client has no types here
            registry.register(self._about)
        return generate_latest(_InForce(registry, self._in_force))

    @staticmethod
    def forget_dead_workers() -> None:
        """Drops the gauges of workers of this gateway that ended however they did."""
        directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        for file in Path(directory).glob("gauge_live*_*.db") if directory else ():
            pid = int(file.stem.rsplit("_", 1)[1])
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                mark_process_dead(pid)  # type: ignore[no-untyped-call] # as above

    def _count_up_to(self, counter: Counter, total: int) -> None:
        """Brings a counter to what somebody else counts since the start."""
        counter.inc(total - self._counted.get(counter, 0))
        self._counted[counter] = total

    def _consumed_of(self, provider: str, model: str) -> list[float]:
        pair = (provider, model)
        if pair not in self._models:
            if len(self._models) < MOST_MODELS:
                self._models.add(pair)
            else:
                pair = (provider, _OTHER)
        known = self._consumed.get(pair)
        if known is None:
            known = self._consumed[pair] = [0, 0, 0.0, 0]
        return known


class _Observed:
    """What one histogram is still to be told: how many values fell into each of its buckets, and their sum.

    PERF: its own `observe` takes one value at a time and two locks for it, so its buckets are added to directly.
    """

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._bounds = histogram._upper_bounds  # noqa: SLF001 - see above
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def publish(self) -> None:
        counts, self._counts = self._counts, [0] * len(self._bounds)
        total, self._sum = self._sum, 0.0
        if total or any(counts):
            self._histogram._sum.inc(total)  # noqa: SLF001 - see above
        for bucket, count in zip(self._histogram._buckets, counts, strict=True):  # noqa: SLF001 - see above
            if count:
                bucket.inc(count)


class _InForce:
    """What a registry collects, without gauges of budgets and providers that the configuration has no more."""

    def __init__(self, registry: CollectorRegistry, in_force: Mapping[str, Collection[str]]) -> None:
        self._registry = registry
        self._in_force = in_force

    def collect(self) -> Iterator[Metric]:
        for metric in self._registry.collect():
            if metric.type == "gauge":
                metric.samples = [sample for sample in metric.samples if self._has(sample.labels)]
            yield metric

    def _has(self, labels: Mapping[str, str]) -> bool:
        return all(labels[label] in names for label, names in self._in_force.items() if label in labels)


class _About(Collector):
    """What the answering worker is and which configuration it serves; one series each, whatever was served before."""

    def __init__(self) -> None:
        self.revision = ""

    def collect(self) -> Iterator[InfoMetricFamily]:
        build = {"version": __version__, "python": platform.python_version(), "build": BUILD}
        yield InfoMetricFamily("gateway_build", "What serves.", value=build)
        yield InfoMetricFamily(
            "gateway_config", "The revision of the configuration that serves.", value={"revision": self.revision}
        )
