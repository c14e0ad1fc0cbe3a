"""What the stages share beyond one request: counters and the places where outcomes are told."""

import msgspec

from gateway.counters.hold import CounterStore
from gateway.dispatch.circuit_breaker import CircuitBreakers
from gateway.telemetry.decision_log import DecisionLog
from gateway.telemetry.metrics import Metrics


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """Constructed once per worker, by the wiring."""

    counters: CounterStore
    breakers: CircuitBreakers
    metrics: Metrics
    decision_log: DecisionLog | None
    disconnect_drain_bytes: int
