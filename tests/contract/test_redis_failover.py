"""Gateways that share budgets by Sentinel and by a cluster: what a change of the master costs, which is no money."""

import asyncio
import threading

import pytest

from gateway.counters.hold import Dimension, Limit
from gateway.counters.redis import RedisCounters, Spending
from tests.contract.test_budgets import config, played
from tests.contract.test_shared_budgets import of_nobody
from tests.support.ledger import ledger_entries
from tests.support.redis_server import Cluster, SentinelSet, until

pytestmark = pytest.mark.service

CENT = 10_000_000
TEXT = config("cap: {scope: {team: engineering}, window: total, limit_usd: 100}")
COUNTER = Limit(key="budget:cap:team=engineering:total=total", dimension=Dimension.SPEND, ceiling=0, window_s=0)


@pytest.fixture(scope="module")
def pair(module_gateway, upstream):
    """Starts two gateways that share counters and a ledger."""

    def start(url, **env):
        env["GATEWAY_REDIS_URL"] = url
        text = played(TEXT, upstream)
        one = module_gateway(text, env=env)
        return [one, module_gateway(text, env={**env, "GATEWAY_DATA_DIR": str(one.directory / "data")})]

    return start


@pytest.fixture(scope="module")
def by_sentinel(pair, tmp_path_factory):
    """Two gateways that serve uncounted while they cannot count; a master with a replica and Sentinels."""
    watched = SentinelSet(tmp_path_factory.mktemp("sentinel"))
    yield pair(watched.url, GATEWAY_ON_COUNTER_LOSS="allow"), watched
    watched.stop()


@pytest.fixture(scope="module")
def by_cluster(pair, tmp_path_factory):
    """Two gateways that refuse then, and three masters, of which that with the counters has a replica."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield pair(cluster.url), cluster
    cluster.stop()


def spending(url):
    async def read():
        counters = RedisCounters(url, ledger=of_nobody, timeout_s=10)
        try:
            return (await counters.spending([COUNTER]))[0]
        finally:
            await counters.close()

    return asyncio.run(read())


def ask(gateways, count, *more):
    """The statuses of so many requests to each, at once."""
    told = []
    threads = [
        threading.Thread(target=lambda gateway=gateway: told.append(gateway.chat("cent", *more).status_code))
        for gateway in gateways
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    return threads, told


def all_of(asked):
    threads, told = asked
    for thread in threads:
        thread.join()
    return told


def agree(gateways, url):
    """Cents that the ledger knows of, once the counter says the same and nothing is held."""
    for gateway in gateways:
        gateway.wait(lambda gateway=gateway: gateway.readyz()["counters"] == {"state": "counted", "fault": None}, 30)
        gateway.wait(lambda gateway=gateway: gateway.chat("cent").status_code == 200, 30)
    for gateway in gateways:
        gateway.wait(lambda gateway=gateway: gateway.readyz()["ledger"]["waiting_entries"] == 0, 30)
    total = sum(entry.cost_nano_usd for entry in ledger_entries(*gateways))
    gateways[0].wait(lambda: spending(url) == Spending(total, 0), 30)
    return total // CENT


def test_what_a_master_had_not_passed_on_when_it_died_is_counted_by_the_one_that_follows(by_sentinel, upstream):
    gateways, watched = by_sentinel
    before = agree(gateways, watched.url)
    gates = upstream.waits_with("running", "ending")
    running, ending = ask(gateways, 3, "running"), ask(gateways, 2, "ending")
    until(lambda: spending(watched.url).held == 10 * CENT)
    watched.master.ask("WAIT", 1, 5000)
    watched.replica.freeze()
    watched.master.ask("CLIENT", "KILL", "TYPE", "replica")
    assert all_of(ask(gateways, 5)) == [200] * 10
    gates["ending"].set()
    assert all_of(ending) == [200] * 4
    until(lambda: spending(watched.url).held == 6 * CENT)

    def die():
        watched.master.stop()
        watched.replica.thaw()

    watched.fail_over(die)
    gates["running"].set()
    watched.heal()

    assert all_of(running) == [200] * 6
    assert agree(gateways, watched.url) == before + 10 + 4 + 6 + 2
    for gateway in gateways:
        assert gateway.hears("limits and budgets cannot be counted")
        assert gateway.hears("limits and budgets are counted again")


def test_a_master_that_is_asked_to_step_down_is_left_while_it_still_answers(by_sentinel, upstream):
    gateways, watched = by_sentinel
    before = agree(gateways, watched.url)
    gates = upstream.waits_with("running")
    running = ask(gateways, 3, "running")
    until(lambda: spending(watched.url).held == 6 * CENT)

    watched.fail_over(lambda: watched.sentinels[0].ask("SENTINEL", "FAILOVER", "mymaster"))
    assert {status for _ in range(20) for status in all_of(ask(gateways, 1))} == {200}
    gates["running"].set()
    watched.heal()

    assert all_of(running) == [200] * 6
    assert agree(gateways, watched.url) == before + 6 + 40 + 2


def test_what_was_served_while_a_master_hung_is_counted_once_by_the_one_that_follows(by_sentinel, upstream):
    gateways, watched = by_sentinel
    before = agree(gateways, watched.url)
    gates = upstream.waits_with("running")
    running = ask(gateways, 2, "running")
    until(lambda: spending(watched.url).held == 4 * CENT)

    def hang():
        watched.master.freeze()
        gates["running"].set()
        assert all_of(ask(gateways, 10)) == [200] * 20

    watched.fail_over(hang)
    watched.replica.thaw()
    watched.heal()

    assert all_of(running) == [200] * 4
    assert agree(gateways, watched.url) == before + 20 + 4 + 2


def test_sentinels_that_are_gone_are_passed_over_and_do_not_end_what_works(by_sentinel):
    gateways, watched = by_sentinel
    before = agree(gateways, watched.url)
    one = gateways[0]
    try:
        for sentinel in watched.sentinels[:2]:
            sentinel.stop()
        watched.master.ask("CLIENT", "KILL", "TYPE", "normal")
        assert all_of(ask(gateways, 2)) == [200] * 4
        watched.sentinels[2].stop()
        assert all_of(ask(gateways, 2)) == [200] * 4
        watched.master.ask("CLIENT", "KILL", "TYPE", "normal")
        one.wait(lambda: one.readyz()["counters"]["state"] == "no_master", 20)
        assert f"127.0.0.1:{watched.sentinels[1].port}" in one.readyz()["counters"]["fault"]
    finally:
        for sentinel in watched.sentinels:
            sentinel.start()
    assert agree(gateways, watched.url) == before + 8 + 2


def test_a_slot_that_moves_takes_nothing_in_part_and_is_followed(by_cluster, upstream):
    gateways, cluster = by_cluster
    before = agree(gateways, cluster.url)
    source, target, _ = cluster.nodes
    gates = upstream.waits_with("running")
    running = ask(gateways, 2, "running")
    until(lambda: spending(cluster.url).held == 4 * CENT)

    def look():
        """While the counters are on their way."""
        for gateway in gateways:
            assert gateway.chat("cent").status_code == 503
            gateway.wait(lambda gateway=gateway: gateway.readyz()["counters"]["state"] == "moving")

    cluster.move_slot(source, target, look)
    gates["running"].set()

    assert all_of(running) == [200] * 4
    assert agree(gateways, cluster.url) == before + 4 + 2
    assert target.ask("CLUSTER", "COUNTKEYSINSLOT", cluster.slot) != "0"
    cluster.move_slot(target, source)


def test_a_node_of_the_cluster_that_dies_is_replaced_by_its_replica(by_cluster, upstream):
    gateways, cluster = by_cluster
    before = agree(gateways, cluster.url)
    gates = upstream.waits_with("running")
    running = ask(gateways, 2, "running")
    until(lambda: spending(cluster.url).held == 4 * CENT)

    cluster.nodes[0].stop()
    gateways[0].wait(lambda: gateways[0].readyz()["counters"]["state"] in ("unreachable", "cluster_down"), 20)
    gates["running"].set()
    until(lambda: cluster.replica.ask("ROLE").startswith("master"))

    assert all_of(running) == [200] * 4
    assert agree(gateways, cluster.url) == before + 4 + 2
