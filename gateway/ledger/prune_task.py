"""Prunes by itself, in every process that has the setting; the lease in the database lets one do it at a time."""

import asyncio
import logging
import random
from contextlib import suppress
from typing import Final

from sqlalchemy import Engine

from gateway import clock
from gateway.ledger.period import moment_text
from gateway.ledger.prune import HeldError, PruneError, prune
from gateway.ledger.retention import kept_since
from gateway.storage.engine import StorageError, describe_failure

_log = logging.getLogger(__name__)

_FIRST_S: Final = (1.0, 5.0)
_EVERY_S: Final = (3_000.0, 4_200.0)
"""About an hour, so that a month that is over goes in its first hours, and processes do not come together."""
_FAREWELL_S: Final = 2.0


class PruneTask:
    """Looks once a while whether there is something to prune. `start` inside the event loop, `close` before it ends.

    Args:
        engine: Of the ledger's database.
        months: How many months are kept; `None`: all, and nothing is ever done.
    """

    def __init__(self, engine: Engine, months: int | None) -> None:
        self._engine = engine
        self._months = months
        self._ends = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._told: str | None = None

    def start(self) -> None:
        """Begins to look."""
        if self._months is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(self._months))

    async def close(self) -> None:
        """Ends. A transaction that is under way ends first, unless it takes longer than seconds: it is left alone then.

        What it does is whole or undone, and the next process goes on from there.
        """
        self._ends.set()
        if self._task is not None:
            _, left = await asyncio.wait([self._task], timeout=_FAREWELL_S)
            for task in left:
                task.cancel()

    async def _run(self, months: int) -> None:
        pause_s = random.uniform(*_FIRST_S)  # noqa: S311 - spreads processes, hides nothing
        while not await self._is_over(pause_s):
            await asyncio.to_thread(self._prune, kept_since(clock.microseconds(), months))
            pause_s = random.uniform(*_EVERY_S)  # noqa: S311 - see above

    async def _is_over(self, pause_s: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ends.wait(), pause_s)
        return self._ends.is_set()

    def _prune(self, since: int) -> None:
        problem: str | None = None
        try:
            rows = prune(self._engine, since, go_on=lambda: not self._ends.is_set())
        except HeldError:
            return
        except (PruneError, StorageError) as refused:
            problem = str(refused)
        except Exception as failure:  # noqa: BLE001 - whatever pruning runs into, it is tried again
            problem = describe_failure(failure, self._engine)
        else:
            if rows:
                _log.info("requests before %s are pruned from the ledger: %d", moment_text(since), rows)
        if problem is not None and problem != self._told:
            _log.error("the ledger is not pruned: %s", problem)
        self._told = problem
