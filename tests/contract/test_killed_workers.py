"""Workers that are killed under load: no request that a client saw the end of is lost, and none counts twice."""

import asyncio
import json
import os
import signal
from contextlib import suppress

import httpx
import pytest

from tests.contract.test_budgets import config
from tests.support.keys import SECRET
from tests.support.ledger import ledger_entries

CENT = 10_000_000
KILLS = 8
HUNDRED = config("cap: {scope: {team: engineering}, window: total, limit_usd: 100}")
CALL = {"model": "cent", "messages": [{"role": "user", "content": "hi"}]}


async def load(gateway, workers: int) -> list[str]:
    """Requests without pause while the youngest worker is killed again and again; the ids of those that were answered.

    Each is killed once it serves: one that dies before is given up.
    """
    answered: list[str] = []
    done = asyncio.Event()
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}

    async def caller(client: httpx.AsyncClient) -> None:
        while not done.is_set():
            with suppress(httpx.HTTPError):
                answer = await client.post("/v1/chat/completions", content=json.dumps(CALL), headers=headers)
                if answer.status_code == 200:
                    answered.append(answer.headers["x-langwatch-request-id"])
            await asyncio.sleep(0.005)

    async def killer() -> None:
        for kill in range(KILLS):
            before = len(answered)
            while len(answered) < before + 5 or gateway.log().count("Started worker") < workers + kill:
                await asyncio.sleep(0.01)
            os.kill(workers_of(gateway)[-1], signal.SIGKILL)
        while gateway.log().count("Started worker") < workers + KILLS:
            await asyncio.sleep(0.01)
        done.set()

    async with httpx.AsyncClient(base_url=gateway.url, timeout=10, trust_env=False) as client:
        async with asyncio.timeout(150), asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(caller(client))
            group.create_task(killer())
    return answered


def workers_of(gateway):
    pid = gateway.process.pid
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [int(child) for child in children.read().split()]


def entries_of(gateway, answered):
    """The ledger, once every answered request is in it and nothing waits."""

    def complete():
        found = ledger_entries(gateway)
        if not {entry.request_id for entry in found}.issuperset(answered):
            return None
        with suppress(httpx.HTTPError):  # the last worker to be killed is being replaced
            return found if gateway.readyz()["ledger"]["waiting_entries"] == 0 else None

    return gateway.wait(complete, 60)


def holds_exactly(gateway, found, text) -> None:
    """That the counter says what the ledger says: with room for one more cent, one more passes."""
    spent = sum(entry.cost_nano_usd for entry in found)
    assert spent == CENT * sum(entry.status == 200 for entry in found)
    limit = f"{(spent + CENT) // CENT / 100:.2f}"
    revision = gateway.readyz()["revision"]
    gateway.write_config(text.replace("limit_usd: 100", f"limit_usd: {limit}"))
    gateway.wait(lambda: gateway.readyz()["revision"] != revision)
    assert [gateway.chat("cent").status_code for _ in range(2)] == [200, 402]


def test_a_worker_that_is_killed_again_and_again_loses_nothing_and_counts_nothing_twice(start_gateway):
    gateway = start_gateway(HUNDRED)

    answered = asyncio.run(load(gateway, 1))

    found = entries_of(gateway, answered)
    assert len({entry.request_id for entry in found}) == len(found)
    assert gateway.log().count("Traceback") == 0
    holds_exactly(gateway, found, HUNDRED)


@pytest.mark.service
def test_so_do_two_workers_that_share_redis(start_gateway, server):
    gateway = start_gateway(HUNDRED, "--workers", "2", env={"GATEWAY_REDIS_URL": server.url})

    answered = asyncio.run(load(gateway, 2))

    found = entries_of(gateway, answered)
    assert len({entry.request_id for entry in found}) == len(found)
    assert sum(entry.cost_nano_usd for entry in found) == CENT * sum(entry.status == 200 for entry in found)
