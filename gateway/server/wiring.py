"""Constructs everything that one worker needs; the only place that reads settings on its behalf."""

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from gateway import clock
from gateway.counters.hold import CountersLost, CounterState, CounterStore, Standing
from gateway.counters.memory import MemoryCounters
from gateway.counters.redis import RedisCounters
from gateway.keys.digest import DEVELOPMENT_PEPPER, Pepper
from gateway.ledger.spool import Spool
from gateway.listening import bound_writes, certificate_ends
from gateway.money.budget import CompiledBudget
from gateway.money.nano_usd import NANO_PER_USD
from gateway.pipeline.key_guesses import KeyGuesses
from gateway.pipeline.services import Services
from gateway.plan.words import count
from gateway.providers.registry import ProviderSet
from gateway.server.app import create_app
from gateway.server.bookkeeping import Bookkeeping
from gateway.server.client_watch import AsgiApp, ClientLayer, Receive, Scope, Send
from gateway.server.drain import Drain
from gateway.server.health_listener import serve_health
from gateway.server.job_keeper import JobKeeper
from gateway.server.known_peppers import KnownPeppers
from gateway.server.response_headers import close_connections, keep_connections
from gateway.server.sources import open_source
from gateway.server.upload_spool import UploadSpool
from gateway.settings import Settings
from gateway.snapshot.holder import Holder, Rejection
from gateway.snapshot.snapshot import Snapshot
from gateway.storage.engine import StorageError
from gateway.telemetry import logs
from gateway.telemetry.access_log import Callers, lines_of
from gateway.telemetry.decision_log import DecisionLog, Taker, json_line, pretty_line
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.otel_variables import Variables
from gateway.telemetry.otlp_exports import OtlpExports
from gateway.telemetry.tracing import open_tracing
from gateway.upstream.circuit_breaker import CircuitBreakers
from gateway.upstream.client import Http1Transport
from gateway.upstream.failure import FailureKind

_PUBLISH_EVERY_S = 1.0
_SWITCH_INTERVAL_S = 0.0005
_REDIS_PATIENCE_S, _LOOK_S = 5.0, 0.05
_NOT_REBUILT = "the budgets' counters are still to be rebuilt from the ledger"

_log = logging.getLogger(__name__)


class StartupError(Exception):
    """What is configured cannot be served; the diagnostics say why."""

    def __init__(self, diagnostics: Sequence[object]) -> None:
        super().__init__("\n".join(str(diagnostic) for diagnostic in diagnostics))
        self.diagnostics = tuple(diagnostics)


def pepper_of(settings: Settings) -> Pepper:
    """The pepper that keys are hashed under, and the one before it."""
    current, previous = settings.key_pepper, settings.key_pepper_previous
    return Pepper(
        current.get_secret_value().encode() if current is not None else DEVELOPMENT_PEPPER,
        previous.get_secret_value().encode() if previous is not None else None,
    )


class Worker:
    """One worker process: its snapshot, its connections and its app."""

    def __init__(self, settings: Settings, restarts: Callable[[], int] = lambda: 0) -> None:
        self._settings = settings
        self._restarts = restarts
        self._pepper = pepper_of(settings)
        self._transport = Http1Transport(settings.upstream_connections)
        self._providers = ProviderSet(self._transport)
        self._metrics = Metrics(settings.metrics_labels)
        self._metrics.forget_dead_workers()
        self._metrics.limits(
            requests=settings.backpressure,
            upstream_connections=settings.upstream_connections,
            spool_bytes=settings.spool_max_bytes,
        )
        self._variables = Variables()
        self._exports = OtlpExports(self._variables, self._metrics.families)
        self._decision_log = _decision_log(settings, self._exports.decided)
        self._known_peppers = KnownPeppers(settings.data_dir, self._pepper)
        self._drain = Drain()
        if settings.tls_cert is not None:
            self._metrics.certificate_ends(certificate_ends(settings.tls_cert))
        self._breakers = CircuitBreakers()
        self._budgets: Sequence[CompiledBudget] = ()
        self._serving: Snapshot | None = None
        self._health: asyncio.Server | None = None
        self._counters_state = CounterState.COUNTED
        self._spool_is_full = False
        self._source = open_source(
            settings, self._pepper, self._providers, self._reloaded, self._breakers.open_circuits
        )

    async def start(self) -> AsgiApp:
        """Loads the configuration and begins to watch it. Raises `StartupError`."""
        first = await self._source.first()
        if isinstance(first, Rejection):
            raise StartupError(first.diagnostics)
        scheme = "http" if self._settings.tls_cert is None else "https"
        self._tracing = open_tracing(self._metrics, self._variables, scheme=scheme)
        holder = Holder(first)
        await self._open_books(first)
        uploads = UploadSpool(self._settings.data_dir / "uploads", self._settings.upload_spool_bytes)
        self._jobs = JobKeeper(self._books.jobs, self._settings.deferred_poll_s)
        services = Services(
            counters=self._counters,
            on_counter_loss=self._settings.on_counter_loss,
            ledger=self._books.spool,
            breakers=self._breakers,
            metrics=self._metrics,
            decision_log=self._decision_log,
            tracing=self._tracing,
            objects=self._books.objects,
            uploads=uploads,
            jobs=self._jobs,
            forwards_baggage=self._variables.forwards_baggage,
            disconnect_drain_bytes=self._settings.disconnect_drain_bytes,
            guesses=KeyGuesses(
                self._settings.invalid_keys_per_minute, Callers(self._settings.node, self._settings.trusted_proxies)
            ),
            habits=await self._books.habits(first.budgets),
        )
        self._holder = holder
        await self._jobs.start(services, holder)
        self._source.start(holder)
        self._serve(first)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._source.request)
        loop.add_signal_handler(signal.SIGUSR1, self._begin_drain)
        self._publishing = loop.create_task(self._publish())
        keys, providers = count(first.key_count, "virtual key"), count(len(first.upstreams), "provider")
        _log.info("serving revision %s: %s, %s", first.revision_label, keys, providers)
        self._known_peppers.tell_at_start()
        app = create_app(self._settings, holder, services, self._drain, self._books, self._source.standing, uploads)
        keep_connections(self._settings.keepalive_timeout_s)
        if self._settings.health_port is not None:
            try:
                self._health = await serve_health(app, self._settings.host, self._settings.health_port)
            except OSError as problem:
                raise StartupError((f"health port {self._settings.health_port}: {problem.strerror}",)) from problem
        return ClientLayer(app, self._settings.body_timeout_s)

    async def stop(self) -> None:
        """Ends what `start` began; requests that a client waits for have ended before."""
        await self._drain.finish()
        self._publishing.cancel()
        if self._health is not None:
            self._health.close()
        await self._jobs.close()
        await self._source.close()
        await self._providers.close()
        await self._transport.close()
        if self._decision_log is not None:
            await self._decision_log.close()
        await asyncio.to_thread(self._tracing.close)
        await asyncio.to_thread(self._exports.close)
        await self._counters.close()
        await self._books.close()

    async def _open_books(self, snapshot: Snapshot) -> None:
        """Opens the ledger and the counters, and brings these up to what the ledger knows."""
        self._budgets = snapshot.budgets
        try:
            self._books = Bookkeeping(self._settings)
            await asyncio.to_thread(self._books.prepare)
        except StorageError as problem:
            raise StartupError((problem,)) from problem
        self._books.start()
        self._counters = await self._open_counters()
        try:
            await self._books.rebuild(self._counters, self._budgets)
        except (StorageError, CountersLost) as problem:
            _log.warning("the budgets' counters are not rebuilt yet: %s", problem)
            self._books.rebuild_until_done(self._counters, lambda: self._budgets)

    async def _open_counters(self) -> CounterStore:
        service = self._settings.redis
        if service is None:
            counters = MemoryCounters()
            counters.fault = _NOT_REBUILT
            return counters
        shared = RedisCounters(
            service,
            prefix=f"{{gw:{self._settings.redis_namespace}}}:",
            ledger=lambda: self._books.known(shared, self._budgets),
        )
        self._books.watch(shared.look)
        await shared.start()
        patience = clock.monotonic() + _REDIS_PATIENCE_S
        while shared.fault is not None and clock.monotonic() < patience:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(_LOOK_S)
        return shared

    async def _publish(self) -> None:
        bounds_writes = False
        while True:
            await asyncio.sleep(_PUBLISH_EVERY_S)
            bounds_writes = bounds_writes or bound_writes(self._settings.port, self._settings.write_timeout_s)
            self._metrics.upstream_connections(self._transport.states())
            if self._holder.current.has_known_a_key:
                self._known_peppers.worked()
            await self._providers.close_retired()
            self._metrics.circuits(self._breakers.states())
            spool = self._books.spool
            lost, aside = spool.dropped, spool.backlog.set_aside_count
            self._metrics.ledger(spool.depth, spool.waiting_bytes, self._books.oldest_s, lost, aside)
            standings = tuple(self._counters.standings())
            self._tell_spool(spool)
            self._metrics.held(self._held_usd(standings))
            self._metrics.restarts(self._restarts())
            self._tell_counters(self._counters.state, self._counters.fault)
            self._metrics.control_plane(self._source.standing())
            self._metrics.keys_end(self._holder.current.key_ends)
            records_dropped = 0 if self._decision_log is None else self._decision_log.dropped
            self._metrics.lines_dropped(records=records_dropped, log=logs.dropped())
            await self._metrics.publish_in_turns()
            self._counters.recorded(self._books.settled)
            await self._books.tell(standings)

    def _held_usd(self, standings: Iterable[Standing]) -> dict[str, float]:
        """What requests under way hold of each budget of money that is told."""
        held = {one.key: one.held for one in standings}
        counters = self._metrics.budgets.counters()
        in_usd = (one.name for one in self._budgets if one.unit == "usd" and one.name in counters)
        return {name: held.get(counters[name], 0) / NANO_PER_USD for name in in_usd}

    def _tell_spool(self, spool: Spool) -> None:
        """Tells once that the ledger has no room, and once that it has again."""
        if spool.is_full is self._spool_is_full:
            return
        self._spool_is_full = spool.is_full
        if not spool.is_full:
            _log.info("the ledger's spool has room again")
            return
        bound = f"{spool.waiting_bytes} bytes wait, GATEWAY_SPOOL_MAX_BYTES are {self._settings.spool_max_bytes}"
        what = "every request is refused" if spool.refuses else "entries of the ledger are lost"
        _log.error("the ledger's spool is full, and %s: %s", what, spool.disk_error or bound)

    def _tell_counters(self, state: CounterState, fault: str | None) -> None:
        """Tells, once for each reason, that limits and budgets cannot be counted, and that they are again."""
        self._metrics.counters({one.value: one is state for one in CounterState}, answer=fault is None)
        if state is self._counters_state:
            return
        self._counters_state = state
        if state is CounterState.COUNTED:
            _log.info("limits and budgets are counted again")
        else:
            _log.warning("limits and budgets cannot be counted; GATEWAY_ON_COUNTER_LOSS decides what passes: %s", fault)

    def _serve(self, snapshot: Snapshot) -> None:
        """What takes effect beside the requests, as soon as a snapshot does."""
        self._serving = snapshot
        self._budgets = snapshot.budgets
        self._metrics.serving(
            snapshot.revision_label,
            {one.name: one.ceiling / NANO_PER_USD for one in snapshot.budgets if one.unit == "usd"},
            snapshot.upstreams,
            [kind.value for kind in FailureKind],
            {one.name: one.ceiling for one in snapshot.budgets if one.unit != "usd"},
        )
        self._metrics.keys_end(snapshot.key_ends)
        if self._metrics.labelled is not None:
            self._metrics.labelled.models = snapshot.model_names
        logs.set_level(snapshot.log_level or self._settings.log_level)
        self._tracing.configure(snapshot.trace_collectors)
        # PERF: threads that export spans or prepare large bodies have to let requests go on soon.
        sys.setswitchinterval(_SWITCH_INTERVAL_S)

    def _reloaded(self, outcome: str, detail: str) -> None:
        self._metrics.reload(outcome)
        # Of a revision that is refused as a whole, what can be served of it may have been put in place.
        if self._holder.current is not self._serving:
            self._serve(self._holder.current)
            self._books.rebuild_until_done(self._counters, lambda: self._budgets)
        level = logging.INFO if outcome in ("swapped", "unchanged") else logging.ERROR
        _log.log(level, "configuration %s: %s", outcome, detail)

    def _begin_drain(self) -> None:
        _log.info("draining: readiness fails from now on")
        close_connections()
        self._drain.begin(self._settings.drain_grace_s + self._settings.drain_timeout_s)


def _work_in_batches() -> None:
    """PERF: threads of this process that become ready wait their turn, where they share a core, instead of breaking in.

    Every answer wakes the thread that sends it. Breaking in, it would send one at a time, for two changes of thread
    each; so it sends those of a whole turn of the event loop. An idle core still takes a thread at once. Threads that
    begin later inherit this (sched(7)). Whoever chose another policy than the usual one keeps it.
    """
    if hasattr(os, "SCHED_BATCH") and os.sched_getscheduler(0) == os.SCHED_OTHER:
        with suppress(OSError):  # a sandbox may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _spare_the_collector() -> None:
    """PERF: what lives as long as the process need not be looked at, and requests leave hardly any cycles behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _decision_log(settings: Settings, also: Taker | None) -> DecisionLog | None:
    lines = lines_of(settings.access_log)
    if lines is None:
        return None
    callers = Callers(settings.node, settings.trusted_proxies)
    pretty = logs.is_pretty(settings.log_format, sys.stdout)
    return DecisionLog(callers, lines, pretty_line if pretty else json_line, also)


def load_app(settings: Settings, on_started: Callable[[], None], restarts: Callable[[], int]) -> AsgiApp:
    """The ASGI callable of one worker process; everything is built when the server's lifespan begins."""
    _work_in_batches()
    logs.configure(settings.log_level, settings.log_format)
    app: AsgiApp | None = None

    async def lifespan(receive: Receive, send: Send) -> None:
        nonlocal app
        await receive()
        worker = Worker(settings, restarts)
        try:
            app = await worker.start()
        except StartupError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        _spare_the_collector()
        await send({"type": "lifespan.startup.complete"})
        on_started()
        await receive()
        await worker.stop()
        await send({"type": "lifespan.shutdown.complete"})

    # PERF: no coroutine of its own, only the one of what it calls.
    def serve(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "lifespan":
            return lifespan(receive, send)
        assert app is not None  # noqa: S101 - requests come after the start
        return app(scope, receive, send)

    return serve
