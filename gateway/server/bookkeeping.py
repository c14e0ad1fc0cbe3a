"""The ledger of one worker: its spool, its database, and the counters of budgets that are rebuilt from it."""

import asyncio
import hashlib
import logging
import os
import random
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.counters.hold import CountersLost, CounterStore, LedgerState, Standing
from gateway.ledger.counter_states import CounterState, leave, report
from gateway.ledger.learned import habits_at
from gateway.ledger.object_index import ObjectIndex
from gateway.ledger.open_jobs import JobStore
from gateway.ledger.prune_task import PruneTask
from gateway.ledger.rebuild import ledger_state
from gateway.ledger.settled import all_settled, forget_settled, parsed, raise_settled
from gateway.ledger.spool import Spool
from gateway.ledger.writer import LedgerWriter
from gateway.money.budget import CompiledBudget
from gateway.money.habits import Habits
from gateway.private_files import make_folder
from gateway.settings import Settings
from gateway.snapshot.budgets import MARGIN
from gateway.storage.engine import (
    StorageError,
    default_database_url,
    describe_failure,
    describe_url,
    open_engine,
    writing,
)
from gateway.storage.migrate import current_revision, head_revision, upgrade

_SPOOL = "spool"
_DIGEST_CHARACTERS = 16
_CATCH_UP_S = 5.0
_FAREWELL_S = 5.0
_LONGEST_PAUSE_S = 15.0
_LOOK_EVERY_S = 60.0
_LATE_US = 600_000_000
"""By so much other clocks may be behind, and a transaction ends after it has told its time."""
_HEARTBEAT_S = 4.0
_SHORT_WAIT_S = 1.0
_MICROSECONDS = 1_000_000

_log = logging.getLogger(__name__)


class Bookkeeping:
    """Opens the spool and the database. `start` inside the event loop, `close` before it ends.

    Raises `StorageError` where the data directory or the database's URL cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        directory = settings.data_dir
        self._engine = engine_of(settings)
        # A dead worker's entries are adopted by others of its spool, so a spool belongs to one database.
        database = hashlib.sha256(describe_url(self._engine.url).encode()).hexdigest()[:_DIGEST_CHARACTERS]
        root = directory / _SPOOL / database
        try:
            make_folder(directory, follows_link=True)
            self.spool = Spool(root, max_bytes=settings.spool_max_bytes, on_full=settings.on_spool_full)
        except OSError as problem:
            raise StorageError(
                f"The data directory {directory} cannot be used: {problem.strerror}; set GATEWAY_DATA_DIR to another."
            ) from None
        self._writer = LedgerWriter(self.spool, self._engine)
        self.objects = ObjectIndex(self._writer, self._engine)
        # Alone on its machine, a gateway that starts again goes on at once with what it looked after.
        alone = settings.workers == 1
        self.jobs = JobStore(self._engine, settings.node if alone else f"{settings.node}:{os.getpid()}")
        self._prunes = PruneTask(self._engine, settings.ledger_retention)
        self._node = f"{socket.gethostname()}:{os.getpid()}"
        self._told: list[tuple[str, int, int | None]] = []
        self._told_at = 0.0
        self._rebuilding: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def fault(self) -> str | None:
        """Why entries wait in the spool, without any secret; `None` while the database takes them."""
        return self.spool.disk_error or self._writer.last_error

    @property
    def settled(self) -> Mapping[str, int]:
        """Up to which of its settlements each process is in the database, as far as this one has written it."""
        return self._writer.settled

    @property
    def oldest_s(self) -> float:
        """Seconds for which the oldest entry waits for the database."""
        return self._writer.oldest_s

    def prepare(self) -> None:
        """Brings an SQLite database to the newest revision, and looks whether PostgreSQL has it. Blocks.

        A PostgreSQL that does not answer now may do so later. Raises `StorageError`.
        """
        if self._engine.dialect.name == "sqlite":
            if upgrade(self._engine):
                _log.info("the %s has been made ready", describe_url(self._engine.url))
            return
        try:
            revision = current_revision(self._engine)
        except StorageError as problem:
            _log.warning("%s", problem)
            return
        if revision is None:
            raise StorageError(
                f"The {describe_url(self._engine.url)} has no tables of the gateway; run `gateway db upgrade` once."
            )
        if revision != head_revision():
            _log.warning("the database is not of this version: run `gateway db upgrade`")

    def start(self) -> None:
        """Begins to feed the database, and to prune it."""
        self._writer.start()
        self._prunes.start()

    def rebuild_until_done(self, counters: CounterStore, budgets: Callable[[], Sequence[CompiledBudget]]) -> None:
        """Rebuilds in the background, again and again until the database has answered."""

        async def attempts() -> None:
            pause_s = 0.5
            while True:
                try:
                    await self.rebuild(counters, budgets())
                except (StorageError, CountersLost) as problem:
                    _log.warning("the budgets' counters are not rebuilt yet: %s", problem)
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                else:
                    return

        if self._rebuilding is not None:
            self._rebuilding.cancel()
        self._rebuilding = asyncio.get_running_loop().create_task(attempts())

    async def rebuild(self, counters: CounterStore, budgets: Sequence[CompiledBudget]) -> None:
        """Brings counters up to what the ledger knows, own and adopted spools included.

        Raises `StorageError` when the database does not answer, `CountersLost` when the counters do not.
        """
        await counters.restore(await self.known(counters, budgets))

    async def known(self, counters: CounterStore, budgets: Sequence[CompiledBudget]) -> LedgerState:
        """What the ledger knows of budgets, once everything that ended before is in it.

        Raises `StorageError` when the database does not answer.
        """
        settled = counters.settled_until()
        if not await self._writer.catch_up(_CATCH_UP_S):
            raise StorageError(self.fault or "entries wait to be written to the ledger")
        return await asyncio.to_thread(self._read, budgets, {} if settled is None else parsed(settled))

    def watch(self, look: Callable[[Mapping[str, int]], Awaitable[None]]) -> None:
        """Tells shared counters every minute what the ledger has of processes, of which some may be gone.

        After the first time only of those that it has something new of: so many as serve, however many have ended.
        """

        async def looks() -> None:
            since = 0
            while True:
                await asyncio.sleep(_LOOK_EVERY_S * random.uniform(0.5, 1.5))  # noqa: S311 - spreads processes
                with suppress(StorageError, CountersLost):
                    at = clock.microseconds()
                    await look(await asyncio.to_thread(self._settled_by_all, since))
                    since = at - _LATE_US

        self._watching = asyncio.get_running_loop().create_task(looks())

    async def habits(self, budgets: Sequence[CompiledBudget]) -> Habits:
        """What is usual by what the ledger knows, for budgets that learn; nothing while the database is away."""
        if all(budget.margin is None for budget in budgets):
            return Habits()
        try:
            return await asyncio.to_thread(self._read_habits)
        except SQLAlchemyError as problem:
            _log.warning("what answers usually cost is learned anew: %s", describe_failure(problem, self._engine))
            return Habits()

    async def tell(self, standings: Iterable[Standing]) -> None:
        """Tells the database what this process holds at present, for reports; what fails is told the next time.

        What is held of margins is told of no budget: nothing is ever spent of it.
        """
        told = (one for one in standings if not one.key.startswith(MARGIN))
        states = sorted((one.key, one.held, one.resets_at) for one in told)
        now = clock.now()
        if states == self._told and now - self._told_at < _HEARTBEAT_S:
            return
        try:
            await asyncio.to_thread(self._report, states, int(now * _MICROSECONDS))
        except SQLAlchemyError as problem:
            _log.debug("what requests hold is not told: %s", describe_failure(problem, self._engine))
            return
        self._told, self._told_at = states, now
        self._writer.hear()

    async def close(self) -> None:
        """Writes what it can within seconds; the rest waits on the disk for the next start."""
        for task in (self._rebuilding, self._watching):
            if task is not None:
                task.cancel()
        await self._prunes.close()
        self.objects.close()
        if not await self._writer.close(_FAREWELL_S):
            _log.warning("%d ledger entries wait in the spool for the next start", self.spool.depth)
        with suppress(SQLAlchemyError):  # a database that is away takes this process for a silent one, then forgets it
            await asyncio.to_thread(self._leave)
        self.spool.close()
        self._engine.dispose()

    def _report(self, states: list[tuple[str, int, int | None]], at: int) -> None:
        rows = [
            CounterState(key, 0, held, None if resets_at is None else resets_at * _MICROSECONDS)
            for key, held, resets_at in states
        ]
        with writing(self._engine, lock_wait_s=_SHORT_WAIT_S) as connection:
            report(connection, self._node, rows, at)

    def _leave(self) -> None:
        with writing(self._engine, lock_wait_s=_SHORT_WAIT_S) as connection:
            leave(connection, self._node)

    def _read_habits(self) -> Habits:
        with self._engine.connect() as connection:
            return habits_at(connection, int(clock.now() * _MICROSECONDS))

    def _read(self, budgets: Sequence[CompiledBudget], own: Mapping[str, int]) -> LedgerState:
        """What the ledger knows; `own` is up to where this process has settled what is surely in it."""
        now = clock.now()
        try:
            if own:
                # Also what had no entry, and what was forgotten while nothing was written.
                with writing(self._engine) as connection:
                    raise_settled(connection, own, int(now * _MICROSECONDS))
            return ledger_state(self._engine, budgets, now)
        except SQLAlchemyError as problem:
            raise StorageError(describe_failure(problem, self._engine)) from None

    def _settled_by_all(self, since: int) -> dict[str, int]:
        try:
            with writing(self._engine, lock_wait_s=_SHORT_WAIT_S) as connection:
                forget_settled(connection, clock.microseconds())
                return all_settled(connection, since)
        except SQLAlchemyError as problem:
            raise StorageError(describe_failure(problem, self._engine)) from None


def engine_of(settings: Settings) -> Engine:
    """The engine of the ledger's database. Raises `StorageError`."""
    url = settings.database_url
    return open_engine(default_database_url(Path(settings.data_dir)) if url is None else url.get_secret_value())
