"""One control plane and as many gateways as a large installation has: every one hears of an apply, none is lost."""

import asyncio

import pytest

from gateway.config.documents import NodeReport
from gateway.secret import Secret
from gateway.snapshot.following.client import Client
from gateway.snapshot.following.state import Followed
from tests.contract.test_following import CONFIG, Following

GATEWAYS = 50


@pytest.fixture
def following(tmp_path):
    made = Following(tmp_path)
    yield made
    made.plane.stop()


def report(number: int, revision: int) -> NodeReport:
    return NodeReport(node=f"gateway-{number}", version="1.0", serving_revision=revision, serving_since=0)


async def hear(client: Client, number: int, waiting: asyncio.Semaphore) -> list[int]:
    """The revisions that a gateway hears of, until the second one; it reports each."""
    heard: list[int] = []
    lineage, revision = "", 0
    while revision < 2:
        if revision == 1:
            waiting.release()
        news = await client.changes(Followed(lineage, revision, 0, {}), wait=True)
        if news is not None:
            lineage, revision = news.lineage, news.revision
            heard.append(revision)
            await client.report(report(number, revision))
    return heard


async def follow_and_apply(following: Following) -> list[list[int]]:
    token = Secret(following.gateway_token)
    clients = [Client(f"http://127.0.0.1:{following.plane.port}", token, lambda _: None) for _ in range(GATEWAYS)]
    waiting = asyncio.Semaphore(0)
    hearing = [asyncio.create_task(hear(client, number, waiting)) for number, client in enumerate(clients)]
    for _ in clients:
        await waiting.acquire()
    await asyncio.to_thread(following.apply, CONFIG + "model_aliases: {fast: sim/gpt-5-mini}\n")
    heard = await asyncio.gather(*hearing)
    await asyncio.gather(*(client.close() for client in clients))
    return heard


def test_fifty_gateways_hear_of_an_apply(following):
    heard = asyncio.run(asyncio.wait_for(follow_and_apply(following), 60))

    assert heard == [[1, 2]] * GATEWAYS
    nodes = {node["node"]: node["serving_revision"] for node in following.nodes()}
    assert nodes == {f"gateway-{number}": 2 for number in range(GATEWAYS)}
