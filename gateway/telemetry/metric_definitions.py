"""Every metric of the data plane: its name, its labels and what it says, in one list. docs/metrics.md is made from it.

Labels are bounded: endpoints, names from the configuration, status codes, outcomes; models by `Metrics`.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.telemetry import labelled

# Without their types written, mypyc takes them for unset: it knows what is by the first float, and compares it wrongly.
SECONDS: Final[tuple[float, ...]] = (
    0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 640.0,
)  # fmt: skip
"""Upper bounds of the histograms' buckets: from a refusal, which takes a millisecond, to the longest deadline."""

OVERHEAD_SECONDS: Final[tuple[float, ...]] = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""The same of what the gateway itself takes."""

MOST_KEYS: Final = 50
"""So many virtual keys are told by name, those that end next."""

PRIVATE: Final[frozenset[str]] = labelled.PRIVATE | frozenset(
    f"gateway_{name}"
    for name in (
        "budget_utilization_ratio",
        "budget_spent_usd",
        "budget_held_usd",
        "budget_limit_usd",
        "budget_refusals",
        "cost_usd",
        "virtual_key_expires_timestamp_seconds",
    )
)
"""Metrics that name budgets, money, keys or teams: shown on `GATEWAY_HEALTH_PORT`, or by `GATEWAY_METRICS_TOKEN`."""


WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "policy": ("tools", "mcp", "urls", "models", "models_allowed"),
    "limit": ("rpm", "rpd", "tpm", "concurrency"),
}
"""What may only warn."""


class MetricDefinitions:
    """The metrics of one worker, in registries of their own: those in `PRIVATE` stand in `private`."""

    def __init__(self) -> None:  # noqa: PLR0915 - a statement for each metric
        self.registry, self.private = CollectorRegistry(), CollectorRegistry()
        self.requests = self._counter(
            "requests",
            "Requests answered, by the provider whose answer or failure stands; of requests that no provider was asked "
            "for, what the gateway itself refused for example, `provider` is empty. `outcome` is that of the decision "
            "record: a stream that broke off is `failed` under status 200. `endpoint` is `unknown` where nothing is.",
            "endpoint",
            "provider",
            "status",
            "outcome",
        )
        self.durations = self._histogram(
            "request_duration_seconds",
            "From the head of a request to the end of its answer; `provider` as of `gateway_requests_total`.",
            "endpoint",
            "provider",
        )
        self.first_tokens = self._histogram(
            "time_to_first_token_seconds",
            "From the head of a request to the first bytes of its stream.",
            "endpoint",
            "provider",
        )
        self.overhead = self._histogram(
            "overhead_seconds",
            "What the gateway took from the head of a request to the first call to a provider, or to its refusal, "
            "without the wait for the client's body; unpacking a compressed one is in it.",
            "endpoint",
            buckets=OVERHEAD_SECONDS,
        )
        self.upstream_durations = self._histogram(
            "upstream_duration_seconds",
            "From the beginning of a call to a provider to the end of its answer, or to its failure.",
            "provider",
        )
        self.upstream_first_bytes = self._histogram(
            "upstream_first_byte_seconds",
            "From the beginning of the call to a provider that answered to the first byte of its answer's body.",
            "provider",
        )
        self.in_flight = self._gauge("requests_in_flight", "Requests under way.", "livesum")
        self.most_in_flight = self._gauge(
            "requests_in_flight_limit",
            "So many connections, and so requests, are taken: `GATEWAY_BACKPRESSURE`.",
            "livesum",
        )
        self.refusals = self._counter(
            "refusals", "Requests that the gateway itself refused: type and code of the error.", "type", "code"
        )
        self.failures = self._counter(
            "failures",
            "Requests that failed, at a provider or for want of one that could be asked: type and code of the error.",
            "provider",
            "type",
            "code",
        )
        self.denials = self._counter(
            "denials",
            "Requests that a policy rule (dimension: tools, mcp, urls, models), a rate limit (rpm, rpd, tpm, "
            "concurrency) or a budget (the kind of its scope) refused.",
            "by",
            "dimension",
        )
        self.warnings = self._counter(
            "warnings",
            "Requests that a policy rule (dimension: tools, mcp, urls, models, models_allowed) or a rate limit (rpm, "
            "rpd, tpm, concurrency) with `mode: warn` would have refused; a request counts once for each of them.",
            "by",
            "dimension",
        )
        self.budget_refusals = self._counter("budget_refusals", "Requests that a budget refused.", "budget")
        self.attempts = self._counter(
            "attempts", "Calls to providers by outcome: `ok`, a status, or what went wrong.", "provider", "outcome"
        )
        self.passed_over = self._counter(
            "passed_over",
            "Providers that were next in line and not asked, by reason: `circuit_open`, `rate_limited`, "
            "`budget_exceeded`, or the type of the error that kept the request from going there.",
            "provider",
            "reason",
        )
        self.hops = self._counter(
            "fallback_hops", "Requests that went on from one provider to the next.", "from_provider", "to_provider"
        )
        self.circuits = self._gauge(
            "circuit_open", "1 while a provider is left alone because it kept failing.", "livemax", "provider"
        )
        self.upstream_connections = self._gauge(
            "upstream_connections",
            "Connections to an upstream that carry a call (`active`) or are `idle`, and calls `waiting` for one since "
            "there may be no more.",
            "livesum",
            "origin",
            "state",
        )
        self.most_upstream_connections = self._gauge(
            "upstream_connections_limit",
            "So many connections to one upstream are opened: `GATEWAY_UPSTREAM_CONNECTIONS`.",
            "livesum",
        )
        self.tokens = self._counter("tokens", "Tokens that providers reported.", "provider", "model", "direction")
        self.cost = self._counter(
            "cost_usd",
            "What calls cost by the price list, in US dollars. For dashboards; exact sums are in the ledger.",
            "provider",
            "model",
        )
        self.unpriced = self._counter(
            "unpriced_requests",
            "Answers of which something has no price, or all: what they cost counts in no sum and in no budget.",
            "provider",
            "model",
        )
        self.budgets = self._gauge(
            "budget_utilization_ratio",
            "What is spent of a budget's limit in its window, as of the last request that ended or was refused under "
            "it; of a budget with `each`, the fullest.",
            "livemax",
            "budget",
        )
        self.budget_spent = self._gauge(
            "budget_spent_usd", "The same in US dollars: spent in the window, as of that request.", "livemax", "budget"
        )
        self.budget_held = self._gauge(
            "budget_held_usd",
            "What requests under way hold of that counter beyond it, in US dollars.",
            "livesum",
            "budget",
        )
        self.budget_limit = self._gauge(
            "budget_limit_usd",
            "The budget's limit in US dollars, without a `reserve_margin_usd` that it keeps back.",
            "livemax",
            "budget",
        )
        self.reloads = self._counter("config_reloads", "Attempts to load the configuration.", "outcome")
        self.stale = self._gauge(
            "config_stale", "1 while the newest configuration is refused and an older one serves.", "livemax"
        )
        self.followed = self._gauge("control_plane_revision", "The control plane's revision that serves.", "livemin")
        self.followed_keys = self._gauge(
            "control_plane_keys_revision",
            "The control plane's revision whose states of keys are in force: above the one that serves while a newer "
            "one is refused.",
            "livemin",
        )
        self.refused = self._gauge(
            "control_plane_refused_revision",
            "The control plane's newest revision while it cannot be served here, else 0.",
            "livemax",
        )
        self.unreachable = self._gauge(
            "control_plane_unreachable",
            "1 while the control plane does not answer and the last snapshot serves on.",
            "livemax",
        )
        self.tokens_ending = self._gauge(
            "control_plane_tokens_ending",
            "Tokens of the control plane that end within 14 days, this gateway's own among them.",
            "livemax",
        )
        self.lag = self._gauge(
            "control_plane_lag_seconds",
            "From the moment that the serving revision was applied to the moment that it came into force here: how "
            "long a revoked key still worked.",
            "livemax",
        )
        self.spooled = self._gauge("ledger_spool_entries", "Ledger entries that wait for the database.", "livesum")
        self.spool_bytes = self._gauge("ledger_spool_bytes", "What these entries take on the disk.", "livesum")
        self.spool_limit = self._gauge(
            "ledger_spool_limit_bytes", "What they may take: `GATEWAY_SPOOL_MAX_BYTES` of each worker.", "livesum"
        )
        self.oldest = self._gauge("ledger_spool_oldest_seconds", "For how long the oldest of them waits.", "livemax")
        self.lost = self._counter(
            "ledger_entries_dropped", "Ledger entries that were lost: for want of room, or by damage."
        )
        self.set_aside = self._gauge(
            "ledger_set_aside_entries",
            "Ledger entries that the database refuses for what they are, in `set-aside.jsonl` of the spool.",
            "livemax",
        )
        self.jobs_unreadable = self._gauge(
            "open_jobs_unreadable",
            "Batches and responses in the background that this gateway cannot read in the table `open_jobs`: it holds "
            "nothing for them, and charges nothing.",
            "livemax",
        )
        self.restarts = self._gauge(
            "worker_restarts", "Workers that ended and were replaced since the gateway began.", "livemax"
        )
        self.certificate_ends = self._gauge(
            "tls_certificate_expires_timestamp_seconds",
            "When the certificate of the gateway's port expires.",
            "livemin",
        )
        self.key_ends = self._gauge(
            "virtual_key_expires_timestamp_seconds",
            f"When a virtual key ends by its `expires_at`, Unix time; the {MOST_KEYS} that end next.",
            "livemin",
            "key",
        )
        self.counters_up = self._gauge("counters_up", "0 while limits and budgets cannot be counted.", "livemin")
        self.counters_state = self._gauge(
            "counters_state",
            "1 of what holds: `counted`, or what stands in the way, as `/readyz` has it.",
            "livemax",
            "state",
        )
        self.records_dropped = self._counter("decision_records_dropped", "Decision records that could not be written.")
        self.log_lines_dropped = self._counter(
            "log_lines_dropped", "Lines of the process's own log that could not be written."
        )
        self.spans = self._counter(
            "trace_spans_exported",
            "Spans that a trace collector took; `default` is that of the `OTEL_*` variables.",
            "collector",
        )
        self.spans_dropped = self._counter(
            "trace_spans_dropped",
            "Spans that were lost: `queue_full` while the collector was slow, `export_failed` when it refused them or "
            "none could be made, `collector_removed` when the configuration has it no more.",
            "collector",
            "reason",
        )
        self.content_dropped = self._counter(
            "trace_content_dropped",
            "Requests whose spans went without their content, since too much of it waited for the collector.",
            "collector",
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"gateway_{name}", text, labels, registry=self._registry_of(name))

    def _gauge(self, name: str, text: str, mode: str, *labels: str) -> Gauge:
        # prometheus-client knows the modes as literals; a wrong one raises as soon as a worker starts.
        registry = self._registry_of(name)
        return Gauge(f"gateway_{name}", text, labels, registry=registry, multiprocess_mode=mode)  # type: ignore[arg-type]

    def _histogram(self, name: str, text: str, *labels: str, buckets: Sequence[float] = SECONDS) -> Histogram:
        return Histogram(f"gateway_{name}", text, labels, registry=self._registry_of(name), buckets=buckets)

    def _registry_of(self, name: str) -> CollectorRegistry:
        return self.private if f"gateway_{name}" in PRIVATE else self.registry
