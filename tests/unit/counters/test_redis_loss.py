"""What becomes of counters in Redis when processes die, and when Redis comes back with or without its data."""

import asyncio

import pytest

from gateway.counters import redis, redis_settlements
from gateway.counters.hold import LedgerState, Refusal, Restored
from gateway.counters.redis import RedisCounters, Spending
from tests.unit.counters.redis_service import (
    BUDGET,
    CONCURRENCY,
    PATIENT_S,
    RPM,
    TPM,
    URL,
    Ledger,
    answers,
    command,
    emptied,
    lost,
    opened,
    prefix,
    reachable,
    settled,
    take,
    taken,
    until,
    used,
    worker,
)

pytestmark = [pytest.mark.service, pytest.mark.skipif(not reachable(), reason="Redis cannot be reached")]


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """Nobody else is waited for who might have something to bring."""
    monkeypatch.setattr(redis, "_OTHERS_S", 0.1)
    monkeypatch.setattr(redis, "_LAGGING_S", 0.1)


CENT = 10_000_000


def with_ledger(url, ledger, **options):
    return RedisCounters(url, ledger=ledger.read, **{"timeout_s": PATIENT_S, **options})


def test_a_killed_process_gives_back_what_it_held():
    async def run():
        own = prefix()
        process = worker(own, 2, lease_s=1, stay=1)
        try:
            assert process.stdout.readline() == b"2\n"
            async with opened(prefix=own, lease_s=1) as counters:
                await asyncio.sleep(1.5)
                assert await used(counters, CONCURRENCY, BUDGET) == [2, 2 * CENT]
                process.kill()

                async def free():
                    return isinstance(await take(counters, (CONCURRENCY, 2)), Refusal) is False

                await until(free)
                assert await counters.spending([BUDGET]) == [Spending(0, 0)]
        finally:
            process.kill()
            process.communicate()

    asyncio.run(run())


def test_expiry_is_bounded_in_each_call_and_goes_on_in_the_next():
    class Clock:
        now = 1_000_000.0

        def __call__(self):
            return self.now

    async def run():
        clock, own = Clock(), prefix()
        async with opened(prefix=own, time=clock) as counters:
            for _ in range(40):
                await taken(counters, (BUDGET, 1))
            counters._open.clear()
            clock.now += 61
            left = []
            for _ in range(3):
                await take(counters, (BUDGET, 2 * 10**9))
                left.append(await counters.used(BUDGET))
            assert left == [24, 8, 0]

    asyncio.run(run())


def test_a_settlement_after_the_lease_expired_counts_what_was_spent():
    async def run():
        async with opened(lease_s=0.3) as counters:
            lease = await taken(counters, (CONCURRENCY, 1), (TPM, 500), (BUDGET, CENT))
            counters._open.clear()  # nobody renews it

            async def free():
                await take(counters, (BUDGET, 2 * 10**9))
                return await used(counters, CONCURRENCY, BUDGET) == [0, 0]

            await until(free)
            assert await counters.used(TPM) == 500
            await taken(counters, (BUDGET, 50))
            counters._open[lease.id] = lease
            lease.settle({TPM.key: 100, BUDGET.key: 7})
            await settled(counters)
            assert await used(counters, CONCURRENCY, TPM) == [0, 100]
            assert await counters.spending([BUDGET]) == [Spending(7, 50)]

    asyncio.run(run())


def test_a_lease_that_expired_while_its_process_stood_still_holds_again():
    async def run():
        async with opened(lease_s=60) as counters:
            lease = await taken(counters, (CONCURRENCY, 1), (BUDGET, CENT))
            await command(URL, "ZADD", counters._script._keys[1], "1", lease.id)
            await take(counters, (RPM, 1))
            assert await used(counters, CONCURRENCY, BUDGET) == [0, 0]
            await counters._renew(counters._connection, [lease.id])
            assert await used(counters, CONCURRENCY, BUDGET) == [1, CENT]
            lease.settle({BUDGET.key: 3})
            await settled(counters)
            assert await used(counters, CONCURRENCY, BUDGET) == [0, 3]

    asyncio.run(run())


def test_data_lost_under_an_open_connection_is_restored_before_reservations_go_on():
    async def run():
        own = prefix()
        ledger = Ledger(spent=70)
        counters = with_ledger(URL, ledger, prefix=own)
        async with opened(prefix=own, ledger=ledger.read) as other:
            finished, unwritten, running = [
                await taken(counters, (CONCURRENCY, 1), (BUDGET, CENT)) for _ in range(2)
            ] + [await taken(counters, (BUDGET, CENT))]
            finished.settle({BUDGET.key: 30})
            ledger.write(30, counters.settled_until())
            unwritten.settle({BUDGET.key: 4})
            theirs = await taken(other, (TPM, 10), (BUDGET, 5))
            await settled(counters)
            assert ledger.asked == 1  # an empty Redis at the start is restored, too
            await emptied(own)

            lease = await taken(counters, (CONCURRENCY, 1), (BUDGET, 1))

            assert ledger.asked == 2
            assert lease.settled == {BUDGET.key: 104}
            await take(other, (RPM, 1))
            running.settle({BUDGET.key: 8})
            theirs.settle({BUDGET.key: 2})
            await settled(counters)
            await settled(other)
            assert await counters.spending([BUDGET]) == [Spending(114, 1)]
            assert await used(counters, CONCURRENCY, TPM) == [1, 10]
            await counters.close()

    asyncio.run(run())


def test_redis_restarts_empty_while_leases_are_open(server):
    async def run():
        ledger = Ledger(spent=100)
        counters = with_ledger(server.url, ledger)
        finished, running = [await taken(counters, (CONCURRENCY, 1), (BUDGET, CENT)) for _ in range(2)]
        server.stop()
        finished.settle({BUDGET.key: 20})
        ledger.write(20, counters.settled_until())
        await until(lambda: lost(counters))
        server.start()
        await until(lambda: answers(counters))
        assert ledger.asked == 2
        await settled(counters)
        assert await counters.spending([BUDGET]) == [Spending(120, CENT)]
        assert await counters.used(CONCURRENCY) == 1
        running.settle({BUDGET.key: 5})
        await settled(counters)
        assert await counters.spending([BUDGET]) == [Spending(125, 0)]
        await counters.close()

    asyncio.run(run())


def test_redis_restarts_with_its_data_and_gets_what_was_settled_meanwhile(durable):
    async def run():
        ledger = Ledger()
        counters = with_ledger(durable.url, ledger, lease_s=30)
        finished, running = [await taken(counters, (CONCURRENCY, 1), (TPM, 300), (BUDGET, CENT)) for _ in range(2)]
        durable.stop()
        finished.settle({BUDGET.key: 20, TPM.key: 100})
        ledger.write(20, counters.settled_until())
        await until(lambda: lost(counters))
        assert len(counters._settlements) > 0
        durable.start()
        await until(lambda: answers(counters))
        await settled(counters)
        assert await counters.spending([BUDGET]) == [Spending(20, CENT)]
        assert await used(counters, CONCURRENCY, TPM) == [1, 400]
        running.cancel()
        await counters.close()

    asyncio.run(run())


def test_a_server_that_took_over_with_older_sums_gets_what_it_lacks(durable):
    """As a replica that had not heard of the last seconds: it has the marker, and neither lease nor settlement."""

    async def run():
        ledger = Ledger()
        counters = with_ledger(durable.url, ledger)
        await taken(counters, (BUDGET, 1))
        held = await command(durable.url, "DUMP", f"{{gw:default}}:spend:{BUDGET.key}")
        lease = await taken(counters, (BUDGET, CENT))
        lease.settle({BUDGET.key: 7})
        await settled(counters)
        await command(durable.url, "RESTORE", f"{{gw:default}}:spend:{BUDGET.key}", "0", held, "REPLACE")
        assert await counters.spending([BUDGET]) == [Spending(0, 1)]

        durable.stop()
        await until(lambda: lost(counters))
        durable.start()
        await until(lambda: answers(counters))

        await settled(counters)
        assert await counters.spending([BUDGET]) == [Spending(7, 1)]
        await counters.close()

    asyncio.run(run())


def test_what_a_process_wrote_and_did_not_live_to_settle_is_counted_by_who_looks():
    async def run():
        own, ledger = prefix(), Ledger()
        dead = with_ledger(URL, ledger, prefix=own)
        async with opened(prefix=own, ledger=ledger.read) as counters:
            before = await taken(dead, (BUDGET, 10))
            theirs = await taken(counters, (BUDGET, 100))
            before.settle({BUDGET.key: 3})
            ledger.write(3, dead.settled_until())
            dead._settlements.stop()
            await dead._link.close()  # as where it was killed
            theirs.settle({BUDGET.key: 50})  # is not in the ledger yet
            await settled(counters)
            assert await counters.spending([BUDGET]) == [Spending(50, 10)]

            await counters.restore(ledger.state())

            await settled(counters)
            assert await counters.spending([BUDGET]) == [Spending(53, 10)]
            assert ledger.asked == 2
            await counters.restore(ledger.state())
            assert ledger.asked == 2

    asyncio.run(run())


def test_a_budget_that_was_in_no_file_when_counters_were_restored_gets_what_the_ledger_knows():
    async def run():
        own, ledger = prefix(), Ledger()
        async with opened(prefix=own, ledger=ledger.read) as counters:
            await counters.restore(LedgerState({BUDGET.key: Restored(9, None)}))
            assert (await counters.spending([BUDGET]), ledger.asked) == ([Spending(9, 0)], 1)
            ledger.spent = 30

            await counters.restore(ledger.state())  # it has more than has been counted

            assert (await counters.spending([BUDGET]), ledger.asked) == ([Spending(30, 0)], 2)

    asyncio.run(run())


@pytest.mark.parametrize("gone", ["settled", "marker"])
def test_who_finds_a_part_of_the_data_gone_restores_all_of_it(gone):
    async def run():
        own, ledger = prefix(), Ledger()
        async with opened(prefix=own, ledger=ledger.read) as counters:
            first, second = [await taken(counters, (BUDGET, 10)) for _ in range(2)]
            first.settle({BUDGET.key: 3})
            await settled(counters)
            await command(URL, "DEL", own + gone)

            second.settle({BUDGET.key: 4})
            await take(counters, (RPM, 1))
            await settled(counters)

            assert await counters.spending([BUDGET]) == [Spending(7, 0)]
            assert ledger.asked == 2

    asyncio.run(run())


def test_counters_that_cannot_be_rebuilt_refuse_and_tell_no_secret(server):
    async def run():
        ledger = Ledger()
        ledger.broken = True
        counters = with_ledger(server.url, ledger)
        assert await lost(counters)
        await until(lambda: asyncio.sleep(0, counters.fault is not None))
        assert counters.fault == "the counters could not be rebuilt (ValueError)"
        ledger.broken = False
        await until(lambda: answers(counters))
        await counters.close()

    asyncio.run(run())


def test_more_than_may_wait_is_forgotten_and_comes_by_the_ledger(durable):
    async def run():
        ledger = Ledger()
        counters = with_ledger(durable.url, ledger, queue_bound=3)
        leases = [await taken(counters, (BUDGET, 10)) for _ in range(6)]
        durable.stop()
        await until(lambda: lost(counters))
        for lease in leases:
            lease.settle({BUDGET.key: 10})
            if lease is not leases[-1]:
                ledger.write(10, counters.settled_until())
        assert len(counters._settlements) == 3
        durable.start()
        await until(lambda: answers(counters))
        await settled(counters)
        assert [spending.spent for spending in await counters.spending([BUDGET])] == [60]
        await counters.close()

    asyncio.run(run())


def test_what_was_forgotten_between_what_was_sent_and_what_waits_comes_by_the_ledger(server):
    async def run():
        ledger = Ledger()
        counters = with_ledger(server.url, ledger, queue_bound=3, timeout_s=1)
        first, *leases = [await taken(counters, (BUDGET, 10)) for _ in range(6)]
        first.settle({BUDGET.key: 10})
        ledger.write(10, counters.settled_until())
        await settled(counters)
        server.freeze()
        await until(lambda: lost(counters))
        for lease in leases:
            lease.settle({BUDGET.key: 10})
            ledger.write(10, counters.settled_until())
        server.thaw()
        await until(lambda: answers(counters), within_s=8)
        await settled(counters)
        assert [spending.spent for spending in await counters.spending([BUDGET])] == [60]
        assert ledger.asked == 2
        await counters.close()

    asyncio.run(run())


def test_what_is_in_the_ledger_for_long_is_kept_no_more():
    async def run():
        async with opened() as counters:
            for lease in [await taken(counters, (BUDGET, 10)) for _ in range(5)]:
                lease.settle({BUDGET.key: 1})
            await settled(counters)
            settlements = counters._settlements
            process, _, number = counters.settled_until().rpartition(":")
            counters.recorded({process: 3, "another": 5})
            assert (int(number), len(settlements._kept)) == (5, 5)  # somebody may restore who has read it before
            settlements._recorded[0] = (settlements._recorded[0][0] - 11, 3)
            counters.recorded({process: 3})
            assert [one.number for one in settlements._kept] == [4, 5]
            assert (settlements.reaches(3), settlements.reaches(2)) == (True, False)

    asyncio.run(run())


def test_what_redis_may_lack_is_kept_however_long_another_restores(monkeypatch):
    """From when it has read the ledger until it is done with a million counters."""

    async def run():
        own, ledger = prefix(), Ledger()
        async with opened(prefix=own, ledger=ledger.read) as other, opened(prefix=own, ledger=ledger.read) as counters:
            call, wiped, is_written = other._script.call, asyncio.Event(), asyncio.Event()

            async def slow_call(connection, operation, *about):
                if operation == "restore":
                    wiped.set()
                    await is_written.wait()
                return await call(connection, operation, *about)

            other._script.call = slow_call
            before, after = [await taken(counters, (BUDGET, 10)) for _ in range(2)]
            before.settle({BUDGET.key: 1})
            ledger.write(1, counters.settled_until())
            after.settle({BUDGET.key: 2})
            await settled(counters)
            restoring = asyncio.create_task(other.restore_anew())
            await wiped.wait()
            await until(lambda: asyncio.sleep(0, counters._usable() is None))
            ledger.write(2, counters.settled_until())
            monkeypatch.setattr(redis_settlements, "_RESTORING_S", -1.0)
            counters.recorded(ledger.settled)
            is_written.set()
            await restoring
            await until(lambda: answers(counters))
            await settled(counters)
            assert (await counters.spending([BUDGET]), ledger.asked) == ([Spending(3, 0)], 2)

    asyncio.run(run())


def test_restoring_may_take_longer_than_callers_wait():
    async def run():
        ledger = Ledger(spent=5)
        async with opened(ledger=ledger.read, timeout_s=0.05) as counters:
            await until(lambda: answers(counters))
            call = counters._script.call

            async def slow_call(connection, operation, *about):
                if operation == "mark":
                    await until(lambda: asyncio.sleep(0, counters.fault is not None))
                return await call(connection, operation, *about)

            counters._script.call = slow_call
            await counters.restore_anew()
            await until(lambda: answers(counters))
            assert ledger.asked == 2

    asyncio.run(run())


def test_who_counts_elsewhere_from_the_same_ledger_lacks_nothing_here():
    async def run():
        ledger = Ledger()
        async with opened(ledger=ledger.read) as here, opened(ledger=ledger.read) as elsewhere:
            await taken(here, (BUDGET, 10))
            lease = await taken(elsewhere, (BUDGET, 10))
            lease.settle({BUDGET.key: 3})
            ledger.write(3, elsewhere.settled_until())
            asked = ledger.asked

            await here.restore(LedgerState({}, ledger.settled))

            assert ledger.asked == asked

    asyncio.run(run())


def test_a_process_that_starts_does_not_hide_that_nobody_is_numbered():
    """As where a gateway of the version before has filled Redis again: the sums have what is settled already."""

    async def run():
        own, ledger = prefix(), Ledger()
        async with opened(prefix=own, ledger=ledger.read) as young:
            lease, another = [await taken(young, (BUDGET, 10)) for _ in range(2)]
            lease.settle({BUDGET.key: 3})
            ledger.write(3, young.settled_until())
            await settled(young)
            await command(URL, "DEL", own + "settled")
            async with opened(prefix=own, ledger=ledger.read) as fresh:
                await taken(fresh, (BUDGET, 5))
                assert ledger.asked == 1
                another.settle({BUDGET.key: 4})
                await until(lambda: asyncio.sleep(0, ledger.asked == 2))
                await settled(young)
                assert await young.spending([BUDGET]) == [Spending(7, 5)]

    asyncio.run(run())


def test_closing_sends_what_is_still_to_be_settled():
    async def run():
        own = prefix()
        async with opened(prefix=own) as reader:
            counters = RedisCounters(URL, prefix=own, timeout_s=PATIENT_S)
            for lease in [await taken(counters, (BUDGET, 10)) for _ in range(300)]:
                lease.settle({BUDGET.key: 1})
            await counters.close()
            assert await reader.spending([BUDGET]) == [Spending(300, 0)]

    asyncio.run(run())
