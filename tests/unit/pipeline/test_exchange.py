"""The record of a request."""

from gateway.pipeline.exchange import Exchange


def test_a_record_that_is_printed_shows_its_id_and_no_header():
    exchange = Exchange(None, None, [(b"authorization", b"Bearer lw_vk_secret")], b"", "grq_1")

    assert repr(exchange) == "Exchange(grq_1)"
