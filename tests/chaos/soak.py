"""`python -m tests.chaos.soak [--minutes N]`: two gateways under steady load, while files change and servers break.

Every minute it prints a line; at the end it compares the ledger with the counters, and ends with 1 where something does
not hold.
"""

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.chaos.fleet import CONFIG, Fleet, every_answer_ends, nobody_stumbled
from tests.chaos.test_fleet import ROWS
from tests.support.load import NO_ANSWER, Load
from tests.support.postgresql import Server as Postgresql
from tests.support.redis_server import Server as Redis

PER_SECOND = 50
_FAULT_EVERY_S, _RELOAD_EVERY_S, _LINE_EVERY_S = 30, 4, 60
_FAULTS = tuple(name for name, row in ROWS.items() if not row.silent and not row.settings)
_REFUSALS = frozenset().union(*(row.refusals for row in ROWS.values()))
_MOST_GROWTH_MB = 40
"""By how much the memory of both may grow once they have served for a while."""
_MOST_MORE_DESCRIPTORS = 40
"""How many more files both may have open in the end; connections of the load come and go."""


def _texts() -> Iterator[str]:
    """What is written into the files in turn: every third cannot be served."""
    for number in itertools.count():
        yield (
            CONFIG
            if number % 3 == 0
            else f"{CONFIG}# {number}\n"
            if number % 3 == 1
            else f"{CONFIG}nonsense: {number}\n"
        )


def _descriptors(fleet: Fleet) -> int:
    mains = [psutil.Process(node.process.pid) for node in fleet.nodes]
    return sum(one.num_fds() for main in mains for one in (main, *main.children()))


def _line(fleet: Fleet, load: Load, since: float) -> str:
    recent = Load([], answers=load.since(since))
    minutes = (time.monotonic() - _BEGAN) / 60
    return f"{minutes:5.1f} min  {fleet.memory_mb():.0f} MB  {_descriptors(fleet)} descriptors  {recent.told()}"


_BEGAN = time.monotonic()


def soak(fleet: Fleet, minutes: float, say: Callable[[str], None]) -> None:
    """Raises `AssertionError` where something does not hold."""
    texts, faults = _texts(), itertools.cycle(_FAULTS)
    until = time.monotonic() + minutes * 60
    reload_at = line_at = fault_at = 0.0
    with Load(fleet.ports, PER_SECOND) as load:
        load.wait(load.all_served(), 30)
        settled_mb, settled_descriptors, last = 0.0, 0, time.monotonic()
        line_at, fault_at = last + _LINE_EVERY_S, last + _FAULT_EVERY_S / 3
        while (now := time.monotonic()) < until:
            if now >= reload_at:
                reload_at, text = now + _RELOAD_EVERY_S, next(texts)
                for node in fleet.nodes:
                    node.write_config(text)
            if now >= fault_at:
                name = next(faults)
                say(f"       {name}")
                with ROWS[name].breaks(fleet):
                    time.sleep(ROWS[name].lasts_s)
                load.wait(load.all_served(), 30)
                fault_at = time.monotonic() + _FAULT_EVERY_S
            if now >= line_at:
                settled_mb = settled_mb or fleet.memory_mb()
                settled_descriptors = settled_descriptors or _descriptors(fleet)
                say(_line(fleet, load, last))
                last, line_at = now, now + _LINE_EVERY_S
            time.sleep(0.2)
    say(_line(fleet, load, last))
    every_answer_ends(load, _REFUSALS)
    assert not any(one.status == NO_ANSWER for one in load.answers)
    fleet.books_agree(load)
    nobody_stumbled(fleet.nodes)
    most_mb = fleet.memory_mb()
    assert not settled_mb or most_mb - settled_mb < _MOST_GROWTH_MB, f"{settled_mb:.0f} -> {most_mb:.0f} MB"
    descriptors = _descriptors(fleet)
    more = descriptors - settled_descriptors
    assert not settled_descriptors or more < _MOST_MORE_DESCRIPTORS, f"{settled_descriptors} -> {descriptors}"
    say(f"ledger and counters agree; all in all {load.told()}")


def main() -> int:
    """Starts what it needs, and stops it."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        redis, postgresql = Redis(directory).start(), Postgresql().start()
        fleet = Fleet(directory, redis, postgresql)
        try:
            soak(fleet, minutes, lambda said: print(said, flush=True))  # noqa: T201 - it is what this is for
            fleet.stop()
        except AssertionError as broken:
            print(f"does not hold: {broken}", flush=True)  # noqa: T201 - likewise
            for node in fleet.nodes:
                node.kill()
            return 1
        finally:
            postgresql.close()
            redis.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
