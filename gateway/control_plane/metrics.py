"""Every metric of the control plane: its name, its labels and what it says, in one list, and how it is counted.

docs/metrics.md is made from it. Labels are bounded: routes, methods and types of errors are rows of tables, names of
tokens are those that end first.
"""

import platform
from collections.abc import Collection, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from gateway.control_plane.errors import API_ERROR_TYPES
from gateway.control_plane.rest.route import PREFIX
from gateway.control_plane.tokens import Token
from gateway.telemetry.exposition import Form
from gateway.telemetry.process_figures import ProcessFigures
from gateway.version import BUILD, __version__

SECONDS: Final = (0.005, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 60.0, 120.0)
"""Upper bounds of the histogram's buckets: from a look-up to a plan, and the long poll of gateways."""

MOST_TOKENS: Final = 50
"""So many tokens are told by name, those that end first."""

NODE_STATES: Final = ("current", "behind", "refuses", "silent")

_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
_MICROSECONDS = 1_000_000


class MetricDefinitions:
    """The metrics of a control plane, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter(
            "requests",
            "Requests answered, by the route's template, method and class of the status (`2xx`); `route` is `unknown` "
            "where nothing is.",
            "route",
            "method",
            "status",
        )
        self.durations = Histogram(
            "control_plane_request_duration_seconds",
            "From the head of a request to the end of its answer. `/api/gateway/v1/changes` waits for news, up to a "
            "minute.",
            ("route", "method"),
            registry=self.registry,
            buckets=SECONDS,
        )
        self.errors = self._counter("errors", "Errors that were answered, by type.", "type")
        self.plans = self._counter("plans", "Plans by result: `ok` or the type of the error.", "result")
        self.applies = self._counter("applies", "Applies by result: `ok` or the type of the error.", "result")
        self.revision = self._gauge("revision", "The newest revision.")
        self.gateways = self._gauge(
            "gateways",
            "Gateways that reported within a day, by state: `current`, `behind`, `refuses` or `silent` for a minute.",
            "state",
        )
        self.database_up = self._gauge("database_up", "0 while the database does not answer.")
        self.database_errors = self._counter(
            "database_errors",
            "Questions that the database did not answer: `unavailable`, `locked` by another writer, `too_slow`.",
            "reason",
        )
        self.token_ends = self._gauge(
            "token_expires_timestamp_seconds",
            f"When a token that works ends, Unix time; the {MOST_TOKENS} that end first.",
            "token",
            "scope",
        )
        self.certificate_ends = self._gauge(
            "tls_certificate_expires_timestamp_seconds", "When the certificate of the control plane's port expires."
        )
        self.lines_dropped = self._counter("access_log_lines_dropped", "Lines of access logs that were lost.")
        self.build = Info("control_plane_build", "What serves.", registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"control_plane_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"control_plane_{name}", text, labels, registry=self.registry)


class ControlPlaneMetrics:
    """What a control plane counts."""

    def __init__(self, certificate_ends: float | None = None) -> None:
        self._metrics = MetricDefinitions()
        self._process = ProcessFigures(self._metrics.registry)
        self._lines_dropped = 0
        self._changes: Mapping[str, Counter] = {
            f"{PREFIX}/plans": self._metrics.plans,
            f"{PREFIX}/applies": self._metrics.applies,
        }
        self._metrics.build.info({"version": __version__, "python": platform.python_version(), "build": BUILD})
        self._metrics.database_up.set(1)
        self._metrics.certificate_ends.set(certificate_ends or 0)
        # A series that is born with its first event hides it from `rate`.
        for type_ in API_ERROR_TYPES:
            self._metrics.errors.labels(type_)
        for counter in self._changes.values():
            for result in ("ok", *API_ERROR_TYPES):
                counter.labels(result)
        for reason in ("unavailable", "locked", "too_slow"):
            self._metrics.database_errors.labels(reason)

    def answered(self, route: str, method: str, status: int, error_type: str | None, duration_s: float) -> None:
        """A request has ended, with an error of this type or with none."""
        known_method = method if method in _METHODS else "other"
        self._metrics.requests.labels(route, known_method, f"{status // 100}xx").inc()
        self._metrics.durations.labels(route, known_method).observe(duration_s)
        if error_type is not None:
            self._metrics.errors.labels(error_type).inc()
        if method == "POST" and (counter := self._changes.get(route)) is not None:
            counter.labels(error_type or "ok").inc()

    def database(self, *, answers: bool) -> None:
        """Whether the database answers."""
        self._metrics.database_up.set(1 if answers else 0)

    def database_failed(self, reason: str) -> None:
        """A question was not answered: `unavailable`, `locked` or `too_slow`."""
        self._metrics.database_errors.labels(reason).inc()

    def standing(self, revision: int, gateways: Mapping[str, int], ending: Collection[Token]) -> None:
        """The newest revision, how many gateways are in each state, and the tokens that end, the first to end first."""
        self._metrics.revision.set(revision)
        for state in NODE_STATES:
            self._metrics.gateways.labels(state).set(gateways.get(state, 0))
        self._metrics.token_ends.clear()
        for token in (*ending,)[:MOST_TOKENS]:
            if token.expires_at is not None:
                self._metrics.token_ends.labels(token.name, token.scope.value).set(token.expires_at / _MICROSECONDS)

    def lines_dropped(self, total: int) -> None:
        """How many lines of the access log were lost since the start."""
        self._metrics.lines_dropped.inc(total - self._lines_dropped)
        self._lines_dropped = total

    def render(self, form: Form) -> bytes:
        """What Prometheus scrapes."""
        self._process.publish()
        return form.render(self._metrics.registry)
