"""Looks after what goes on at providers: holds what it may cost, asks how far it is, and charges it when it ends.

One process at a time does so for each of it; the database says who. Whoever starts holds what is left behind before it
serves anybody.
"""

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress
from typing import Final

from gateway import clock
from gateway.counters.hold import CountersLost, Lease
from gateway.errors import GatewayError
from gateway.ledger.open_jobs import JobStore, OpenJob
from gateway.ledger.stored_entry import IndexLostError
from gateway.pipeline.deferred import conclude, hold_for, look
from gateway.pipeline.services import Services
from gateway.shapes.deferred import KINDS
from gateway.snapshot.holder import Holder
from gateway.snapshot.snapshot import Snapshot
from gateway.upstream.failure import UpstreamFailure

_CLAIM_EVERY_S: Final = 8.0
_SOON_AGAIN_S: Final = 0.5
_AT_ONCE: Final = 8
_SOON: Final = 10
"""What is not a batch is asked for so many times as often, at first."""
_GROWS_BY: Final = 1.5

_log = logging.getLogger(__name__)


class _Watched:
    """One job of this process, and when it is asked for next."""

    def __init__(self, job: OpenJob, lease: Lease | None, pause_s: float) -> None:
        self.job = job
        self.lease = lease
        self.pause_s = pause_s
        self.due = clock.monotonic() + pause_s
        self.is_over = False


class JobKeeper:
    """See `gateway.pipeline.services.Jobs`. `start` before requests are served, `close` before the books are.

    Args:
        store: Where all of it stands.
        interval_s: Seconds between two looks at a batch.
    """

    def __init__(self, store: JobStore, interval_s: float) -> None:
        self._store = store
        self._interval_s = interval_s
        self._watched: dict[str, _Watched] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._claim_at = 0.0
        self._ended: set[str] = set()
        self._told: set[str] = set()
        self._of_worker: tuple[Services, Holder[Snapshot]]

    async def open(self, job: OpenJob, lease: Lease | None) -> None:
        """Work is about to begin."""
        try:
            await self._store.add(job)
        except BaseException:
            # It may be written all the same, when nobody waits for it any more.
            watched = self._watched[job.id] = _Watched(job, None, 0)
            watched.is_over = True
            self._wake.set()
            raise
        self._watched[job.id] = _Watched(job, lease, self._first_pause_s(job))

    async def began(self, job: OpenJob, lease: Lease | None = None) -> None:
        """It has begun, and has its id; where the database is away it is written as soon as that is back."""
        watched = self._watched.get(job.id)
        if watched is not None:
            watched.job = job
            watched.lease = watched.lease or lease
            watched.due = clock.monotonic() + watched.pause_s
        with suppress(IndexLostError):
            await self._store.replace(job)
        self._wake.set()

    async def drop(self, job: OpenJob) -> None:
        """It did not begin."""
        watched = self._forget(job)
        if watched is not None and watched.lease is not None:
            watched.lease.cancel()
        try:
            await self._store.remove(job.id)
        except IndexLostError:
            if watched is not None:
                watched.is_over = True
                self._watched[job.id] = watched

    async def seen(self, object_id: str) -> None:
        """Looks at once whether it has ended, before its key takes it away."""
        services, holder = self._of_worker
        for watched in [one for one in self._watched.values() if one.job.object_id == object_id]:
            await self._look_at(watched, services, holder)

    async def start(self, services: Services, holder: Holder[Snapshot]) -> None:
        """Takes over what nobody looks after, and goes on doing so."""
        self._of_worker = services, holder
        is_held = await self._claim(services)
        self._claim_at = clock.monotonic() + (_CLAIM_EVERY_S if is_held else _SOON_AGAIN_S)
        self._task = asyncio.get_running_loop().create_task(self._run(services, holder))

    async def close(self) -> None:
        """Stops: others, or the next start, go on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._store.close()

    async def _run(self, services: Services, holder: Holder[Snapshot]) -> None:
        claim_at = self._claim_at
        while True:
            next_at = min([claim_at, *(one.due for one in self._watched.values())])
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.01, next_at - clock.monotonic()))
            self._wake.clear()
            try:
                if clock.monotonic() >= claim_at:
                    is_held = await self._claim(services)
                    claim_at = clock.monotonic() + (_CLAIM_EVERY_S if is_held else _SOON_AGAIN_S)
                now = clock.monotonic()
                due = [one for one in self._watched.values() if one.due <= now]
                for first in range(0, len(due), _AT_ONCE):
                    await asyncio.gather(
                        *(self._look_at(one, services, holder) for one in due[first : first + _AT_ONCE])
                    )
            except Exception:  # noqa: BLE001 - whatever looking runs into, it has to go on
                _log.exception("what goes on at providers is looked at again")

    async def _claim(self, services: Services) -> bool:
        """Renews what is this process's to look after, and takes over what nobody else does; whether all is held."""
        known = set(self._watched)
        self._ended.clear()
        try:
            jobs, unreadable = await self._store.claim()
        except IndexLostError:
            return True  # what is known here is looked after all the same
        self._tell(unreadable, services)
        for id_ in known - {job.id for job in jobs}:  # somebody else took it over
            watched = self._watched.pop(id_, None)
            if watched is not None and watched.lease is not None:
                watched.lease.cancel()
        for job in jobs:
            if job.id in self._watched or job.id in self._ended:
                continue
            try:
                lease = await hold_for(job, services)
            except CountersLost:
                return False
            if job.id in self._watched or job.id in self._ended:  # its request has come further meanwhile
                if lease is not None:
                    lease.cancel()
                continue
            self._watched[job.id] = _Watched(job, lease, self._first_pause_s(job))
        return True

    def _tell(self, unreadable: Collection[str], services: Services) -> None:
        """Tells of rows that nobody here can read: in the log once, by the metric for as long as they are there."""
        for id_ in sorted(set(unreadable) - self._told):
            _log.error("%s in open_jobs cannot be read by this version: nothing holds for it, nor charges it", id_)
        self._told = set(unreadable)
        services.metrics.open_jobs_unreadable(len(unreadable))

    async def _look_at(self, watched: _Watched, services: Services, holder: Holder[Snapshot]) -> None:
        job = watched.job
        if not watched.is_over:
            outcome = None
            try:
                outcome = await look(job, holder.current, services)
            except (UpstreamFailure, GatewayError, IndexLostError) as problem:
                _log.info("%s cannot be asked for at %s: %s", job.object_id, job.provider, problem)
            except Exception:  # noqa: BLE001 - whatever one answer has in it, the others are looked after
                _log.exception("%s at %s cannot be understood", job.object_id, job.provider)
            if self._watched.get(job.id) is not watched or watched.is_over:
                return  # somebody else took it over meanwhile, or saw its end
            if outcome is None:
                watched.pause_s = min(watched.pause_s * _GROWS_BY, self._interval_s)
                watched.due = clock.monotonic() + watched.pause_s
                return
            # Whatever charging it runs into, it is not tried again at once.
            watched.due = clock.monotonic() + self._interval_s
            conclude(job, outcome, watched.lease, services)
            watched.is_over = True
        watched.due = clock.monotonic() + self._interval_s
        with suppress(IndexLostError):
            await self._store.remove(job.id)
            self._forget(job)

    def _forget(self, job: OpenJob) -> _Watched | None:
        """Lets go of one that is over; a claim that is under way does not bring it back."""
        self._ended.add(job.id)
        return self._watched.pop(job.id, None)

    def _first_pause_s(self, job: OpenJob) -> float:
        return self._interval_s if KINDS[job.kind].is_batch else self._interval_s / _SOON
