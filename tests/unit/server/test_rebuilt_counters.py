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

PROCESS, GONE = "01M8PJMSWE33SXKAFA96VM0001@gw:default", "01M8PJMSWE33SXKAFA96VM0002@gw:default"
DAY_US = 86_400_000_000


class Counters:
    def __init__(self, settled_until):
        self._settled_until = settled_until

    def settled_until(self):
        return self._settled_until


def test_what_is_known_has_everything_that_this_process_has_settled(tmp_path, monkeypatch):
    """Also what was counted without an entry, as where a full spool drops it. Who looks forgets processes long gone."""
    monkeypatch.setattr(bookkeeping, "_LOOK_EVERY_S", 0.0)

    async def ask():
        books = Bookkeeping(Settings(data_dir=tmp_path))
        books.prepare()
        with writing(books._engine) as connection:
            raise_settled(connection, {GONE: 1}, clock.microseconds() - 31 * DAY_US)
        books.start()
        books.spool.append(encode(entry(settled_until=f"{PROCESS}:3")))
        known = [await books.known(Counters(None), ()), await books.known(Counters(f"{PROCESS}:4"), ())]
        seen = asyncio.get_running_loop().create_future()

        async def look(settled):
            if not seen.done():
                seen.set_result(dict(settled))

        books.watch(look)
        looked = await seen
        await books.close()
        return known, looked, dict(books.settled)

    known, looked, written = asyncio.run(ask())

    assert known == [LedgerState({}, {PROCESS: number, GONE: 1}) for number in (3, 4)]
    assert (looked, written) == ({PROCESS: 4}, {PROCESS: 3})
