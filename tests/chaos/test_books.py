"""The books agree after whatever requests go through: on one worker, on several, on two nodes, while they come and go."""

import os
import signal
import time
from contextlib import contextmanager

import pytest

from tests.chaos.fleet import CENT, CONFIG, Fleet, every_answer_ends, kill, nobody_stumbled
from tests.chaos.test_one_node import books_agree
from tests.chaos.test_upstreams import DELTA
from tests.contract.test_budgets import config
from tests.contract.test_check_ledger import check
from tests.contract.test_shared_budgets import command, spending
from tests.support.gateway import Gateway
from tests.support.ledger import ledger_entries
from tests.support.load import MIXED, Kind, Load, chat
from tests.support.upstream import CHAT, CUT, response, stream

pytestmark = [pytest.mark.service, pytest.mark.chaos]

BUDGETS = (
    "cap: {scope: {team: engineering}, window: total, limit_usd: 1000}",
    "daily: {scope: {virtual_key: dev}, window: day, limit_usd: 1000}",
    "hourly: {scope: {team: engineering}, window: hour, provider: broken, limit_usd: 1000}",
)
FAILS = {
    "busy": response(b'{"error":{"message":"busy"}}', 503),
    "limited": response(b'{"error":{"message":"slower"}}', 429),
    "reset": [CUT],
    "half": [response(CHAT)[0][:-20], CUT],
    "mid-stream": [*stream([DELTA, DELTA], ends=False), CUT],
    "whole": response(CHAT),
}
"""What the provider that is asked first does, by the model that it is asked for."""
KINDS = (
    *MIXED,
    *(Kind(chat(model=name)) for name in FAILS),
    *(Kind(chat(model=name, stream=True)) for name in ("busy", "reset", "mid-stream")),
    Kind(chat(model="busy"), leaves_after_s=0.02),
)


def mixed(url: str) -> str:
    """A file whose every other model is asked of a provider that fails, and then of one that does not."""
    prices = "".join(
        f'  {who}/{name}: {{per_request_usd: "0.01"}}\n' for name in FAILS for who in ("broken", "standby")
    )
    aliases = "".join(f"  {name}: [broken/{name}, standby/{name}]\n" for name in FAILS)
    broken = f'  broken: {{type: openai, api_key: x, base_url: "{url}/v1", circuit_breaker: {{failures: 10000}}}}\n'
    text = config(*BUDGETS)
    for section, more in (("providers:\n", broken), ("prices:\n", prices), ("model_aliases:\n", aliases)):
        text = text.replace(section, section + more)
    return text


def _alone(tmp_path, server, postgresql, text):
    return [Gateway(tmp_path, text)], {}


def _four_workers(tmp_path, server, postgresql, text):
    environment = {"GATEWAY_REDIS_URL": server.url}
    return [Gateway(tmp_path, text, "--workers", "4", env=environment)], environment


def _two_nodes(tmp_path, server, postgresql, text):
    fleet = Fleet(tmp_path, server, postgresql, text, "--workers", "2")
    return fleet.nodes, fleet.environment("one")


WAYS = {"one worker": _alone, "four workers, Redis": _four_workers, "two nodes, Redis and PostgreSQL": _two_nodes}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_books_of(tmp_path, server, postgresql, upstream, figures, way):
    upstream.play = lambda asked: next(steps for name, steps in FAILS.items() if f'"{name}"'.encode() in asked.body)
    nodes, environment = way(tmp_path, server, postgresql, mixed(upstream.url))
    with Load([node.port for node in nodes], 40, KINDS) as load:
        load.wait(load.all_served(1), 30)
        time.sleep(15)
    for node in nodes:
        node.wait(lambda node=node: node.readyz()["ledger"]["waiting_entries"] == 0, 30)
        node.wait(lambda node=node: "gateway_requests_in_flight 0.0" in node.metrics(), 30)

    every_answer_ends(load, frozenset({"upstream_server_error", "upstream_network_error"}))
    assert {one.status for one in load.answers} == {200}
    nodes[0].wait(lambda: check(nodes[0], **environment) == (0, {}), 30)
    for node in nodes:
        node.stop()
    figures(load.told())


@contextmanager
def _away(fleet):
    fleet.redis.stop()
    yield
    fleet.redis.start()


@contextmanager
def _hung(fleet):
    fleet.redis.freeze()
    yield
    fleet.redis.thaw()


@contextmanager
def _full(fleet):
    command(fleet.redis.url, "CONFIG", "SET", "maxmemory", "1mb")
    yield
    command(fleet.redis.url, "CONFIG", "SET", "maxmemory", "0")


@contextmanager
def _emptied(fleet):
    command(fleet.redis.url, "FLUSHALL")
    yield


@contextmanager
def _cut_off(fleet):
    """From one node, while the other reads its file anew and counts what the ledger has of both."""
    fleet.way.cut()
    fleet.nodes[0].write_config(fleet.text.replace("limit_usd: 1000", "limit_usd: 1001"))
    yield
    fleet.way.mend()
    fleet.nodes[0].write_config(fleet.text)


@contextmanager
def _cut_off_and_emptied(fleet):
    with _cut_off(fleet), _emptied(fleet):
        yield


def everything_entered(fleet) -> int:
    """What the ledger says was spent, once requests whose clients left have ended and every worker has written."""
    entered, since = -1, time.monotonic()
    while time.monotonic() < since + 3:
        now = sum(entry.cost_nano_usd or 0 for entry in ledger_entries(url=fleet.database_url))
        if now != entered:
            entered, since = now, time.monotonic()
        time.sleep(0.2)
    return entered


@pytest.mark.parametrize("policy", ["refuse", "allow"])
def test_books_of_a_fleet_that_is_never_idle_while_redis_fails(tmp_path, server, postgresql, figures, policy):
    """To the nano-dollar as soon as the last request has ended: nothing waits for a later look at the ledger."""
    settings = {"GATEWAY_ON_COUNTER_LOSS": policy}
    fleet = Fleet(tmp_path, server, postgresql, CONFIG, "--workers", "2", settings=settings)
    kinds = (*MIXED, Kind(chat("[[delay 1s]]")), Kind(chat("[[delay 3s]]")))
    with Load(fleet.ports, 40, kinds) as load:
        load.wait(load.all_served(2), 40)
        for fails in (_emptied, _emptied, _hung, _full, _cut_off, _away, _cut_off_and_emptied, _emptied):
            with fails(fleet):
                time.sleep(1.5)
            load.wait(load.all_served(2), 40)
            time.sleep(1)

    entered = everything_entered(fleet)
    counted = spending(server.url)
    missing = entered - counted.spent
    figures(load.told(), f"{missing / CENT:g} cents of {entered // CENT} are missing")
    assert missing == 0
    every_answer_ends(load, frozenset({"counters_unavailable"}))
    fleet.books_agree(load)
    nobody_stumbled(fleet.nodes)
    fleet.stop()


def test_books_of_a_node_that_is_killed_again_and_again(tmp_path, figures):
    gateway = Gateway(tmp_path, CONFIG)
    with Load([gateway.port], 20) as load:
        for number in range(8):
            load.wait(load.all_served(), 30)
            if number % 2:
                os.kill(gateway.worker_pid(), signal.SIGKILL)
                continue
            kill(gateway)
            gateway = Gateway(tmp_path, CONFIG, port=gateway.port)
        load.wait(load.all_served(), 30)

    every_answer_ends(load, frozenset(), silent=True)
    books_agree(gateway, load)
    nobody_stumbled([gateway])
    gateway.stop()
    figures(load.told())


def test_books_of_a_fleet_that_is_reloaded_and_renewed(tmp_path, server, postgresql, figures):
    fleet = Fleet(tmp_path, server, postgresql, CONFIG, "--workers", "2")

    def reload(number: int) -> None:
        fleet.text = CONFIG.replace("limit_usd: 1000", f"limit_usd: {1000 + number}")
        for node in fleet.nodes:
            node.write_config(fleet.text)
        time.sleep(1)

    with Load(fleet.ports, 20) as load:
        load.wait(load.all_served(), 30)
        for number in range(20):
            reload(number)
        for place, name in enumerate(("one", "other")):
            load.ports = [node.port for node in fleet.nodes if node is not fleet.nodes[place]]
            time.sleep(0.2)
            fleet.nodes[place].stop()
            fleet.nodes[place] = fleet.start_node(name)
            load.ports = fleet.ports
            load.wait(load.all_served(), 30)
        for number in range(20, 30):
            reload(number)

    every_answer_ends(load, frozenset())
    fleet.books_agree(load)
    nobody_stumbled(fleet.nodes)
    fleet.stop()
    figures(load.told())
