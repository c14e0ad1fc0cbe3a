"""What the ledger says of itself to shared counters: when they were lost, and now and then."""

import asyncio

from gateway import clock
from gateway.counters.hold import LedgerState
from gateway.ledger.settled import raise_settled
from gateway.ledger.storable import encode
from gateway.server import bookkeeping
from gateway.server.bookkeeping import Bookkeeping
from gateway.settings import Settings
from gateway.storage.engine import writing
from tests.unit.ledger.ledger_entries import entry

PROCESS, ENDED, GONE = (f"01M8PJMSWE33SXKAFA96VM000{number}@gw:default" for number in (1, 2, 3))
DAY_US = 86_400_000_000


class Counters:
    def __init__(self, settled_until):
        self._settled_until = settled_until

    def settled_until(self):
        return self._settled_until


def test_what_is_known_has_everything_that_this_process_has_settled(tmp_path, monkeypatch):
    """Also what was counted without an entry, as where a full spool drops it. Who looks forgets processes
    long gone, and after the first time asks only for those that the ledger has something new of."""
    monkeypatch.setattr(bookkeeping, "_LOOK_EVERY_S", 0.0)

    async def ask():
        books = Bookkeeping(Settings(data_dir=tmp_path))
        books.prepare()
        with writing(books._engine) as connection:
            raise_settled(connection, {GONE: 1}, clock.microseconds() - 2 * DAY_US)
            raise_settled(connection, {ENDED: 2}, clock.microseconds() - DAY_US // 12)
        books.start()
        books.spool.append(encode(entry(settled_until=f"{PROCESS}:3")))
        known = [await books.known(Counters(None), ()), await books.known(Counters(f"{PROCESS}:4"), ())]
        seen = asyncio.Queue()

        async def look(settled):
            seen.put_nowait(dict(settled))

        books.watch(look)
        looked = [await seen.get(), await seen.get()]
        await books.close()
        return known, looked, dict(books.settled)

    known, looked, written = asyncio.run(ask())

    assert known == [LedgerState({}, {PROCESS: number, ENDED: 2, GONE: 1}) for number in (3, 4)]
    assert looked == [{PROCESS: 4, ENDED: 2}, {PROCESS: 4}]
    assert written == {PROCESS: 3}
