"""What requests hold for each dollar that they cost, by kind: a change of the estimate is a change of this table."""

import asyncio
import statistics

import pytest

from bench.kinds import CONFIG, KINDS, requests
from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node, WatchedCounters

RESERVES = {
    "worst": "limit_usd: 1000000",
    "learned": "limit_usd: 1000000, reserve: learned, reserve_margin_usd: 1000",
}
COUNT, LEARNING = 48, 16


async def _ratios(kind, reserve):
    """Held for real of requests that come one after the other, once something could be learned."""
    counters, ledger = WatchedCounters(), Ledger()
    node = Node(CONFIG.format(budget=RESERVES[reserve], hash=HASH), counters, ledger)
    ratios = []
    for one in requests(kind, COUNT):
        before = ledger.cost
        metadata = {"input": one.prompt, "cached": one.cached, "output": one.output}
        assert await node.ask({**one.body, "metadata": metadata}, one.endpoint) == 200
        ratios.append(counters.held / (ledger.cost - before))
    return ratios[LEARNING:]


@pytest.fixture(scope="module")
def ratios():
    return {kind: {reserve: asyncio.run(_ratios(kind, reserve)) for reserve in RESERVES} for kind in KINDS}


@pytest.fixture(scope="module")
def medians(ratios):
    return {kind: {name: statistics.median(found) for name, found in row.items()} for kind, row in ratios.items()}


def test_held_for_real_by_kind(medians, snapshot):
    rows = [f"{kind:28}{row['worst']:8.2f}{row['learned']:8.2f}" for kind, row in medians.items()]

    assert "\n".join([f"{'':28}{'worst':>8}{'learned':>8}", *rows]) == snapshot


def test_what_is_held_at_most_covers_what_each_request_costs(ratios):
    assert all(min(row["worst"]) >= 1 for row in ratios.values())


def test_agents_hold_no_more_than_four_times_what_they_cost_once_that_is_learned(medians):
    assert medians["coding agent"]["learned"] <= 4
