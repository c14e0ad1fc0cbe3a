"""What this process knows of the objects that providers keep, and what the database knows of all others.

An id goes to the ledger's spool and from there into the database. Until it is there this process alone knows it, and
another one cannot tell whether an id is unknown or only not written yet: it says so while that may be.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from gateway import clock
from gateway.ledger.stored_entry import IndexLostError, StoredObject
from gateway.ledger.stored_objects import find, may_be_unwritten, page
from gateway.ledger.writer import LedgerWriter

_AWAITED_S: Final = 0.05
_PATIENCE_S: Final = 3.0
_CATCHING_UP_S: Final = 5.0
"""For so long after the database came back others may still have entries on their way."""
_KEPT: Final = 50_000
_THREADS: Final = 2

_Result = TypeVar("_Result")


class ObjectIndex:
    """The objects of every key, by id. `close` before the database's engine goes.

    Args:
        writer: Brings what is new into the database.
        engine: The same database's.
    """

    def __init__(self, writer: LedgerWriter, engine: Engine) -> None:
        self._writer = writer
        self._engine = engine
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="object-index")
        self._known: dict[tuple[str, str], StoredObject] = {}
        self._lost_at = -_CATCHING_UP_S

    def note(self, stored: Sequence[StoredObject]) -> None:
        """Takes objects in and waits for nothing."""
        self._learn(stored)
        self._writer.note(stored)

    async def remember(self, stored: Sequence[StoredObject]) -> None:
        """Takes objects in; they are in the database then, unless that takes longer than anybody should wait."""
        self._learn(stored)
        await self._writer.remember(stored, _AWAITED_S)

    async def find(self, virtual_key: str, ids: Collection[str]) -> dict[str, StoredObject]:
        """Those of some ids that are a key's own. Raises `IndexLostError` where one may be, and nobody can tell."""
        known = {id_: one for id_ in ids if (one := self._known.get((virtual_key, id_))) is not None}
        asked = [id_ for id_ in ids if id_ not in known]
        if asked:
            now = clock.microseconds()

            def look(connection: Connection) -> tuple[dict[str, StoredObject], bool]:
                found = find(connection, virtual_key, asked)
                return found, len(found) < len(asked) and may_be_unwritten(connection, now)

            found, is_unsure = await self._read(look)
            known.update(found)
            if len(found) < len(asked):
                catches_up = clock.monotonic() - self._lost_at < _CATCHING_UP_S
                if is_unsure or catches_up or self._writer.last_error is not None:
                    raise IndexLostError("entries of other nodes may be on their way to the database")
        return {id_: one for id_, one in known.items() if not one.is_gone}

    async def page(
        self, virtual_key: str, kind: str, limit: int, *, behind: StoredObject | None, ascending: bool
    ) -> Sequence[StoredObject]:
        """See `stored_objects.page`. Raises `IndexLostError` while the database is away."""

        def look(connection: Connection) -> Sequence[StoredObject]:
            return page(connection, virtual_key, kind, limit, behind=behind, ascending=ascending)

        return await self._read(look)

    def close(self) -> None:
        """Waits for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _learn(self, stored: Sequence[StoredObject]) -> None:
        known = self._known
        for one in stored:
            known.pop((one.virtual_key, one.id), None)
            known[one.virtual_key, one.id] = one
        while len(known) > _KEPT:
            del known[next(iter(known))]

    async def _read(self, look: Callable[[Connection], _Result]) -> _Result:
        def read() -> _Result:
            with self._engine.connect() as connection:
                return look(connection)

        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, read)
        except (SQLAlchemyError, TimeoutError) as problem:
            self._lost_at = clock.monotonic()
            raise IndexLostError("the database does not answer") from problem
