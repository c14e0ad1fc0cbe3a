"""What a request owes at its end."""

import pytest

from gateway.pipeline.holds import NOTHING_OWED, charge
from gateway.pipeline.resolve import resolve
from gateway.pipeline.states import Admitted, Received
from gateway.shapes.endpoints import ENDPOINTS
from gateway.telemetry.decision_record import AttemptRecord
from gateway.usage import Stated, Usage
from gateway.wire.json_body import JsonBody
from tests.support.keys import HASH
from tests.support.snapshot import snapshot_of

CONFIG = f"""
version: 1
providers: {{openai: {{type: openai, api_key: k}}}}
prices:
  openai/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  openai/dated: {{input_usd_per_mtok: 1, changes: [{{from: 2027-01-01, input_usd_per_mtok: 2}}]}}
  openai/hourly: {{input_usd_per_mtok: 1, changes: [{{hours_utc: "01:00-04:00", input_usd_per_mtok: 3}}]}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""


def admitted(snapshot, model):
    key, endpoint = snapshot.key_named("dev"), ENDPOINTS["chat_completions"]
    received = Received(snapshot, endpoint, [], b"", "grq_1")
    body = JsonBody(b'{"model":"m","messages":[]}')
    return Admitted(received, key, body, None, model, resolve(snapshot, key, endpoint, model, body), "respect", None)


NEW_YEAR = 1_798_761_600


@pytest.mark.parametrize(
    ("model", "shift_s", "dollars"),
    [
        ("openai/dated", -0.001, 1),
        ("openai/dated", 0, 2),
        ("openai/dated", -86_400, 1),
        ("openai/hourly", 3_599.999, 1),
        ("openai/hourly", 3_600, 3),
        ("openai/hourly", 4 * 3_600 - 0.001, 3),
        ("openai/hourly", 4 * 3_600, 1),
    ],
)
def test_a_request_is_charged_at_the_price_of_its_moment_without_a_reload(model, shift_s, dollars):
    snapshot = snapshot_of(CONFIG)
    for moment in (NEW_YEAR - 40_000, NEW_YEAR + shift_s, NEW_YEAR + 90_000):
        request = admitted(snapshot, model)
        request.received.started_at = moment
        charged = charge(request, Stated(usage=Usage(input_tokens=1_000_000)), "ok").cost
        if moment == NEW_YEAR + shift_s:
            assert charged == dollars * 10**9


def test_a_client_that_leaves_before_any_provider_was_asked_owes_nothing():
    snapshot = snapshot_of(CONFIG)
    key, endpoint = snapshot.key_named("dev"), ENDPOINTS["chat_completions"]
    received = Received(snapshot, endpoint, [], b"", "grq_1")
    body = JsonBody(b'{"model":"openai/m","messages":[]}')
    request = Admitted(
        received, key, body, None, "openai/m", resolve(snapshot, key, endpoint, "openai/m", body), "respect", None
    )
    assert request.candidate.prices.at(received.started_at) is not None
    received.trail.attempts.append(AttemptRecord("openai", "m", "circuit_open", 0, 0))

    assert charge(request, None, "client_left") == NOTHING_OWED
