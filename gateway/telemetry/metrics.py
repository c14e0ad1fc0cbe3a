"""Every metric of the data plane in one place, for Prometheus.

With several workers, `PROMETHEUS_MULTIPROC_DIR` (set before this module is imported) makes `render` add them up.
"""

import os
from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.usage import Usage

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The metrics of one worker. Labels are bounded: endpoints, provider names, status codes, outcomes."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "gateway_requests",
            "Requests answered.",
            ["endpoint", "provider", "status"],
            registry=self._registry,
        )
        self._tokens = Counter(
            "gateway_tokens", "Tokens that providers reported.", ["provider", "direction"], registry=self._registry
        )
        self._cost = Counter(
            "gateway_cost_usd",
            "What calls cost by the price list, in US dollars. For dashboards; exact sums are in the decision records.",
            ["provider"],
            registry=self._registry,
        )
        self._refusals = Counter(
            "gateway_refusals", "Requests that the gateway itself refused.", ["type"], registry=self._registry
        )
        self._reloads = Counter(
            "gateway_config_reloads", "Attempts to load the configuration.", ["outcome"], registry=self._registry
        )
        self._stale = Gauge(
            "gateway_config_stale",
            "1 while the newest configuration is refused and an older one serves.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._in_flight = Gauge(
            "gateway_requests_in_flight",
            "Requests under way.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._dropped = Counter(
            "gateway_decision_records_dropped",
            "Decision records that could not be written.",
            registry=self._registry,
        )
        self._attempts = Counter(
            "gateway_attempts",
            "Calls to providers by outcome, those that were passed over included.",
            ["provider", "outcome"],
            registry=self._registry,
        )
        self._circuits = Gauge(
            "gateway_circuit_open",
            "1 while a provider is left alone because it kept failing.",
            ["provider"],
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._followed = Gauge(
            "gateway_control_plane_revision",
            "The control plane's revision that serves.",
            multiprocess_mode="livemin",
            registry=self._registry,
        )
        self._unreachable = Gauge(
            "gateway_control_plane_unreachable",
            "1 while the control plane does not answer and the last snapshot serves on.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._lag = Gauge(
            "gateway_control_plane_lag_seconds",
            "From the moment that the serving revision was applied to the moment that it came into force here: how "
            "long a revoked key still worked.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._spooled = Gauge(
            "gateway_ledger_spool_entries",
            "Ledger entries that wait for the database.",
            multiprocess_mode="livesum",
            registry=self._registry,
        )
        self._oldest = Gauge(
            "gateway_ledger_spool_oldest_seconds",
            "For how long the oldest of them waits.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )
        self._lost = Counter(
            "gateway_ledger_entries_dropped", "Ledger entries that were lost for want of room.", registry=self._registry
        )
        self._counters_up = Gauge(
            "gateway_counters_up",
            "0 while limits and budgets cannot be counted.",
            multiprocess_mode="livemin",
            registry=self._registry,
        )
        self._dropped_so_far = 0
        self._under_way = 0
        self._tried: dict[tuple[str, str], int] = {}
        self._answered: dict[tuple[str, str, int], int] = {}
        self._refused: dict[str, int] = {}
        self._consumed: dict[str, list[float]] = {}

    def request_started(self) -> None:
        """One more request is under way."""
        self._under_way += 1

    def request_ended(self, endpoint: str, provider: str, status: int, refusal: str | None) -> None:
        """A request was answered, whoever decided the answer; `refusal` is the error type of the gateway's own."""
        self._under_way -= 1
        label = (endpoint, provider, status)
        self._answered[label] = self._answered.get(label, 0) + 1
        if refusal is not None:
            self._refused[refusal] = self._refused.get(refusal, 0) + 1

    def attempted(self, provider: str, outcome: str) -> None:
        """A provider was asked, or passed over."""
        label = (provider, outcome)
        self._tried[label] = self._tried.get(label, 0) + 1

    def circuits(self, states: Mapping[str, bool]) -> None:
        """Which circuits are open."""
        for provider, is_open in states.items():
            self._circuits.labels(provider).set(is_open)

    def ledger(self, entries: int, oldest_s: float, dropped: int) -> None:
        """What waits for the database, and how many entries were lost since the start."""
        self._spooled.set(entries)
        self._oldest.set(oldest_s)
        self._lost.inc(dropped - self._dropped_so_far)
        self._dropped_so_far = dropped

    def counters(self, *, answer: bool) -> None:
        """Whether the counter store answers."""
        self._counters_up.set(1 if answer else 0)

    def control_plane(self, standing: Mapping[str, Any] | None) -> None:
        """How far the control plane is followed; nothing where there is none."""
        if standing is None:
            return
        self._followed.set(standing["revision"])
        self._unreachable.set(0 if standing["fault"] is None else 1)
        if standing["lag_s"] is not None:
            self._lag.set(standing["lag_s"])

    def usage(self, provider: str, usage: Usage) -> None:
        """A provider reported what a call consumed."""
        consumed = self._consumed.setdefault(provider, [0, 0, 0.0])
        consumed[0] += usage.input_tokens
        consumed[1] += usage.output_tokens

    def cost(self, provider: str, cost_usd: float) -> None:
        """A call cost so much."""
        self._consumed.setdefault(provider, [0, 0, 0.0])[2] += cost_usd

    def publish(self) -> None:
        """Hands what was counted since the last time to Prometheus's own counters.

        PERF: those lock, and with several workers write to shared memory, which is too dear for every request; so it is
        done once a second and before every scrape.
        """
        self._in_flight.set(self._under_way)
        answered, self._answered = self._answered, {}
        for (endpoint, provider, status), count in answered.items():
            self._requests.labels(endpoint, provider, str(status)).inc(count)
        refused, self._refused = self._refused, {}
        for type_, count in refused.items():
            self._refusals.labels(type_).inc(count)
        tried, self._tried = self._tried, {}
        for (provider, outcome), count in tried.items():
            self._attempts.labels(provider, outcome).inc(count)
        consumed, self._consumed = self._consumed, {}
        for provider, (given, made, cost_usd) in consumed.items():
            self._cost.labels(provider).inc(cost_usd)
            self._tokens.labels(provider, "input").inc(given)
            self._tokens.labels(provider, "output").inc(made)

    def reload(self, outcome: str) -> None:
        """The configuration was loaded: `swapped`, `unchanged`, `rejected` or `failed`."""
        self._reloads.labels(outcome).inc()
        self._stale.set(1 if outcome in ("rejected", "failed") else 0)

    def records_dropped(self, count: int) -> None:
        """Decision records were lost."""
        self._dropped.inc(count)

    def render(self) -> bytes:
        """The text that Prometheus scrapes."""
        self.publish()
        registry = self._registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call] # prometheus-client has no types here
        return generate_latest(registry)
