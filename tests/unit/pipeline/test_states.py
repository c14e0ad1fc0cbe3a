"""The record of a request."""

import gc

from gateway.pipeline.resolve import resolve
from gateway.pipeline.states import Admitted, Received
from gateway.shapes.endpoints import ENDPOINTS
from gateway.wire.json_body import JsonBody
from tests.support.keys import HASH
from tests.support.snapshot import snapshot_of

CONFIG = f"""
version: 1
providers: {{openai: {{type: openai, api_key: k}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""


def test_a_record_that_is_printed_shows_its_id_and_no_header():
    credential = [(b"authorization", b"Bearer lw_vk_secret")]
    received = Received(snapshot_of("version: 1\n"), ENDPOINTS["messages"], credential, b"", "grq_1")

    assert repr(received) == "Received(grq_1)"


def test_a_request_that_is_over_is_gone_without_the_collector():
    snapshot = snapshot_of(CONFIG)
    key, endpoint = snapshot.key_named("dev"), ENDPOINTS["chat_completions"]
    received = Received(snapshot, endpoint, [], b"", "grq_1")
    body = JsonBody(b'{"model":"openai/m","messages":[]}')
    found = resolve(snapshot, key, endpoint, "openai/m", body)
    received.trail.admitted = Admitted(received, key, body, None, "openai/m", found, "respect", None)
    gc.collect()

    received.trail.let_go()
    del received, body, found
    assert gc.collect() == 0
