"""What goes on at providers after its request was answered: batches, and responses in the background.

What such work may cost is held of budgets until it ends, which may take a day. So it stands in the database, and one
process at a time looks after it: whoever has its lease, which others take over where it is not renewed.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Connection, Engine, delete, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.ledger.stored_entry import IndexLostError
from gateway.money.budget import Unit
from gateway.shapes.deferred import KINDS
from gateway.shapes.endpoints import ENDPOINTS
from gateway.storage.engine import writing
from gateway.storage.tables import open_jobs
from gateway.telemetry.decision_record import DecisionRecord
from gateway.wire.unreadable import UNREADABLE

LEASE_US: Final = 30_000_000
"""For so long others leave what a process looks after. It is shorter than a lease of shared counters."""
_PATIENCE_S: Final = 3.0
_Result = TypeVar("_Result")


class Held(msgspec.Struct, frozen=True):
    """What is held of one budget's counter.

    Args:
        counter: The key of the counter.
        amount: How much.
        ceiling: The budget's limit in the counter's window.
        resets_at: When that window is over, in seconds since the epoch.
        blocks: Whether the budget refuses.
        unit: What the counter counts.
    """

    counter: str
    amount: int
    ceiling: int
    resets_at: int | None
    blocks: bool
    unit: Unit = "usd"


class OpenJob(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Work at a provider that its key is still to be charged for.

    Args:
        id: Also the request id of its row in the ledger, so that it is charged once.
        kind: What it is: a name of `gateway.shapes.deferred`.
        virtual_key: The identity of the key.
        provider: The identity of the provider.
        record: What is known of it for the ledger, but for its end.
        holds: What it holds of budgets.
        endpoint: The endpoint of its requests.
        models: What its requests ask for, as the provider calls it.
        object_id: The provider's own id; empty until it has answered.
        input_id: The file that it was made of, if there is one.
        most: Nano-USD that all of its requests may cost; 0 where each budget counts all of them.
        most_tokens: The same of tokens.
        count: How many requests it has; 0: one.
    """

    id: str
    kind: str
    virtual_key: str
    provider: str
    record: DecisionRecord
    holds: tuple[Held, ...] = ()
    endpoint: str
    models: tuple[str, ...] = ()
    object_id: str = ""
    input_id: str = ""
    most: int = 0
    most_tokens: int = 0
    count: int = 0

    @property
    def created_at(self) -> int:
        """When its request came, in microseconds since the epoch."""
        return self.record.occurred_at


class Claimed(NamedTuple):
    """What a process looks after, and the ids of rows that it cannot read, which it leaves to others."""

    jobs: Sequence[OpenJob]
    unreadable: Sequence[str]


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(OpenJob).decode


def add(connection: Connection, job: OpenJob, holder: str, until: int) -> None:
    """Writes one down, in a transaction that may write. Raises `SQLAlchemyError`."""
    connection.execute(insert(open_jobs).values(id=job.id, job=_encode(job).decode(), held_by=holder, held_until=until))


def replace(connection: Connection, job: OpenJob) -> None:
    """Writes what is known of one by now. Raises `SQLAlchemyError`."""
    connection.execute(update(open_jobs).where(open_jobs.c.id == job.id).values(job=_encode(job).decode()))


def remove(connection: Connection, id_: str) -> None:
    """Takes out one that is over. Raises `SQLAlchemyError`."""
    connection.execute(delete(open_jobs).where(open_jobs.c.id == id_))


def claim(connection: Connection, holder: str, now: int, until: int) -> Claimed:
    """Renews the lease of what a process looks after, and takes over what nobody does any more.

    A row that it cannot read, which a newer version may have written, is left as it is, for whoever can.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    table = open_jobs.c
    connection.execute(
        update(open_jobs)
        .where(or_(table.held_by == holder, table.held_until < now))
        .values(held_by=holder, held_until=until)
    )
    rows = connection.execute(select(table.id, table.job).where(table.held_by == holder).order_by(table.id))
    read = [(row.id, _read(row.job)) for row in rows]
    unreadable = [id_ for id_, job in read if job is None]
    for id_ in unreadable:
        connection.execute(update(open_jobs).where(table.id == id_).values(held_by="", held_until=0))
    return Claimed([job for _, job in read if job is not None], unreadable)


def _read(text: str) -> OpenJob | None:
    """One row; `None` where it says what this version does not know."""
    try:
        job = _decode(text)
    except UNREADABLE:
        return None
    return job if job.kind in KINDS and job.endpoint in ENDPOINTS else None


class JobStore:
    """The table as one process sees it. `close` before the database's engine goes.

    Args:
        engine: The ledger's database.
        holder: The name of this process, which nobody else has at the same time.
    """

    def __init__(self, engine: Engine, holder: str) -> None:
        self._engine = engine
        self._holder = holder
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="open-jobs")

    async def add(self, job: OpenJob) -> None:
        """Writes one down, for this process to look after. Raises `IndexLostError`, as all of these do."""
        until = clock.microseconds() + LEASE_US
        await self._write(lambda connection: add(connection, job, self._holder, until))

    async def replace(self, job: OpenJob) -> None:
        """Writes what is known of one by now."""
        await self._write(lambda connection: replace(connection, job))

    async def remove(self, id_: str) -> None:
        """Takes out one that is over."""
        await self._write(lambda connection: remove(connection, id_))

    async def claim(self) -> Claimed:
        """What this process is to look after from now on."""
        now = clock.microseconds()
        return await self._write(lambda connection: claim(connection, self._holder, now, now + LEASE_US))

    def close(self) -> None:
        """Waits for nobody: others take over what is left."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _write(self, work: Callable[[Connection], _Result]) -> _Result:
        def write() -> _Result:
            with writing(self._engine) as connection:
                return work(connection)

        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, write)
        except (SQLAlchemyError, TimeoutError) as problem:
            raise IndexLostError("the database does not answer") from problem
