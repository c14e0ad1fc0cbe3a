"""Rests between the turns of long work."""

import asyncio
import gc
import threading
import time
import weakref
from contextlib import suppress

import pytest

from gateway.turns import _PACE, BREATH_S, beside, paced, turns


@pytest.mark.parametrize(
    ("count", "length", "rests_after"),
    [(0, 2, []), (1, 2, []), (2, 2, []), (5, 2, [2, 4]), (3, 1, [1, 2])],
)
def test_there_is_a_rest_between_any_two_turns(monkeypatch, count, length, rests_after):
    given: list[int] = []
    rested: list[tuple[int, float]] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: rested.append((len(given), seconds)))

    for item in turns(range(count), length, 0.25):
        given += [item]

    assert given == [*range(count)]
    assert rested == [(after, 0.25) for after in rests_after]


def test_work_beside_the_loop_is_paced_and_other_work_is_not(monkeypatch):
    rests = []
    monkeypatch.setattr(time, "sleep", rests.append)

    def work(count):
        return list(paced(range(count))), threading.get_ident()

    items, thread = asyncio.run(beside(work, 1000))

    assert items == list(range(1000))
    assert thread != threading.get_ident()
    assert rests == [BREATH_S] * (999 // _PACE)
    assert work(1000) == (items, threading.get_ident())
    assert len(rests) == 999 // _PACE


def test_what_fails_beside_the_loop_leaves_no_thread_paced():
    def fail():
        raise KeyError

    def is_paced():
        return paced(()) != ()

    async def both():
        with pytest.raises(KeyError):
            await beside(fail)
        return await asyncio.to_thread(is_paced)

    assert not asyncio.run(both())


def test_who_is_cancelled_waits_for_what_is_done_beside():
    began, may_end, done = threading.Event(), threading.Event(), []

    def work():
        began.set()
        may_end.wait(10)
        done.append(True)

    async def cancelled():
        task = asyncio.create_task(beside(work))
        await asyncio.to_thread(began.wait, 10)
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())

    assert done == [True]


def test_work_that_fails_beside_keeps_nothing_of_what_it_was_done_on():
    class Body:
        """What the work is done on."""

    def fail(body):
        raise ZeroDivisionError(body is None)

    async def run():
        body = Body()
        kept = weakref.ref(body)
        with suppress(ZeroDivisionError):
            await beside(fail, body)
        del body
        await asyncio.sleep(0)
        return kept()

    gc.disable()
    try:
        assert asyncio.run(run()) is None
    finally:
        gc.enable()
