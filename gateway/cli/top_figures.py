"""What a gateway does now: the difference between two looks at its metrics."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from prometheus_client.parser import text_string_to_metric_families

Labels = Mapping[str, str]
Samples = Mapping[str, Sequence[tuple[Labels, float]]]
"""Samples by their names, each with its labels."""

_OK: Final = "ok"
_HOUR_S = 3600
_MEDIAN, _TAIL = 0.5, 0.95


class ProviderFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One provider. Rates are per second, latencies in seconds, `None` where nobody asked."""

    name: str
    calls: float
    failures: Mapping[str, float]
    is_open: bool
    p50_s: float | None
    p95_s: float | None
    tokens: float
    usd_per_hour: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All that is shown. Rates are per second, `budgets` are shares of limits."""

    version: str
    revision: str
    is_stale: bool
    counters_answer: bool
    under_way: int
    spooled: int
    requests: float
    server_errors: float
    denials: Mapping[str, float]
    p50_s: float | None
    p95_s: float | None
    tokens: float
    usd_per_hour: float
    providers: tuple[ProviderFigures, ...]
    budgets: Mapping[str, float]


def read_samples(text: str) -> Samples:
    """What `/metrics` says. Raises `ValueError` for what is no exposition of metrics."""
    found: dict[str, list[tuple[Labels, float]]] = defaultdict(list)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name].append((sample.labels, float(sample.value)))
    return found


def figures(before: Samples, now: Samples, seconds: float) -> Figures:
    """What happened in the seconds between two looks. A gateway that was restarted between them began from zero."""
    rate = _Rates(before, now, seconds)
    attempts = rate.by("gateway_attempts_total", lambda labels: (labels["provider"], labels["outcome"]))
    passed_over = rate.by("gateway_passed_over_total", lambda labels: (labels["provider"], labels["reason"]))
    tokens = rate.by("gateway_tokens_total", lambda labels: labels["provider"])
    cost = rate.by("gateway_cost_usd_total", lambda labels: labels["provider"])
    circuits = {labels["provider"]: value > 0 for labels, value in now.get("gateway_circuit_open", ())}
    names = sorted({provider for provider, _ in (*attempts, *passed_over)} | set(tokens) | set(circuits))
    statuses = rate.by("gateway_requests_total", lambda labels: labels["status"])
    return Figures(
        version=_label(now, "gateway_build_info", "version"),
        revision=_label(now, "gateway_config_info", "revision"),
        is_stale=_gauge(now, "gateway_config_stale") > 0,
        counters_answer=_gauge(now, "gateway_counters_up", 1) > 0,
        under_way=int(_gauge(now, "gateway_requests_in_flight")),
        spooled=int(_gauge(now, "gateway_ledger_spool_entries")),
        requests=sum(statuses.values()),
        server_errors=sum(value for status, value in statuses.items() if status.startswith("5")),
        denials={
            name: value
            for name, value in sorted(
                rate.by("gateway_denials_total", lambda labels: f"{labels['by']} {labels['dimension']}").items()
            )
            if value
        },
        p50_s=rate.quantile(_MEDIAN),
        p95_s=rate.quantile(_TAIL),
        tokens=sum(tokens.values()),
        usd_per_hour=sum(cost.values()) * _HOUR_S,
        providers=tuple(
            ProviderFigures(
                name=name,
                calls=sum(value for (provider, _), value in attempts.items() if provider == name),
                failures={
                    outcome: value
                    for (provider, outcome), value in sorted((attempts | passed_over).items())
                    if provider == name and outcome != _OK and value
                },
                is_open=circuits.get(name, False),
                p50_s=rate.quantile(_MEDIAN, name),
                p95_s=rate.quantile(_TAIL, name),
                tokens=tokens.get(name, 0),
                usd_per_hour=cost.get(name, 0) * _HOUR_S,
            )
            for name in names
        ),
        budgets={labels["budget"]: value for labels, value in now.get("gateway_budget_utilization_ratio", ())},
    )


class _Rates:
    """Counters per second between two looks."""

    def __init__(self, before: Samples, now: Samples, seconds: float) -> None:
        self._before = before
        self._now = now
        self._seconds = max(seconds, 1e-3)

    def by(self, name: str, key_of: Callable[[Labels], Any]) -> dict[Any, float]:
        """Rates added up by what `key_of` finds in the labels."""
        known = {tuple(sorted(labels.items())): value for labels, value in self._before.get(name, ())}
        sums: dict[Any, float] = defaultdict(float)
        for labels, value in self._now.get(name, ()):
            earlier = known.get(tuple(sorted(labels.items())), 0.0)
            sums[key_of(labels)] += (value - earlier if value >= earlier else value) / self._seconds
        return sums

    def quantile(self, share: float, provider: str | None = None) -> float | None:
        """The duration below which a share of requests stayed, in seconds, interpolated within its bucket."""
        counts = self.by(
            "gateway_request_duration_seconds_bucket",
            lambda labels: float(labels["le"]) if provider in (None, labels["provider"]) else None,
        )
        bounds = sorted(bound for bound in counts if isinstance(bound, float))
        if not bounds or counts[bounds[-1]] <= 0:
            return None
        rank, lower, below = share * counts[bounds[-1]], 0.0, 0.0
        for bound in bounds:
            if counts[bound] >= rank:
                if math.isinf(bound):
                    return lower
                inside = counts[bound] - below
                return lower + (bound - lower) * ((rank - below) / inside if inside else 1)
            lower, below = bound, counts[bound]
        return lower


def _gauge(samples: Samples, name: str, default: float = 0) -> float:
    return next((value for _, value in samples.get(name, ())), default)


def _label(samples: Samples, name: str, label: str) -> str:
    return next((labels[label] for labels, _ in samples.get(name, ())), "")
