"""Which requests are traced, and to which collectors their spans go.

One collector is named by OpenTelemetry's own variables
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/), others by the configuration. Each
has a queue and a thread of its own, so that none can hold up another. Without any, nothing is traced.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased, TraceIdRatioBased

from gateway import clock
from gateway.telemetry.collector_settings import Bounds, CollectorSettings
from gateway.telemetry.exporters import listen, sender_of, sender_of_variables, shown
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.otel_variables import Variables
from gateway.telemetry.sampling import Sampling
from gateway.telemetry.trace_context import TraceContext
from gateway.telemetry.trace_destination import TraceDestination
from gateway.telemetry.traced_request import TracedRequest
from gateway.version import __version__

_DEFAULT: Final = "default"
_FAREWELL_S: Final = 5.0

_log = logging.getLogger(__name__)


class _Route(msgspec.Struct, frozen=True):
    """Where the spans of some requests go, and which requests those are."""

    settings: CollectorSettings | None
    sampling: Sampling
    destination: TraceDestination


class Tracing:
    """Samples requests and hands the sampled ones to their collectors. `close` ends the threads."""

    def __init__(
        self,
        default: TraceDestination | None,
        bounds: Bounds,
        metrics: Metrics,
        variables: Variables,
        *,
        scheme: str = "http",
    ) -> None:
        self._default = None if default is None else _Route(None, _sampling_of(variables), default)
        self._variables = variables
        self._scheme = scheme
        self._bounds = bounds
        self._metrics = metrics
        self._routes: dict[str, _Route] = {}
        self._leaving: list[TraceDestination] = []

    def configure(self, collectors: Mapping[str, CollectorSettings]) -> None:
        """From now on these are the collectors beside that of the variables.

        Those that stay as they are go on, others are opened; those that are gone send what waits and are let go.
        """
        if self._variables.is_disabled:
            return
        before, self._routes = self._routes, {}
        for name, settings in collectors.items():
            had = before.get(name)
            stays = had is not None and had.settings is not None and had.settings.is_same_place(settings)
            destination = before.pop(name).destination if stays else self._open(name, settings)
            sampling = Sampling(ParentBased(TraceIdRatioBased(settings.sampling_ratio)))
            self._routes[name] = _Route(settings, sampling, destination)
        self._leaving = [one for one in self._leaving if one.is_alive]
        for gone in before.values():
            gone.destination.close()
            self._leaving.append(gone.destination)

    def sample(self, context: TraceContext, collector: str | None) -> bool | None:
        """Whether a request at this place in a trace is sampled; `None`: there is nowhere to send it."""
        route = self._default if collector is None else self._routes.get(collector)
        return None if route is None else route.sampling.samples(context)

    def export(self, request: TracedRequest) -> None:
        """Takes a sampled request without waiting; beyond the bounds of its collector it is dropped and counted."""
        count = request.span_count
        for destination in self._destinations(request.collector, count):
            destination.export(request, count)

    def lose(self, request_id: str, collector: str | None, spans: int, error: Exception) -> None:
        """Counts and logs a sampled request that nothing can be told of; `spans` is how many it would have had."""
        for destination in self._destinations(collector, spans):
            destination.lose(request_id, spans, error)

    def close(self) -> None:
        """Sends what waits everywhere, for some seconds at most. Blocks."""
        ours = [route.destination for route in (*self._routes.values(), self._default) if route is not None]
        for one in ours:
            one.close()
        deadline = clock.monotonic() + _FAREWELL_S
        for one in (*ours, *self._leaving):
            one.join(max(0.0, deadline - clock.monotonic()))

    def _destinations(self, collector: str | None, spans: int) -> Sequence[TraceDestination]:
        """Who is told of a request; its spans are counted as lost where there is nobody."""
        route = self._default if collector is None else self._routes.get(collector)
        if route is None:
            # The collector was taken out of the configuration while the request was under way.
            self._metrics.spans_dropped(spans, collector or _DEFAULT, "collector_removed")
            return ()
        if route.settings is not None and route.settings.also_to_default and self._default is not None:
            return route.destination, self._default.destination
        return (route.destination,)

    def _open(self, name: str, settings: CollectorSettings) -> TraceDestination:
        address = shown(settings.endpoint)
        return TraceDestination(
            name,
            lambda: sender_of(settings, self._variables),
            resource(),
            self._bounds,
            self._metrics,
            address,
            scheme=self._scheme,
        )


def open_tracing(metrics: Metrics, variables: Variables, *, scheme: str = "http") -> Tracing:
    """Tracing as the variables ask for it, without a collector where they name none; `scheme` is that of the port."""
    bounds = Bounds(
        queue=variables.whole("OTEL_BSP_MAX_QUEUE_SIZE", Bounds().queue),
        batch=variables.whole("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Bounds().batch),
        delay_s=variables.pause_s("OTEL_BSP_SCHEDULE_DELAY", 5000),
    )
    # It logs every batch that is lost; one line when that begins and one when it ends say as much.
    listen()
    default = None
    if _names_collector(variables):
        address = shown(variables.of_exporter("traces", "ENDPOINT"))
        default = TraceDestination(
            _DEFAULT, lambda: sender_of_variables(variables), resource(), bounds, metrics, address, scheme=scheme
        )
        _log.info("spans go to the trace collector %s%s", _DEFAULT, f", {address}" if address else "")
    return Tracing(default, bounds, metrics, variables, scheme=scheme)


def _names_collector(variables: Variables) -> bool:
    asked = variables.exporter("traces")
    if variables.is_disabled or asked == "none":
        return False
    return asked == "otlp" or bool(variables.of_exporter("traces", "ENDPOINT"))


def _sampling_of(variables: Variables) -> Sampling:
    name, ratio = variables.sampler
    root = name.removeprefix("parentbased_")
    sampler = TraceIdRatioBased(ratio) if root == "traceidratio" else _ROOTS[root]
    return Sampling(ParentBased(sampler) if root != name else sampler)


_ROOTS: Final = {"always_on": ALWAYS_ON, "always_off": ALWAYS_OFF}


def resource() -> Resource:
    """What the variables say of the service; its name is the gateway's where they do not give one."""
    # It logs a traceback of a detector that there is not, which `Variables` has told.
    listen()
    stated = Resource.create({})
    own = {SERVICE_VERSION: __version__}
    if str(stated.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        own[SERVICE_NAME] = "llm-gateway"
    return stated.merge(Resource(own))
