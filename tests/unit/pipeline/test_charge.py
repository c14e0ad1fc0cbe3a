"""What a request owes at its end."""

from gateway.pipeline.charge import charge
from gateway.pipeline.exchange import Exchange
from gateway.pipeline.resolve import resolve
from gateway.shapes.endpoints import ENDPOINTS
from gateway.telemetry.decision_record import AttemptRecord
from gateway.wire.json_body import JsonBody
from tests.support.keys import HASH
from tests.support.snapshot import snapshot_of

CONFIG = f"""
version: 1
providers: {{openai: {{type: openai, api_key: k}}}}
prices: {{openai/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""


def test_a_client_that_leaves_before_any_provider_was_asked_owes_nothing():
    snapshot = snapshot_of(CONFIG)
    exchange = Exchange(snapshot, ENDPOINTS["chat_completions"], [], b"", "grq_1")
    exchange.key = snapshot.key_named("dev")
    exchange.body = JsonBody(b'{"model":"openai/m","messages":[]}')
    resolve(exchange)
    assert exchange.candidate.price is not None
    exchange.attempts.append(AttemptRecord("openai", "m", "circuit_open", 0, 0))

    charge(exchange, "client_left")

    assert (exchange.cost, exchange.owed) == (None, {})
