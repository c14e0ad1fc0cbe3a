"""Ships the spool to the database, in the background, for as long as it takes.

One thread of its own does everything that waits: files, locks, the database. Batches are large, since a transaction
costs the same for one entry as for many, and are worked through in short turns, with pauses for requests in between.
"""

import asyncio
import logging
import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import msgspec
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.ledger import stored_entry, stored_objects
from gateway.ledger.backlog import Batch
from gateway.ledger.insert import insert_entries
from gateway.ledger.pace import FAST, GENTLE, Pace
from gateway.ledger.period import moment_text
from gateway.ledger.retention import pruned_before
from gateway.ledger.settled import raise_settled, settled_by
from gateway.ledger.spool import Spool
from gateway.ledger.storable import encode
from gateway.ledger.stored_entry import StoredObject
from gateway.storage.engine import describe_failure, is_unavailable, writing
from gateway.telemetry.decision_record import DecisionRecord

_log = logging.getLogger(__name__)

_MICROSECONDS = 1_000_000
_FIRST_BACKOFF_S = 0.25
_LEAST_PAUSE_S = 0.05
_MUCH_BYTES = 6 * 1024 * 1024
"""What waits in the spool from which on shipping it matters more than how long a request waits."""
_STILL_MUCH_BYTES = 5 * 1024 * 1024
"""The same once it does, so that the pace does not change with every batch: some 4,500 entries."""


class LedgerWriter:
    """Feeds the database from one spool. `start` inside the event loop, `close` before it ends and before the spool.

    Args:
        spool: Of this worker; the writer is the only one to use its backlog.
        engine: From `gateway.storage.engine.open_engine`; its database has been migrated, or will be.
        poll_s: Seconds between looks at the spool, twice as many at the fast pace: the more entries a transaction
            takes, the less each costs. An entry is in the database after about a second.
        adopt_every_s: Seconds between looks for dead workers; the first is at the start.
        longest_backoff_s: Where the pauses end that double while the database is away.
    """

    def __init__(
        self,
        spool: Spool,
        engine: Engine,
        *,
        poll_s: float = 0.5,
        adopt_every_s: float = 30.0,
        longest_backoff_s: float = 15.0,
    ) -> None:
        self._spool = spool
        self._engine = engine
        self._poll_s = poll_s
        self._adopt_every_s = adopt_every_s
        self._longest_backoff_s = longest_backoff_s
        self._adopt_at = 0.0
        self._backoff_s = _FIRST_BACKOFF_S
        self._pace = GENTLE
        self._hurries = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger-writer")
        self._wake = asyncio.Event()
        self._looked = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self.settled: dict[str, int] = {}
        """Up to which of its settlements each process is in the database, as far as this one has written it."""
        self.last_error: str | None = None
        """Why the last attempt failed, without any secret; `None` after one that succeeded."""

    @property
    def depth(self) -> int:
        """Entries that wait for the database."""
        return self._spool.depth

    @property
    def oldest_s(self) -> float:
        """Seconds for which the oldest of them waits; see `Backlog.oldest_s`."""
        return self._spool.backlog.oldest_s

    def start(self) -> None:
        """Begins to ship."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def flush(self, timeout_s: float) -> bool:
        """Ships without pauses until nothing waits, for at most `timeout_s` seconds; says whether nothing does."""
        with suppress(TimeoutError), self._hurrying():
            async with asyncio.timeout(timeout_s):
                while self._spool.depth:
                    await self._look()
        return not self._spool.depth

    async def catch_up(self, timeout_s: float) -> bool:
        """Ships what waits at present, that of dead workers included, and leaves what comes meanwhile.

        Returns:
            Whether all of it is in the database after at most `timeout_s` seconds.
        """
        self._adopt_at = 0.0
        with suppress(TimeoutError), self._hurrying():
            async with asyncio.timeout(timeout_s):
                # The first look may have begun before.
                await self._look()
                await self._look()
                backlog = self._spool.backlog
                behind = backlog.shipped + self._spool.depth - backlog.adopted
                # What is adopted meanwhile goes before what waits.
                while backlog.shipped < behind + backlog.adopted:
                    await self._look()
                return self.last_error is None
        return False

    def note(self, stored: Iterable[StoredObject]) -> None:
        """Takes in what a provider keeps for whom; it is in the database soon."""
        for one in stored:
            self._spool.append(stored_entry.encode(one))
        self._wake.set()

    async def remember(self, stored: Iterable[StoredObject], patience_s: float) -> None:
        """The same, and waits until it is in the database, or for so many seconds.

        While the database is away nobody waits: the spool has it.
        """
        self.note(stored)
        if self.last_error is not None:
            return
        behind = self._spool.backlog.shipped + self._spool.depth
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._spool.backlog.shipped < behind and self.last_error is None:
                    await self._look()

    def hear(self) -> None:
        """Somebody else found the database to answer: what waits is shipped now, not after the pause."""
        if self.last_error is not None:
            self._wake.set()

    @contextmanager
    def _hurrying(self) -> Iterator[None]:
        """Somebody waits for what is shipped meanwhile, so it is shipped at the fast pace."""
        self._hurries += 1
        try:
            yield
        finally:
            self._hurries -= 1

    async def _look(self) -> None:
        """Has the thread look at the spool now, and waits until it has."""
        self._looked.clear()
        self._wake.set()
        await self._looked.wait()

    async def close(self, timeout_s: float) -> bool:
        """Ships what it can in `timeout_s` seconds and ends; what is left stays in the spool.

        A transaction that is under way ends first, which the timeouts of the database bound.

        Returns:
            Whether nothing is left.
        """
        flushed = await self.flush(timeout_s)
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown(wait=False)
        return flushed

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._closing:
            self._spool.retry()
            more = False
            if self._spool.depth or self.last_error is not None or clock.monotonic() >= self._adopt_at:
                more = await loop.run_in_executor(self._thread, self._ship_next)
            self._looked.set()
            if not more:
                await self._pause()

    async def _pause(self) -> None:
        """Waits for the next look; a failing database is asked less and less often, but at once by `flush`."""
        pause_s = self._poll_s * 2 if self._pace is FAST else self._poll_s
        if self.last_error is not None:
            await asyncio.sleep(_LEAST_PAUSE_S)
            pause_s = self._backoff_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads workers, hides nothing
            self._backoff_s = min(self._backoff_s * 2, self._longest_backoff_s)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), pause_s)
        self._wake.clear()

    def _ship_next(self) -> bool:
        """Ships one batch and says whether to go on at once; a failure is kept in `last_error`."""
        try:
            self._adopt()
            if self.last_error is not None:
                self._engine.connect().close()  # PERF: a batch is read again only once the database answers
            self._pace = self._next_pace()
            batch = self._spool.backlog.next_batch(self._pace)
            if batch is not None:
                self._ship(batch)
                self._spool.backlog.ship(batch)
        except Exception as problem:  # noqa: BLE001 - whatever shipping runs into, it has to go on
            self._failed(problem)
            return False
        if self.last_error is not None:
            _log.info("the ledger's database answers again")
        self.last_error = None
        self._backoff_s = _FIRST_BACKOFF_S
        return self._spool.backlog.is_behind

    def _next_pace(self) -> Pace:
        much = _STILL_MUCH_BYTES if self._pace is FAST else _MUCH_BYTES
        return FAST if self._hurries or self._spool.waiting_bytes >= much else GENTLE

    def _adopt(self) -> None:
        now = clock.monotonic()
        if now < self._adopt_at:
            return
        self._adopt_at = now + self._adopt_every_s
        adopted = self._spool.backlog.adopt()
        if adopted:
            _log.info("%d ledger entries of workers that ended early are adopted", adopted)

    def _ship(self, batch: Batch) -> None:
        for payload in batch.unreadable:
            self._set_aside(payload, "it is no ledger entry")
        if batch.stored:
            self._keep(batch.stored)
        if batch.entries:
            self._insert(batch.entries)

    def _keep(self, stored: Sequence[StoredObject]) -> None:
        """Writes what providers keep for whom; what the database refuses for what it is, is set aside alone."""
        try:
            with writing(self._engine) as connection:
                _bound_waiting(connection)
                stored_objects.keep(connection, stored)
        except (SQLAlchemyError, OverflowError, ValueError) as problem:
            if is_unavailable(problem):
                raise
            if len(stored) == 1:
                self._set_aside(stored_entry.encode(stored[0]), describe_failure(problem, self._engine))
                return
            for one in stored:
                self._keep((one,))

    def _insert(self, entries: Sequence[DecisionRecord]) -> None:
        """Inserts in one transaction; of entries that the database refuses for what they are, the others go in.

        What is older than the ledger's rows is not inserted: whether it was there before, nobody knows any more.
        """
        try:
            with writing(self._engine) as connection:
                _bound_waiting(connection)
                before = pruned_before(connection)
                late = [entry for entry in entries if entry.occurred_at < before]
                kept = entries if not late else _since(entries, before)
                insert_entries(connection, kept, self._pace)
                settled = settled_by(kept)
                raise_settled(connection, settled, int(clock.now() * _MICROSECONDS))
        except (SQLAlchemyError, OverflowError, ValueError) as problem:
            if is_unavailable(problem):
                raise
            if len(entries) == 1:
                self._set_aside(msgspec.json.encode(entries[0]), describe_failure(problem, self._engine))
                return
            middle = len(entries) // 2
            self._insert(entries[:middle])
            self._insert(entries[middle:])
            return
        self.settled |= settled
        for entry in late:
            self._set_aside(encode(entry), f"requests before {moment_text(before)} are pruned")

    def _set_aside(self, payload: bytes, reason: str) -> None:
        backlog = self._spool.backlog
        backlog.set_aside(payload)
        _log.error("a ledger entry is set aside in %s: %s", backlog.set_aside_path, reason)

    def _failed(self, problem: Exception) -> None:
        reason = describe_failure(problem, self._engine)
        if self.last_error is None:
            _log.warning("ledger entries wait in the spool: %s", reason)
        self.last_error = reason


def _since(entries: Sequence[DecisionRecord], moment: int) -> list[DecisionRecord]:
    return [entry for entry in entries if entry.occurred_at >= moment]


def _bound_waiting(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = '30s'"))
