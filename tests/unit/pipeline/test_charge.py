"""What a request owes at its end."""

from gateway.pipeline.holds import NOTHING_OWED, charge
from gateway.pipeline.resolve import resolve
from gateway.pipeline.states import Admitted, Received
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
    key, endpoint = snapshot.key_named("dev"), ENDPOINTS["chat_completions"]
    received = Received(snapshot, endpoint, [], b"", "grq_1")
    body = JsonBody(b'{"model":"openai/m","messages":[]}')
    request = Admitted(
        received, key, body, None, "openai/m", resolve(snapshot, key, endpoint, "openai/m", body), "respect", None
    )
    assert request.candidate.price is not None
    received.trail.attempts.append(AttemptRecord("openai", "m", "circuit_open", 0, 0))

    assert charge(request, None, "client_left") == NOTHING_OWED
