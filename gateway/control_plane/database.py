"""The database, asked from threads: a slow query never holds up the event loop."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, exc

from gateway.control_plane.errors import ApiError
from gateway.storage.engine import BUSY_TIMEOUT_S, blames_a_value, describe_failure, is_unavailable, reading, writing
from gateway.storage.patience import Patience, TooSlowError, at_most

_THREADS: Final = 4
"""Fewer than the connections of an engine's pool, so that no thread ever waits for one."""

_log = logging.getLogger(__name__)
Answer = TypeVar("Answer")


class Watch(Protocol):
    """Who is told how the database does."""

    def database(self, *, answers: bool) -> None:
        """Whether it answers."""

    def database_failed(self, reason: str) -> None:
        """A question was not answered: `unavailable`, `locked` or `too_slow`."""


class Database:
    """Runs functions of a connection in a few threads of its own. What they raise reaches the caller."""

    def __init__(self, engine: Engine, watch: Watch | None = None) -> None:
        self._engine = engine
        self._watch = watch
        self._answers = True
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="database")

    async def read(self, question: Callable[[Connection], Answer], *, patience: Patience | None = None) -> Answer:
        """What a function finds out while somebody waits; all that it asks is answered of one moment.

        Raises `ApiError` (`database_unavailable`, `too_slow`; `bad_request` for what no database can hold).
        """
        return await self._run(lambda: self._read(question, patience))

    async def write(self, change: Callable[[Connection], Answer], *, lock_wait_s: float = BUSY_TIMEOUT_S) -> Answer:
        """What a function returns, in one transaction that is committed durably. Raises as `read`.

        `lock_wait_s` is how long SQLite waits for another writer.
        """
        return await self._run(lambda: self._write(change, lock_wait_s))

    async def inspect(self, question: Callable[[Engine], Answer]) -> Answer:
        """What a function finds out that opens its connections itself."""
        return await self._run(lambda: question(self._engine))

    def close(self) -> None:
        """Waits for questions under way and closes all connections."""
        self._threads.shutdown(cancel_futures=True)
        self._engine.dispose()

    async def _run(self, job: Callable[[], Answer]) -> Answer:
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, job)
        except TooSlowError:
            self._tell_failed("too_slow")
            message = "This takes too long to find out; ask for a shorter period (`from`, `to`) or more of a filter."
            raise ApiError("too_slow", message) from None
        except exc.DataError as error:
            if not blames_a_value(error):
                raise
            _log.warning("%s", describe_failure(error, self._engine))
            raise ApiError(
                "bad_request", "Something that was sent is no text or number that the database has."
            ) from None
        except exc.SQLAlchemyError as error:
            if not is_unavailable(error):
                raise
            if isinstance(error, exc.OperationalError) and "database is locked" in str(error.orig):
                self._tell_failed("locked")
                raise ApiError("locked", "Somebody else writes at this moment; try again.") from None
            self._lost(describe_failure(error, self._engine))
            raise ApiError("database_unavailable", "The database does not answer; try again later.") from None
        self._found()
        return found

    def _lost(self, why: str) -> None:
        """Tells once that the database is away, however often it is asked meanwhile."""
        self._tell_failed("unavailable")
        if self._answers:
            self._answers = False
            _log.warning("%s", why)
            if self._watch is not None:
                self._watch.database(answers=False)

    def _found(self) -> None:
        if not self._answers:
            self._answers = True
            _log.info("the database answers again")
            if self._watch is not None:
                self._watch.database(answers=True)

    def _tell_failed(self, reason: str) -> None:
        if self._watch is not None:
            self._watch.database_failed(reason)

    def _read(self, question: Callable[[Connection], Answer], patience: Patience | None) -> Answer:
        with reading(self._engine) as connection:
            if patience is None:
                return question(connection)
            with at_most(connection, patience):
                return question(connection)

    def _write(self, change: Callable[[Connection], Answer], lock_wait_s: float) -> Answer:
        with writing(self._engine, lock_wait_s=lock_wait_s) as connection:
            return change(connection)
