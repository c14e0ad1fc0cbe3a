"""What is read from the ledger for shared counters that were lost, and when."""

import asyncio

from gateway.server import bookkeeping
from gateway.server.bookkeeping import Bookkeeping
from gateway.settings import Settings


def test_counters_that_were_lost_are_brought_up_again_later(tmp_path, monkeypatch):
    """What others had settled and not yet written when the ledger was read is in it then."""
    monkeypatch.setattr(bookkeeping, "_LATER_S", (0.0, 0.0))
    restored = []

    class Counters:
        async def restore(self, spent):
            restored.append(spent)
            if len(restored) == 3:
                all_done.set()

    async def lose():
        books = Bookkeeping(Settings(data_dir=tmp_path))
        books.prepare()
        books.start()
        await books.rebuild_shared(Counters(), lambda: ())
        at_once = len(restored)
        await all_done.wait()
        await books.close()
        return at_once

    all_done = asyncio.Event()
    assert asyncio.run(lose()) == 1
    assert restored == [{}] * 3
