"""The bound on the bytes of all large bodies together."""

import asyncio

import pytest

from gateway.server.read_body import _BodyMemory


class Somebody:
    """Who asks for memory: known by who it is."""


@pytest.mark.looks_inside
def test_who_stands_behind_one_that_gave_up_goes_on():
    async def ask():
        memory, one, other, large, small = _BodyMemory(10, 60), *(Somebody() for _ in range(4))
        await memory.take(3, one)
        await memory.take(4, other)
        first = asyncio.ensure_future(memory.take(9, large))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(memory.take(5, small))
        await asyncio.sleep(0)
        memory.release(other)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        for _ in range(5):
            await asyncio.sleep(0)
        done = second.done()
        second.cancel()
        return done, memory.held.get(small)

    assert asyncio.run(ask()) == (True, 5)


@pytest.mark.looks_inside
def test_halves_do_not_wait_for_one_another_for_ever():
    async def ask():
        memory, one, other, whole = _BodyMemory(10, 60), *(Somebody() for _ in range(3))
        for half in (one, other):
            await memory.take(5, half)
        await memory.take(4, other)
        waiting = [asyncio.ensure_future(memory.take(size, who)) for who, size in ((whole, 10), (one, 5))]
        await asyncio.sleep(0)
        before = [task.done() for task in waiting]
        memory.release(other)
        await waiting[1]
        memory.release(one)
        await waiting[0]
        memory.release(whole)
        await memory.take(10, one)
        return before, memory.held == {one: 10}

    # One goes beyond the bound, the next when that is over, and what is free in the end is what was free before.
    assert asyncio.run(ask()) == ([False, False], True)
