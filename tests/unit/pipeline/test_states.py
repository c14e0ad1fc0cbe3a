"""The record of a request."""

from gateway.pipeline.states import Received
from gateway.shapes.endpoints import ENDPOINTS
from tests.support.snapshot import snapshot_of


def test_a_record_that_is_printed_shows_its_id_and_no_header():
    credential = [(b"authorization", b"Bearer lw_vk_secret")]
    received = Received(snapshot_of("version: 1\n"), ENDPOINTS["messages"], credential, b"", "grq_1")

    assert repr(received) == "Received(grq_1)"
