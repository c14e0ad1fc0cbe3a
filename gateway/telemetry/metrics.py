"""Counting what happens, for Prometheus; `metric_definitions` lists the metrics.

With several workers, `PROMETHEUS_MULTIPROC_DIR` (set before this module is imported) makes `render` add them up.
"""

import asyncio
import os
import platform
from bisect import bisect_left, bisect_right
from collections import Counter as Counted
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar

from gateway import clock
from gateway.errors import CODES, Denial
from gateway.telemetry.budget_levels import BudgetLevels
from gateway.telemetry.exposition import TEXT, Form
from gateway.telemetry.labelled import FILES as LABELLED_FILES
from gateway.telemetry.labelled import Label, Labelled
from gateway.telemetry.metric_definitions import MOST_KEYS, PRIVATE, WATCHED, MetricDefinitions
from gateway.telemetry.process_figures import ProcessFigures
from gateway.turns import at_once, beside, in_turns
from gateway.usage import Usage
from gateway.version import BUILD, __version__

MOST_MODELS = 200
"""So many pairs of provider and model are told apart by one worker; further models count as `other`."""

_OTHER = "other"
_FROM_THE_START = ("ok", "429", "500", "502", "503", "529")


class Metrics:
    """The metrics of one worker."""

    def __init__(self, labels: Collection[Label] = ()) -> None:
        self._metrics = MetricDefinitions()
        self.labelled = Labelled(self._metrics.private, tuple(labels)) if labels else None
        """What is counted by model, key or team besides; `None` where nobody asks for that."""
        self.budgets = BudgetLevels()
        self._in_usd: frozenset[str] = frozenset()
        self._process = ProcessFigures(self._metrics.registry)
        self._about = _About()
        self._metrics.registry.register(self._about)
        self._counted: dict[Counter, int] = {}
        self._under_way = 0
        self._held: set[str] = set()
        self._in_force: Mapping[str, Collection[str]] = {}
        metrics = self._metrics
        self._durations = _Observations(metrics.durations)
        self._first_tokens = _Observations(metrics.first_tokens)
        self._overhead = _Observations(metrics.overhead)
        self._calls = _Observations(metrics.upstream_durations)
        self._first_bytes = _Observations(metrics.upstream_first_bytes)
        self._answered = _Pending(metrics.requests)
        self._refused = _Pending(metrics.refusals)
        self._failed = _Pending(metrics.failures)
        self._denied = _Pending(metrics.denials)
        self._budgets_refused = _Pending(metrics.budget_refusals)
        self._warned = _Pending(metrics.warnings)
        self._tried = _Pending(metrics.attempts)
        self._passed_over = _Pending(metrics.passed_over)
        self._hopped = _Pending(metrics.hops)
        self._pending: tuple[_Pending | _Observations, ...] = (
            self._answered,
            self._refused,
            self._failed,
            self._denied,
            self._budgets_refused,
            self._warned,
            self._tried,
            self._passed_over,
            self._hopped,
            self._durations,
            self._first_tokens,
            self._overhead,
            self._calls,
            self._first_bytes,
        )
        self._publishing = asyncio.Lock()
        self._scraping = asyncio.Lock()
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
        outcome: str,
        *,
        duration_s: float,
        overhead_s: float,
        first_token_s: float | None,
        trace_id: str | None,
    ) -> None:
        """A request was answered, whoever decided the answer.

        Args:
            endpoint: Which.
            provider: Whose answer or failure stands; empty where none was asked.
            status: Of the answer, 499 where the client left.
            outcome: As the decision record has it.
            duration_s: From the head of the request to the end of the answer.
            overhead_s: Of which the gateway itself took so much before the first call to a provider, or its refusal.
            first_token_s: Until a stream brought content.
            trace_id: Where to see more of it, if that is exported.
        """
        self._under_way -= 1
        self._answered.add((endpoint, provider, status, outcome))
        place = (endpoint, provider)
        self._durations.observe(place, duration_s, trace_id)
        self._overhead.observe((endpoint,), overhead_s)
        if first_token_s is not None:
            self._first_tokens.observe(place, first_token_s)

    def refused(self, type_: str, code: str) -> None:
        """The gateway itself refused a request, with such an error."""
        self._refused.add((type_, code))

    def failed(self, provider: str, type_: str, code: str) -> None:
        """A request failed with such an error; `provider` is empty where none was asked."""
        self._failed.add((provider, type_, code))

    def nothing_there(self, status: int, type_: str) -> None:
        """Somebody asked for a path or a method that there is not."""
        self._answered.add(("unknown", "", status, "refused"))
        self.refused(type_, type_)

    def denied(self, denial: Denial) -> None:
        """A policy, a limit or a budget refused a request."""
        self._denied.add((denial.by, denial.dimension))
        if denial.by == "budget":
            self._budgets_refused.add((denial.name,))

    def warned(self, by: str, dimension: str) -> None:
        """A rule or a limit that only warns would have refused a request."""
        self._warned.add((by, dimension))

    def asked(self, provider: str, outcome: str, duration_s: float, first_byte_s: float | None) -> None:
        """A provider was asked; its answer, or its failure, ended after so long, and began after `first_byte_s`."""
        self._tried.add((provider, outcome))
        place = (provider,)
        self._calls.observe(place, duration_s)
        if first_byte_s is not None:
            self._first_bytes.observe(place, first_byte_s)

    def passed_over(self, provider: str, reason: str) -> None:
        """It was a provider's turn, and it was not asked."""
        self._passed_over.add((provider, reason))

    def hopped(self, provider: str, to: str) -> None:
        """A request went on to another provider."""
        self._hopped.add((provider, to))

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

    def limits(self, *, requests: int, upstream_connections: int, spool_bytes: int) -> None:
        """The bounds of this worker, told beside what they bound."""
        self._metrics.most_in_flight.set(requests)
        self._metrics.most_upstream_connections.set(upstream_connections)
        self._metrics.spool_limit.set(spool_bytes)

    def restarts(self, count: int) -> None:
        """How many workers were replaced since the gateway began."""
        self._metrics.restarts.set(count)

    def certificate_ends(self, at: float) -> None:
        """When the certificate of the gateway's port expires, Unix time."""
        self._metrics.certificate_ends.set(at)

    def keys_end(self, ends: Sequence[tuple[float, str]]) -> None:
        """The virtual keys that end, each with when it does, Unix time, the first to end first."""
        first = bisect_right(ends, clock.now(), key=lambda one: one[0])
        told = ends[first : first + MOST_KEYS]
        self._in_force = {**self._in_force, "key": frozenset(name for _, name in told)}
        for at, name in told:
            self._metrics.key_ends.labels(name).set(at)

    def held(self, held_usd: Mapping[str, float]) -> None:
        """What requests under way hold, by budget, in US dollars."""
        gone = dict.fromkeys(self._held - held_usd.keys(), 0.0)
        for budget, amount in (gone | dict(held_usd)).items():
            self._metrics.budget_held.labels(budget).set(amount)
        self._held = set(held_usd)

    def ledger(self, entries: int, size: int, oldest_s: float, dropped: int, set_aside: int) -> None:
        """What waits for the database, in entries and bytes, how many were lost since the start, how many lie aside."""
        self._metrics.spooled.set(entries)
        self._metrics.spool_bytes.set(size)
        self._metrics.set_aside.set(set_aside)
        self._metrics.oldest.set(oldest_s)
        self._count_up_to(self._metrics.lost, dropped)

    def open_jobs_unreadable(self, count: int) -> None:
        """How much of the work that goes on at providers cannot be read here."""
        self._metrics.jobs_unreadable.set(count)

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

    def serving(
        self,
        revision: str,
        budgets: Mapping[str, float],
        providers: Iterable[str],
        failures: Iterable[str] = (),
        not_money: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        """Which configuration serves, and the budgets and providers that it has by name: others have no gauges.

        `budgets` have their limits in US dollars, those that are `not_money` in what they count. `failures` are what
        may go wrong below HTTP, so that their series begin at zero with the providers'.
        """
        self._about.revision = revision
        self._in_force = {
            **self._in_force,
            "budget": frozenset({*budgets, *not_money}),
            "provider": frozenset(providers),
        }
        self.budgets.keep({**budgets, **not_money})
        self._in_usd = frozenset(budgets)
        # A series that is born with its first event hides it from `rate`.
        for provider in self._in_force["provider"]:
            for outcome in (*_FROM_THE_START, *failures):
                self._metrics.attempts.labels(provider, outcome)
            self._metrics.passed_over.labels(provider, "circuit_open")
        for budget in self._in_force["budget"]:
            self._metrics.budget_refusals.labels(budget)
        for budget, limit_usd in budgets.items():
            self._metrics.budget_limit.labels(budget).set(limit_usd)
        for by, dimensions in WATCHED.items():
            for dimension in dimensions:
                self._metrics.warnings.labels(by, dimension)
        for code, type_ in CODES.items():
            self._metrics.refusals.labels(type_, code)

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
        at_once(self._publish())

    async def publish_in_turns(self) -> None:
        """The same in short turns, between which requests are served. When it returns, all is told."""
        async with self._publishing:
            await in_turns(self._publish())

    def _publish(self) -> Generator[None]:
        metrics = self._metrics
        metrics.in_flight.set(self._under_way)
        for pending in self._pending:
            pending.publish()
        consumed, self._consumed = self._consumed, {}
        for (provider, model), (given, made, cost_usd, unpriced) in consumed.items():
            metrics.cost.labels(provider, model).inc(cost_usd)
            if unpriced:
                metrics.unpriced.labels(provider, model).inc(unpriced)
            metrics.tokens.labels(provider, model, "input").inc(given)
            metrics.tokens.labels(provider, model, "output").inc(made)
        for budget, ratio, limit in self.budgets.ratios(clock.now()):
            metrics.budgets.labels(budget).set(ratio)
            if budget in self._in_usd:
                metrics.budget_spent.labels(budget).set(ratio * limit)
                metrics.budget_limit.labels(budget).set(limit)
        if self.labelled is not None:
            yield from self.labelled.publishing()
        self._process.publish()

    def render(self, *, private: bool, form: Form = TEXT) -> bytes:
        """What Prometheus scrapes, in this form; without `private` it names no budget, money, key or team."""
        self.publish()
        return self._rendered(private, form)

    async def scrape(self, *, private: bool, form: Form) -> bytes:
        """The same, beside which requests are served. One scrape at a time is worked on, however many are asked for."""
        async with self._scraping:
            await self.publish_in_turns()
            return await beside(self._rendered, private, form)

    def _rendered(self, private: bool, form: Form) -> bytes:
        """What was published, in this form. Any thread may ask: Prometheus's counters have locks."""
        shared = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        sources = (_Workers(shared, private), self._about) if shared else self._registries(private)
        return form.render(_Shown(sources, self._in_force, frozenset() if private else PRIVATE))

    def _registries(self, private: bool) -> "tuple[_Source, ...]":
        return (self._metrics.registry, self._metrics.private) if private else (self._metrics.registry,)

    def families(self) -> Iterator[Metric]:
        """What this worker alone has counted, all of it, as it was published last. Any thread may ask."""
        return _Shown(self._registries(private=True), self._in_force, frozenset()).collect()

    @staticmethod
    def forget_dead_workers() -> None:
        """Drops the gauges of workers of this gateway that ended however they did."""
        directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        for file in Path(directory).glob("gauge_live*_*.db") if directory else ():
            pid = int(file.stem.rsplit("_", 1)[1])
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                mark_process_dead(pid)  # type: ignore[no-untyped-call] # prometheus-client has no types here

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


class _Pending:
    """What one counter is still to be told, by its labels."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._counts: dict[tuple[str | int, ...], int] = {}

    def add(self, labels: tuple[str | int, ...]) -> None:
        self._counts[labels] = self._counts.get(labels, 0) + 1

    def publish(self) -> None:
        counts, self._counts = self._counts, {}
        for labels, count in counts.items():
            self._counter.labels(*map(str, labels)).inc(count)


class _Observations:
    """What one histogram is still to be told, by its labels.

    PERF: its own `observe` takes one value at a time and two locks for it, so its buckets are added to directly, and
    values are sorted into them all at once.
    """

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._of: dict[tuple[str, ...], _Observed] = {}

    def observe(self, labels: tuple[str, ...], value: float, trace_id: str | None = None) -> None:
        observed = self._of.get(labels)
        if observed is None:
            observed = self._of[labels] = _Observed(self._histogram.labels(*labels))
        observed.values.append(value)
        if trace_id is not None:
            observed.traced[value] = trace_id

    def publish(self) -> None:
        for observed in self._of.values():
            observed.publish()


class _Observed:
    """The values that a histogram with its labels is still to be told, and the traces of some of them."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._bucket_of = partial(bisect_left, histogram._upper_bounds)  # noqa: SLF001 - see `_Observations`
        self.values: list[float] = []
        self.traced: dict[float, str] = {}

    def publish(self) -> None:
        values, self.values = self.values, []
        traced, self.traced = self.traced, {}
        if not values:
            return
        buckets = self._histogram._buckets  # noqa: SLF001 - see `_Observations`
        self._histogram._sum.inc(sum(values))  # noqa: SLF001 - see `_Observations`
        for number, count in Counted(map(self._bucket_of, values)).items():
            buckets[number].inc(count)
        exemplars = {self._bucket_of(value): (value, trace_id) for value, trace_id in traced.items()}
        for number, (value, trace_id) in exemplars.items():
            buckets[number].set_exemplar(Exemplar({"trace_id": trace_id}, value, clock.now()))


_Source = CollectorRegistry | Collector


class _Shown:
    """What sources collect, without what is hidden and gauges of what the configuration has no more."""

    def __init__(
        self, sources: Iterable[_Source], in_force: Mapping[str, Collection[str]], hidden: Collection[str]
    ) -> None:
        self._sources = sources
        self._in_force = in_force
        self._hidden = hidden

    def collect(self) -> Iterator[Metric]:
        for metric in chain.from_iterable(source.collect() for source in self._sources):
            if metric.name in self._hidden:
                continue
            if metric.type == "gauge":
                metric.samples = [sample for sample in metric.samples if self._has(sample.labels)]
            yield metric

    def _has(self, labels: Mapping[str, str]) -> bool:
        return all(labels[label] in names for label, names in self._in_force.items() if label in labels)


class _Workers(Collector):
    """What all workers have counted, from the files in which they share it; those of labels for operators alone."""

    def __init__(self, directory: str, private: bool) -> None:
        self._directory = Path(directory)
        self._private = private

    def collect(self) -> Iterable[Metric]:
        files = [
            str(file)
            for file in self._directory.glob("*.db")
            if self._private or not file.name.startswith(LABELLED_FILES)
        ]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call] # as below
        return merged


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
