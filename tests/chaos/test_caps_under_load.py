"""What is capped is capped exactly, however many ask at once, wherever they ask, and whatever is lost meanwhile."""

import asyncio
import itertools
import os
import signal
import socket
import time
from collections import Counter
from contextlib import ExitStack

import pytest

from tests.chaos.fleet import CENT, Fleet, nobody_stumbled
from tests.contract.test_budgets import config
from tests.contract.test_shared_budgets import command, spending
from tests.support.crowd import crowd
from tests.support.gateway import free_port
from tests.support.keys import SECRET, new_key
from tests.support.ledger import ledger_entries
from tests.support.load import Kind, Load, chat

pytestmark = pytest.mark.chaos

TWO_WORKERS = ("--workers", "2")
MINUTE_S = 60
MICROSECONDS = 1_000_000


def at_once(nodes, count, body=None, secret=SECRET):
    """How often each status came, where so many ask every node at the same moment."""

    async def ask():
        return await asyncio.gather(*(crowd(node.port, [(secret, body or chat())] * count) for node in nodes))

    return Counter(int(answer.split(b" ", 2)[1]) for answers in asyncio.run(ask()) for answer in answers)


@pytest.mark.service
def test_a_dollar_lets_100_of_500_cents_pass_two_nodes_of_two_workers(tmp_path, server, postgresql, figures):
    fleet = Fleet(
        tmp_path,
        server,
        postgresql,
        config("cap: {scope: {team: engineering}, window: total, limit_usd: 1}"),
        *TWO_WORKERS,
    )

    told = at_once(fleet.nodes, 250)

    assert told == {200: 100, 402: 400}
    fleet.books_agree(Load([]))
    fleet.stop()
    figures(str(dict(told)))


@pytest.mark.service
@pytest.mark.parametrize("shared", [False, True], ids=["memory", "Redis"])
def test_a_budget_holds_where_the_next_provider_is_five_times_dearer(start_gateway, server, figures, shared):
    text = config("cap: {scope: {team: engineering}, window: total, limit_usd: 5}")
    text = text.replace(
        "  standby: {type",
        f'  broken: {{type: openai, api_key: x, base_url: "http://127.0.0.1:{free_port()}"}}\n  standby: {{type',
    )
    text = text.replace(
        "  standby/cent:",
        '  broken/cent: {per_request_usd: "0.01"}\n  standby/nickel: {per_request_usd: "0.05"}\n  standby/cent:',
    )
    text = text.replace("  cent: simulator/cent", "  cent: [broken/cent, standby/nickel]")
    gateway = start_gateway(text, env={"GATEWAY_REDIS_URL": server.url} if shared else None)

    told = at_once([gateway], 500)
    rest = 0
    while gateway.chat("cent").status_code == 200:
        rest += 1

    asked = 500 + rest + 1
    gateway.wait(lambda: len(ledger_entries(gateway)) == asked, 60)
    spent = sum(entry.cost_nano_usd or 0 for entry in ledger_entries(gateway))
    assert spent == (told[200] + rest) * 5 * CENT == 500 * CENT
    if shared:
        assert spending(server.url).spent == spent
    nobody_stumbled([gateway])
    figures(f"{dict(told)}, and {rest} one after another")


RATED = {name: new_key() for name in ("rpm", "concurrency", "tpm")}
LIMITS = {"rpm": 60, "concurrency": 10, "tpm": 10_000}


@pytest.mark.service
def test_limits_hold_across_two_nodes_of_two_workers(tmp_path, server, postgresql, figures):
    keys = "\n".join(
        f"  {name}: {{environment: test, secret_hash: {digest}, rate_limits: {{{name}: {LIMITS[name]}}}}}"
        for name, (_, digest) in RATED.items()
    )
    text = config("cap: {scope: {project: checkout}, window: total, limit_usd: 1000}")
    fleet = Fleet(tmp_path, server, postgresql, text.replace("virtual_keys:", f"virtual_keys:\n{keys}"), *TWO_WORKERS)
    secrets = {name: secret for name, (secret, _) in RATED.items()}

    asked = at_once(fleet.nodes, 150, secret=secrets["rpm"])
    at_one_time = [at_once(fleet.nodes, 50, chat("[[delay 3s]]"), secrets["concurrency"]) for _ in range(2)]
    asks = chat("[[words 90]]", max_tokens=90)
    tokens = at_once(fleet.nodes, 100, asks, secrets["tpm"])
    # What is held is more than what is used: the rest may be asked for one after another.
    while fleet.nodes[0].post(asks, headers={"authorization": f"Bearer {secrets['tpm']}"}).status_code == 200:
        pass

    assert asked == {200: 60, 429: 240}
    assert at_one_time == [{200: 10, 429: 90}] * 2
    fleet.settles()
    used = [
        entry.usage.input_tokens + entry.usage.output_tokens
        for entry in ledger_entries(url=fleet.database_url)
        if entry.virtual_key == "tpm" and entry.status == 200
    ]
    assert 0.95 * LIMITS["tpm"] <= sum(used) <= LIMITS["tpm"]
    nobody_stumbled(fleet.nodes)
    fleet.stop()
    figures(f"rpm {dict(asked)}", f"concurrency {dict(at_one_time[0])}", f"tpm {dict(tokens)}: {sum(used)} tokens")


@pytest.mark.service
def test_three_dollars_are_300_cents_whatever_redis_forgets(tmp_path, server, postgresql, figures):
    cap = config("cap: {scope: {team: engineering}, window: total, limit_usd: 3}")
    fleet = Fleet(tmp_path, server, postgresql, cap, *TWO_WORKERS)
    kinds = (Kind(chat()), Kind(chat("[[delay 300ms]]")), Kind(chat("[[words 20]] [[pace 50ms]]", stream=True)))
    with Load(fleet.ports, 40, kinds) as load:
        for _ in range(4):
            load.wait(load.all_served(2), 40)
            command(server.url, "FLUSHALL")
        for _ in range(3):
            load.wait(load.all_served(2), 40)
            server.stop()
            server.start()
        load.wait(lambda: [one.status for one in load.answers[-40:]] == [402] * 40, 90)
    told = Counter(one.status for one in load.answers)

    assert set(told) <= {200, 402, 503}
    fleet.books_agree(load)
    assert (told[200], spending(server.url).spent) == (300, 300 * CENT)
    fleet.stop()
    figures(str(dict(told)))


@pytest.mark.service
def test_long_requests_that_end_while_redis_is_filled_again_are_counted(tmp_path, server, postgresql, figures):
    """What ends at one node is not in the ledger yet when the other reads it, and Redis has forgotten that it was held."""
    fleet = Fleet(tmp_path, server, postgresql)
    with Load(fleet.ports, 40, (Kind(chat("[[delay 5s]]")),)) as load:
        time.sleep(8)
        command(server.url, "FLUSHALL")
        time.sleep(8)
    missing = sum(one.status == 200 for one in load.answers) - spending(server.url).spent // CENT

    assert missing == 0
    fleet.books_agree(load)
    assert {one.status for one in load.answers} <= {200, 503}
    fleet.stop()
    figures(load.told())


@pytest.mark.service
def test_what_killed_workers_held_is_free_when_their_leases_end(start_gateway, server, figures):
    limited = config("cap: {scope: {team: engineering}, window: total, limit_usd: 100}").replace(
        "tags: [env=ci]", "rate_limits: {concurrency: 10}"
    )
    gateway = start_gateway(limited, "--workers", "3", env={"GATEWAY_REDIS_URL": server.url})
    body = b'{"model":"cent","stream":true,"messages":[{"role":"user","content":"[[words 2000]] [[pace 100ms]]"}]}'
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode()
    with ExitStack() as streams:
        for _ in range(10):
            client = streams.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            client.sendall(head + body)
            assert client.recv(12) == b"HTTP/1.1 200"
        assert gateway.chat("cent").status_code == 429
        pid = gateway.process.pid
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            for worker in children.read().split()[:2]:
                os.kill(int(worker), signal.SIGKILL)
        began = time.monotonic()
    gateway.wait(lambda: spending(server.url).held == 0, 90)
    took_s = time.monotonic() - began
    gateway.wait(lambda: gateway.readyz()["counters"]["fault"] is None, 30)

    told = at_once([gateway], 11, chat("[[delay 3s]]"))

    assert told == {200: 10, 429: 1}
    figures(f"free {took_s:.0f} s after two of three workers were killed")


POLLED, POLLED_HASH = new_key()


@pytest.mark.service
def test_minutes_of_budgets_and_of_limits_pass_as_they_say(start_gateway, tmp_path, server, postgresql, figures):
    text = config("cap: {scope: {project: checkout}, window: minute, limit_usd: 0.20}").replace(
        "virtual_keys:",
        f"virtual_keys:\n  polled: {{environment: test, secret_hash: {POLLED_HASH}, rate_limits: {{rpm: 1}}}}",
    )
    alone, fleet = start_gateway(text), Fleet(tmp_path, server, postgresql, text)
    kinds = (Kind(chat()), Kind(chat()), Kind(chat("[[delay 900ms]]")))
    loads = [Load(ports, 6, kinds) for ports in ([alone.port], fleet.ports)]
    polls = [Load(ports, 0.5, (Kind(chat()),), POLLED) for ports in ([alone.port], fleet.ports)]
    with ExitStack() as running:
        for load in (*loads, *polls):
            running.enter_context(load)
        time.sleep(2 * MINUTE_S + 15)

    fleet.settles()
    alone.wait(lambda: alone.readyz()["ledger"]["waiting_entries"] == 0, 30)
    for found in (ledger_entries(alone), ledger_entries(url=fleet.database_url)):
        minutes = Counter(
            entry.occurred_at // MICROSECONDS // MINUTE_S
            for entry in found
            if entry.status == 200 and entry.virtual_key != "polled"
        )
        assert max(minutes.values()) <= 20
        assert [minutes[minute] for minute in sorted(minutes)[1:-1]] == [20] * (len(minutes) - 2)
        figures(f"cents by the minute: {[minutes[minute] for minute in sorted(minutes)]}")
    for poll in polls:
        passed = sorted(one.began for one in poll.answers if one.status == 200)
        apart = [later - earlier for earlier, later in itertools.pairwise(passed)]
        assert len(passed) == 3
        assert all(MINUTE_S - 0.5 <= one <= MINUTE_S + 4.5 for one in apart), apart
    fleet.stop()
