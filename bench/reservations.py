"""What reservations hold and refuse near a limit: `python -m bench.reservations`, with `--requests N` in all.

Requests of each kind come from `PARALLEL` clients at once, under a budget for `SHARE` of what they cost together. Once
the budget is `worst` with that for its limit; then it is `learned`, where as much is left when its margin is kept back.
A client that is refused waits for a while, and goes on with its next request. Time runs a thousand times as fast as it
would.
"""

import argparse
import asyncio
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from bench.kinds import CONFIG, KINDS, Request, requests
from gateway.money.nano_usd import to_usd
from tests.support.keys import HASH
from tests.support.nodes import Ledger, Node, WatchedCounters

PARALLEL: Final = 20
SHARE: Final = 0.6
EARLY: Final = 0.9
"""A refusal is early while less than this share of the budget is spent."""

_FASTER = 1_000
_PAUSE_S = 30
_UNLIMITED = 1_000_000
_OK = 200


class Outcome(NamedTuple):
    """What became of the requests of one kind. `spent` is a share of what may be spent before refusals begin."""

    held_for_real: float
    served: int
    early_refusals: int
    spent: float
    spent_of_limit: float


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    count = parser.parse_args().requests // len(KINDS)
    print(f"{'':28}{'worst':>40}    {'learned':>40}")
    print(f"{'':28}" + f"{'held/real':>12}{'served':>8}{'early 402':>10}{'spent':>10}    " * 2)
    for kind in KINDS:
        print(f"{kind:28}" + "".join(map(_told, asyncio.run(_both(kind, count)))), flush=True)


def _told(one: Outcome) -> str:
    if one.spent_of_limit > 1:
        raise RuntimeError("a limit was passed")
    return f"{one.held_for_real:12.2f}{one.served:8}{one.early_refusals:10}{one.spent:10.0%}    "


async def _both(kind: str, count: int) -> list[Outcome]:
    cost, most = await _cost(kind, count)
    cap, margin = round(cost * SHARE), PARALLEL * most
    learned = f"limit_usd: {_usd(cap + margin)}, reserve: learned, reserve_margin_usd: {_usd(margin)}"
    worst = await _run(kind, count, f"limit_usd: {_usd(cap)}", cap, cap)
    return [worst, await _run(kind, count, learned, cap, cap + margin)]


async def _cost(kind: str, count: int) -> tuple[int, int]:
    """Nano-USD that all of them cost, and that one of them holds at most."""
    counters, ledger = WatchedCounters(), Ledger()
    node = _node(f"limit_usd: {_UNLIMITED}", counters, ledger)
    most = 0
    for one in requests(kind, count):
        await node.ask(_body(one, 0), one.endpoint)
        most = max(most, counters.held)
    return ledger.cost, most


async def _run(kind: str, count: int, budget: str, cap: int, limit: int) -> Outcome:
    counters, ledger = WatchedCounters(), Ledger()
    node = _node(budget, counters, ledger)
    served = early = 0

    async def client(waiting: Iterator[Request]) -> None:
        nonlocal served, early
        for one in waiting:
            status = await node.ask(_body(one, one.seconds / _FASTER), one.endpoint)
            if status == _OK:
                served += 1
                continue
            early += ledger.cost < EARLY * cap
            await asyncio.sleep(_PAUSE_S / _FASTER)

    waiting = requests(kind, count)
    await asyncio.gather(*(client(waiting) for _ in range(PARALLEL)))
    held = counters.held_in_all / max(ledger.cost, 1)
    return Outcome(held, served, early, ledger.cost / cap, ledger.cost / limit)


def _node(budget: str, counters: WatchedCounters, ledger: Ledger) -> Node:
    return Node(CONFIG.format(budget=budget, hash=HASH), counters, ledger)


def _body(one: Request, after: float) -> dict[str, Any]:
    metadata = {"input": one.prompt, "cached": one.cached, "output": one.output, "after": after}
    return {**one.body, "metadata": metadata}


def _usd(nano: int) -> str:
    return f'"{to_usd(nano)}"'


if __name__ == "__main__":
    main()
