"""What a process tells the database that its requests hold of budgets."""

import asyncio
import sqlite3

from gateway.counters.hold import Standing
from gateway.server.bookkeeping import Bookkeeping
from gateway.settings import Settings


def test_what_is_held_of_a_margin_is_told_of_no_budget(tmp_path):
    async def tell():
        books = Bookkeeping(Settings(data_dir=tmp_path))
        books.prepare()
        books.start()
        told = []
        while not told:  # what waits too long for the database is told the next time
            await books.tell([Standing("budget:cap", 5, None), Standing("margin:budget:cap", 7, None)])
            told = connection.execute("SELECT counter, held FROM counter_states").fetchall()
        await books.close()
        return told, connection.execute("SELECT count(*) FROM counter_states").fetchone()

    with sqlite3.connect(tmp_path / "gateway.db") as connection:
        told, left = asyncio.run(tell())

    assert told == [("budget:cap", 5)]
    assert left == (0,)
