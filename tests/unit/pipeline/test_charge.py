"""What a request owes at its end."""

from types import SimpleNamespace

from gateway.pipeline.charge import charge
from gateway.pipeline.exchange import Exchange
from gateway.telemetry.decision_record import AttemptRecord
from gateway.wire.endpoints import ENDPOINTS


def test_a_client_that_leaves_before_any_provider_was_asked_owes_nothing():
    snapshot = SimpleNamespace(charges_missing_usage=True)
    exchange = Exchange(snapshot, ENDPOINTS["chat_completions"], [], b"", "grq_1")
    exchange.attempts.append(AttemptRecord("openai", "gpt-5", "circuit_open", 0, 0))
    exchange.upstream = SimpleNamespace(provider=SimpleNamespace(name="anthropic"))
    exchange.candidate = SimpleNamespace(price=SimpleNamespace(), upstream=exchange.upstream)

    charge(exchange, "client_left")

    assert (exchange.cost, exchange.owed) == (None, {})
