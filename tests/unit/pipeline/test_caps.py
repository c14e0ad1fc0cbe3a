"""No limit of a budget is passed, however many ask at once, whatever they trained what is learned to, and who dies."""

import asyncio
import random

import pytest

from gateway.counters.hold import LedgerState, Restored
from gateway.counters.memory import MemoryCounters
from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node
from tests.unit.counters.redis_service import opened, prefix, reachable, until

USD = 10**9
COUNTER = "budget:cap:virtual_key=dev:total=total"
CONFIG = f"""
version: 1
providers: {{openai: {{type: openai, api_key: k}}}}
prices: {{openai/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 10, cache_read_usd_per_mtok: 0.1}}}}
budgets: {{cap: {{scope: {{virtual_key: dev}}, window: total, limit_usd: %s, %s}}}}
assumed_output_tokens: max
reservations: {{models: {{openai/m: {{max_output_tokens: 10000, context_window: 128000}}}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
RESERVES = {"worst": "reserve: worst", "learned": "reserve: learned, reserve_margin_usd: 3"}
TEXT = "Whatever is said here is said at some length. " * 40
CAP = 10_000


def request(output, after=0.0, cap=CAP, **more):
    metadata = {"output": output, "input": "full", "after": after, **more}
    messages = [{"role": "user", "content": TEXT}]
    return {"model": "openai/m", "messages": messages, "max_tokens": cap, "metadata": metadata}


@pytest.fixture(params=RESERVES.values(), ids=RESERVES.keys())
def config(request):
    return CONFIG % (5, request.param)


async def trained(node, times=64):
    for _ in range(times):
        assert await node.ask(request(20)) == 200


def mixed(seed, count=1000):
    """Requests of which some keep to what is usual, and others take all that they may."""
    random_ = random.Random(seed)  # noqa: S311 - nothing secret
    for _ in range(count):
        cap = random_.choice([CAP, CAP // 2, None])
        yield request(random_.choice([20, 200, cap or CAP]), random_.random() / 50, cap)


async def burst(nodes, requests):
    return await asyncio.gather(*(nodes[n % len(nodes)].ask(body) for n, body in enumerate(requests)))


@pytest.mark.parametrize("seed", range(3))
def test_a_thousand_at_once(config, seed):
    async def spent():
        ledger = Ledger()
        node = Node(config, MemoryCounters(), ledger)
        await trained(node)
        statuses = await burst([node], mixed(seed))
        assert set(statuses) == {200, 402}
        return ledger.cost

    assert asyncio.run(spent()) <= 5 * USD


def test_whoever_trains_short_and_bursts_long_gets_no_further(config):
    async def spent():
        ledger = Ledger()
        node = Node(config, MemoryCounters(), ledger)
        await trained(node)
        for _ in range(3):
            await burst([node], (request(CAP, 0.01) for _ in range(400)))
        return ledger.cost

    assert asyncio.run(spent()) <= 5 * USD


def test_what_requests_only_point_at_is_within_the_limit(config):
    async def spent():
        ledger = Ledger()
        node = Node(config, MemoryCounters(), ledger)
        said = {"output": 1000, "input": 120_000, "after": 0.01}
        body = {"model": "openai/m", "input": "go on", "max_output_tokens": 1000, "metadata": said}
        pointing = {**body, "previous_response_id": "resp_1"}
        statuses = await asyncio.gather(*(node.ask(pointing, "responses") for _ in range(200)))
        assert set(statuses) == {200, 402}
        return ledger.cost

    assert asyncio.run(spent()) <= 5 * USD


CHAIN = f"""
version: 1
providers:
  one: {{type: openai, api_key: k, base_url: "http://one.test/v1"}}
  two: {{type: openai, api_key: k, base_url: "http://two.test/v1"}}
  three: {{type: openai, api_key: k, base_url: "http://three.test/v1"}}
model_aliases: {{any: [one/m, two/m, three/m]}}
fallback: {{chain: [one, two, three], on: [5xx]}}
prices:
  one/m: {{input_usd_per_mtok: 2, output_usd_per_mtok: 10}}
  two/m: {{input_usd_per_mtok: 2, output_usd_per_mtok: 10}}
  three/m: {{input_usd_per_mtok: 2, output_usd_per_mtok: 10}}
budgets: {{cap: {{scope: {{virtual_key: dev}}, window: total, limit_usd: 1, %s}}}}
virtual_keys: {{dev: {{environment: test, secret_hash: "{HASH}"}}}}
"""
LESS = {"worst": "reserve: worst", "learned": "reserve: learned, reserve_margin_usd: 0.5"}


@pytest.mark.parametrize("reserve", LESS.values(), ids=LESS.keys())
def test_answers_that_a_fallback_replaced_are_within_the_limit(reserve):
    async def spent():
        ledger = Ledger()
        node = Node(CHAIN % reserve, MemoryCounters(), ledger)
        said = {"input": "full", "output": 0, "after": 0.01, "fails_at": ["one", "two"]}
        body = {"model": "any", "input": TEXT * 30, "max_output_tokens": 10, "metadata": said}
        for at_once in (60, 60, *[1] * 20):
            await asyncio.gather(*(node.ask(body, "responses") for _ in range(at_once)))
        return ledger.cost

    assert USD // 3 < asyncio.run(spent()) <= USD


def test_one_node_is_killed_and_its_counters_come_back_from_the_ledger(config):
    async def spent():
        ledger = Ledger()
        for seed in range(4):
            counters = MemoryCounters()
            await counters.restore(LedgerState({COUNTER: Restored(ledger.cost, None)}))
            node = Node(config, counters, ledger)
            asking = asyncio.ensure_future(burst([node], mixed(seed, 300)))
            await asyncio.sleep(0.01)
            heard_of = ledger.cost  # nothing that a process does after its death is
            await asking
            ledger = Ledger(heard_of)
        return ledger.cost

    assert asyncio.run(spent()) <= 5 * USD


@pytest.mark.service
@pytest.mark.skipif(not reachable(), reason="no Redis answers")
def test_three_nodes_share_a_limit_and_what_is_kept_back_of_it(config):
    async def spent():
        ledger, name = Ledger(), prefix()
        async with opened(prefix=name) as one, opened(prefix=name) as two, opened(prefix=name) as three:
            nodes = [Node(config, counters, ledger) for counters in (one, two, three)]
            for node in nodes:
                await trained(node, 20)
            statuses = await burst(nodes, mixed(1))
            assert set(statuses) == {200, 402}
        return ledger.cost

    assert asyncio.run(spent()) <= 5 * USD


@pytest.mark.service
@pytest.mark.skipif(not reachable(), reason="no Redis answers")
def test_a_node_that_dies_among_others_takes_no_limit_with_it(config):
    async def spent():
        ledger, name = Ledger(), prefix()
        async with opened(prefix=name, lease_s=0.6) as one, opened(prefix=name, lease_s=0.6) as two:
            living, dead = Node(config, one, ledger), Node(config, two, Ledger())
            for node in (living, dead):
                await trained(node, 20)
            asking = asyncio.ensure_future(burst([living, dead], mixed(2)))
            await asyncio.sleep(0.05)
            await two.close()
            await asking
            await asyncio.sleep(1)
            await burst([living], mixed(3, 300))
        return ledger.cost

    assert asyncio.run(spent()) <= 5 * USD


async def answers_with(node, status):
    return await node.ask(request(20)) == status


@pytest.mark.service
@pytest.mark.skipif(not reachable(), reason="no Redis answers")
def test_what_a_dead_node_held_comes_back_of_the_limit_and_of_what_is_kept_back():
    config = CONFIG % (5, RESERVES["learned"])

    async def told():
        ledger, name = Ledger(), prefix()
        async with opened(prefix=name, lease_s=0.6) as living, opened(prefix=name, lease_s=0.6) as dying:
            node, dead = Node(config, living, ledger), Node(config, dying, Ledger())
            for each in (node, dead):
                await trained(each, 20)
            forgotten = [asyncio.ensure_future(dead.ask(request(CAP, 60))) for _ in range(80)]
            await until(lambda: answers_with(node, 402))
            await dying.close()
            for one in forgotten:
                one.cancel()
            await until(lambda: answers_with(node, 200))
            return ledger.cost

    assert asyncio.run(told()) <= 5 * USD
