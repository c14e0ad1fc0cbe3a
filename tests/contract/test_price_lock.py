"""A lock of prices beside the file decides what calls cost, and a change of it is live."""

from tests.contract.conftest import config

LOCK = """version: 1
locked_prices:
  openai/gpt-5: {input_usd_per_mtok: "%s", output_usd_per_mtok: "0", source: "a day", locked_on: 2026-11-24}
"""


def test_a_lock_that_appears_and_changes_is_live(start_gateway, upstream):
    gateway = start_gateway(config(upstream.url))
    lock = gateway.directory / "prices.lock.yaml"
    published = gateway.record_of(gateway.chat("openai/gpt-5"))
    assert published["price_source"].startswith("genai-prices")

    for dollars in (1000, 2000):
        before = gateway.readyz()["revision"]
        lock.write_text(LOCK % dollars)
        gateway.wait(lambda before=before: gateway.readyz()["revision"] != before)

        record = gateway.record_of(gateway.chat("openai/gpt-5"))
        assert (record["cost_nano_usd"], record["price_source"]) == (11 * dollars * 1000, "lock: a day, as asked")

    lock.write_text("version: 1\nlocked_prices: {openai/gpt-5: {}}\n")
    gateway.wait(lambda: gateway.readyz()["config"] == "stale")
    assert gateway.record_of(gateway.chat("openai/gpt-5"))["cost_nano_usd"] == 11 * 2000 * 1000
