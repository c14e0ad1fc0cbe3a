"""Batches of a node that dies: another one goes on with them, and no budget forgets what they hold meanwhile."""

import time

import openai
import pytest

from tests.sdk.test_batches import POOR, batch_of, configuration, jsonl, line, sdk
from tests.support.batches import BatchKeeper
from tests.support.ledger import ledger_entries
from tests.support.upstream import PlayedUpstream

pytestmark = pytest.mark.service

COST = 20 * (100 * 1_000 + 10 * 10_000)
BACKGROUND = 100 * 2_000 + 10 * 20_000


@pytest.fixture
def keeper():
    played = PlayedUpstream()
    played.play = keeper = BatchKeeper("one", played.url)
    yield keeper
    played.close()


def is_refused(gateway, max_tokens=300):
    """Whether the budget has less room than this costs."""
    with sdk(gateway, POOR[0]) as client:
        try:
            client.chat.completions.create(
                model="cheap", max_tokens=max_tokens, messages=[{"role": "user", "content": "a"}]
            )
        except openai.APIStatusError as refused:
            return refused.response.json()["error"]["code"] == "budget_exceeded"
    return False


def test_another_node_goes_on_with_them(start_gateway, start_redis, postgresql, keeper, figures):
    database = postgresql.database()
    environment = {
        "GATEWAY_DATABASE_URL": database,
        "GATEWAY_REDIS_URL": start_redis().url,
        "GATEWAY_DEFERRED_POLL_S": "0.2",
    }
    first, second = (start_gateway(configuration(keeper.url), env=environment) for _ in range(2))

    with sdk(first, POOR[0]) as client:
        file, _ = batch_of(client, jsonl(*(line(number, model="cheap") for number in range(20))))
        client.responses.create(model="cheap", input="hi", background=True, max_output_tokens=100)
    first.kill()

    def holders():
        return set(postgresql.execute("SELECT held_by FROM open_jobs", database))

    (dead,) = holders()
    began = time.monotonic()
    while dead in holders():
        assert time.monotonic() < began + 60
        assert is_refused(second)
        time.sleep(0.2)
    taken_over_s = time.monotonic() - began
    assert is_refused(second)
    with sdk(second, POOR[0]) as client, pytest.raises(openai.APIStatusError, match="small"):
        # The file lies on the disk of the other node: it is read back, judged, and costs too much.
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    keeper.ends = True
    second.wait(lambda: not holders(), 30)
    second.wait(lambda: second.readyz()["ledger"]["waiting_entries"] == 0)
    costs = sorted(entry.cost_nano_usd for entry in ledger_entries(url=database) if entry.cost_nano_usd)
    assert costs == sorted([COST, BACKGROUND])
    # What the dead node held itself runs out soon after, and nothing is held twice for ever.
    began = time.monotonic()
    second.wait(lambda: not is_refused(second, max_tokens=100), 90)
    figures(f"taken over after {taken_over_s:.0f} s, held twice for {time.monotonic() - began:.0f} s at most")
