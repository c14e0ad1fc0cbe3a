"""Budgets that several workers and several gateways share, by way of a real Redis that may go away."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.counters.hold import CountersLost, Dimension, LedgerState, Limit
from gateway.counters.redis import RedisCounters, Spending
from gateway.counters.redis_address import parse_redis_url
from gateway.counters.redis_connection import connect
from gateway.counters.redis_refusals import RedisAway
from tests.contract.test_budgets import config, flood, played
from tests.support.ledger import ledger_entries
from tests.support.relay import Relay

pytestmark = pytest.mark.service

CENT = 10_000_000
DOLLAR = config("cap: {scope: {team: engineering}, window: total, limit_usd: 1}")
COUNTER = Limit(key="budget:cap:team=engineering:total=total", dimension=Dimension.SPEND, ceiling=0, window_s=0)


async def of_nobody() -> LedgerState:
    """Who only looks restores nothing."""
    raise CountersLost("somebody else restores")


def spending(url: str, counter: Limit = COUNTER) -> Spending:
    async def read() -> Spending:
        counters = RedisCounters(url, prefix="{gw:default}:", ledger=of_nobody, timeout_s=10)
        try:
            return (await counters.spending([counter]))[0]
        finally:
            await counters.close()

    return asyncio.run(read())


def command(url: str, *arguments: str) -> object:
    """One command to a Redis."""

    async def send() -> object:
        connection = await connect(parse_redis_url(url).addresses[0], 5, 5)
        try:
            return await connection.send(*arguments)
        finally:
            connection.abort(RedisAway("done"))

    return asyncio.run(send())


def sum_of_ledger(*gateways) -> int:
    """Once everything that was asked is in the database."""
    for gateway in gateways:
        gateway.wait(lambda gateway=gateway: gateway.readyz()["ledger"]["waiting_entries"] == 0, 30)
    return sum(entry.cost_nano_usd for entry in ledger_entries(*gateways))


async def decided(gateway, requests: int) -> list[int]:
    """Statuses of requests that are all sent at once; who finds Redis too busy to answer in time asks again."""
    answers = await flood(gateway, requests)
    for _ in range(10):
        if 503 not in answers:
            break
        answers = [answer for answer in answers if answer != 503] + await flood(gateway, answers.count(503))
    assert 503 not in answers
    return answers


def entries_of_decided(*gateways) -> int:
    return sum(entry.status != 503 for entry in ledger_entries(*gateways))


@pytest.fixture
def shared(start_gateway, server, tmp_path):
    """Starts gateways that share counters and a ledger."""

    def start(*arguments: str, text: str = DOLLAR, url: str = server.url, **env: str):
        return start_gateway(
            text,
            *arguments,
            env={"GATEWAY_REDIS_URL": url, "GATEWAY_DATA_DIR": str(tmp_path / "gateway-0/data"), **env},
        )

    return start


def test_four_workers_let_exactly_100_of_500_cents_pass(shared, server):
    gateway = shared("--workers", "4")

    answers = asyncio.run(decided(gateway, 500))

    assert (answers.count(200), answers.count(402)) == (100, 400)
    gateway.wait(lambda: entries_of_decided(gateway) == 500, 30)
    assert sum_of_ledger(gateway) == 100 * CENT
    assert spending(server.url) == Spending(spent=100 * CENT, held=0)


def test_two_gateways_let_exactly_100_of_500_cents_pass(shared, server):
    one, other = shared(), shared()

    async def both() -> list[int]:
        first, second = await asyncio.gather(decided(one, 250), decided(other, 250))
        return [*first, *second]

    answers = asyncio.run(both())

    assert (answers.count(200), answers.count(402)) == (100, 400)
    one.wait(lambda: entries_of_decided(one) == 500, 30)
    assert sum_of_ledger(one, other) == 100 * CENT
    assert spending(server.url) == Spending(spent=100 * CENT, held=0)


def test_while_redis_is_away_what_a_budget_blocks_is_refused_and_all_else_goes_on(shared, server):
    gateway = shared()
    assert gateway.chat("cent").status_code == 200

    server.stop()
    refused = gateway.wait(lambda: (answer := gateway.chat("cent")).status_code == 503 and answer)

    assert refused.json()["error"]["code"] == "counters_unavailable"
    assert gateway.readyz()["counters"]["fault"]
    gateway.wait(lambda: "gateway_counters_up 0.0" in gateway.client.get("/metrics").text)

    gateway.write_config(DOLLAR.replace("limit_usd: 1", "limit_usd: 1, on_breach: warn"))
    gateway.wait(lambda: gateway.chat("cent").status_code == 200)


def test_a_redis_that_is_full_is_told_for_as_long_as_it_is(shared, server):
    gateway = shared()
    assert gateway.chat("cent").status_code == 200

    command(server.url, "CONFIG", "SET", "maxmemory", "1mb")
    gateway.wait(lambda: gateway.chat("cent").status_code == 503)
    gateway.wait(lambda: "OOM" in (gateway.readyz()["counters"]["fault"] or ""))
    for _ in range(20):
        assert gateway.chat("cent").status_code == 503
        assert "OOM" in gateway.readyz()["counters"]["fault"]
        time.sleep(0.05)
    assert gateway.readyz()["counters"]["state"] == "out_of_memory"
    gateway.wait(lambda: "gateway_counters_up 0.0" in gateway.client.get("/metrics").text)
    assert 'gateway_counters_state{state="out_of_memory"} 1.0' in gateway.client.get("/metrics").text
    command(server.url, "CONFIG", "SET", "maxmemory", "0")

    gateway.wait(lambda: gateway.chat("cent").status_code == 200)
    assert gateway.readyz()["counters"]["fault"] is None
    gateway.wait(lambda: "limits and budgets are counted again" in gateway.log())
    assert gateway.log().count("limits and budgets cannot be counted") == 1


def test_what_was_served_while_redis_hung_is_counted_afterwards(shared, server):
    gateway = shared(GATEWAY_ON_COUNTER_LOSS="allow")
    assert [gateway.chat("cent").status_code for _ in range(5)] == [200] * 5
    server.freeze()
    assert [gateway.chat("cent").status_code for _ in range(20)] == [200] * 20

    server.thaw()

    gateway.wait(lambda: gateway.readyz()["counters"]["fault"] is None)
    assert sum_of_ledger(gateway) == 25 * CENT
    gateway.wait(lambda: spending(server.url) == Spending(spent=25 * CENT, held=0))
    answers = [gateway.chat("cent").status_code for _ in range(80)]
    assert (answers.count(200), answers.count(402)) == (75, 5)


@pytest.mark.parametrize("how", ["nobody rebuilt", "another reloaded", "another restarted"])
def test_a_gateway_that_was_cut_off_counts_its_spend_once(shared, server, upstream, how):
    relay = Relay(server.port)
    text = played(DOLLAR, upstream)
    one, other = shared(text=text), shared(text=text, url=f"redis://127.0.0.1:{relay.port}/0")
    assert [gateway.chat("cent").status_code for gateway in (one, other)] == [200] * 2
    gates = upstream.waits_with("slow")
    asking = [threading.Thread(target=other.chat, args=("cent", "slow")) for _ in range(10)]
    for thread in asking:
        thread.start()
    one.wait(lambda: spending(server.url).held == 10 * CENT)

    relay.cut()
    gates["slow"].set()
    for thread in asking:
        thread.join()
    total = sum_of_ledger(one, other)
    assert (total, spending(server.url)) == (12 * CENT, Spending(spent=2 * CENT, held=10 * CENT))
    if how == "another reloaded":
        revision = one.readyz()["revision"]
        one.write_config(text + "# changed\n")
        one.wait(lambda: one.readyz()["revision"] != revision)
        one.wait(lambda: spending(server.url).spent == total)
    if how == "another restarted":
        shared(text=text).stop()
        one.wait(lambda: spending(server.url).spent == total)
    relay.mend()

    other.wait(lambda: other.readyz()["counters"]["fault"] is None, 20)
    one.wait(lambda: spending(server.url) == Spending(spent=total, held=0), 20)
    assert other.chat("cent").status_code == 200
    assert sum_of_ledger(one, other) == total + CENT
    one.wait(lambda: spending(server.url) == Spending(spent=total + CENT, held=0), 20)
    relay.close()


POLICIES = {"refuse": (503, "warn"), "allow": (200, "block")}


@pytest.mark.parametrize(("policy", "status", "breach"), [(p, *e) for p, e in POLICIES.items()], ids=POLICIES.keys())
def test_the_setting_decides_for_all(shared, server, policy, status, breach):
    text = DOLLAR.replace("limit_usd: 1", f"limit_usd: 1, on_breach: {breach}")
    gateway = shared(text=text, GATEWAY_ON_COUNTER_LOSS=policy)
    gateway.chat("cent")

    server.stop()

    gateway.wait(lambda: gateway.readyz()["counters"]["fault"])
    assert gateway.chat("cent").status_code == status
    gateway.kill()  # it would wait for the Redis that is away


def test_a_redis_that_lost_its_data_gets_it_back_from_the_ledger(shared, server):
    one, other = shared(), shared()
    assert [gateway.chat("cent").status_code for gateway in (one, other, one)] == [200] * 3

    server.stop()
    time.sleep(0.2)
    server.start()

    for gateway in (one, other):
        gateway.wait(lambda gateway=gateway: gateway.chat("cent").status_code == 200, 30)
    one.wait(lambda: spending(server.url).held == 0)
    assert spending(server.url).spent == sum_of_ledger(one, other)


def test_a_redis_that_restarts_with_its_data_counts_nothing_twice(shared, durable, upstream):
    one, other = (shared(text=played(DOLLAR, upstream), url=durable.url) for _ in range(2))
    for gateway in (one, other):
        gateway.wait(lambda gateway=gateway: gateway.chat("cent").status_code == 200, 30)
        _ask_while(gateway, durable, upstream)

    for gateway in (one, other):
        gateway.wait(lambda gateway=gateway: gateway.chat("cent").status_code == 200, 30)
    one.wait(lambda: spending(durable.url).held == 0)
    assert spending(durable.url).spent == sum_of_ledger(one, other)


def _ask_while(gateway, redis, upstream) -> None:
    """Requests that begin before Redis goes and end while it is away."""
    upstream.reset()
    gates = upstream.waits_with("slow")
    with ThreadPoolExecutor(5) as asking:
        asked = [asking.submit(gateway.chat, "cent", "slow") for _ in range(5)]
        upstream.wait_for(5)
        redis.stop()
        gates["slow"].set()
    assert {one.result().status_code for one in asked} == {200}
    redis.start()
