"""Keeps a gateway at the revision of its control plane.

1. start from the control plane, or, while it is away, from the last copy on disk
2. wait for news; bring the resources forward
3. compile them beside the running snapshot, in a thread; swap, or keep the old one and say why: the states of keys are
   those of the new one nevertheless, and what only confined owners are at fault with holds up these owners alone
4. keep what serves on disk, and report it
"""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from gateway import clock
from gateway.config.documents import NodeReport
from gateway.snapshot.following.apart import apart
from gateway.snapshot.following.client import Client, UnreachableError
from gateway.snapshot.following.key_states import over
from gateway.snapshot.following.last_copy import LastCopy
from gateway.snapshot.following.state import NOTHING, Followed
from gateway.snapshot.holder import Holder, Rejection
from gateway.snapshot.reload import Outcome, short_turns
from gateway.snapshot.snapshot import Snapshot
from gateway.version import __version__

_RETRY_FIRST_S: Final = 0.5
_RETRY_MOST_S: Final = 10.0
_REPORT_EVERY_S: Final = 15.0
_MICROSECONDS: Final = 1_000_000

_log = logging.getLogger(__name__)


class Follower:
    """Follows. `first` before anything serves, `start` in the event loop, `close` before it ends."""

    def __init__(
        self,
        *,
        node: str,
        client: Client,
        last_copy: LastCopy,
        compile_: Callable[[Followed], Snapshot | Rejection],
        on_outcome: Callable[[Outcome, str], None],
        open_circuits: Callable[[], list[str]],
    ) -> None:
        self._node = node
        self._client = client
        self._last_copy = last_copy
        self._compile = compile_
        self._on_outcome = on_outcome
        self._open_circuits = open_circuits
        self._followed = NOTHING
        self._served = NOTHING
        self._keys_revision = 0
        self._lag_ms: int | None = None
        self._rejected: int | None = None
        self._rejection: Rejection | None = None
        self._report_wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.fault: str | None = None
        self.last_contact: float | None = None

    @property
    def revision(self) -> int:
        """The control plane's revision that serves."""
        return self._served.revision

    @property
    def keys_revision(self) -> int:
        """The revision whose states of keys are in force: a newer one, where that cannot be served."""
        return self._keys_revision

    @property
    def rejected_revision(self) -> int | None:
        """The newest revision, where it cannot be served."""
        return self._rejected

    @property
    def lag_s(self) -> float | None:
        """How long after it was applied the newest revision came into force here."""
        return None if self._lag_ms is None else self._lag_ms / 1000

    async def first(self) -> Snapshot | Rejection:
        """What to begin with: the control plane's, else the last copy's. Raises `UnreachableError` without either."""
        kept = self._last_copy.read()
        try:
            news = await self._client.changes(NOTHING, wait=False)
        except UnreachableError as error:
            if kept is None:
                raise
            self.fault = str(error)
            _log.warning("%s; serving the last copy, revision %d", error, kept.revision)
            return self._took(kept, await asyncio.to_thread(self._compile, kept))
        self._heard()
        followed = NOTHING.brought_forward(news) if news is not None else NOTHING
        compiled = await asyncio.to_thread(self._compile, followed)
        if isinstance(compiled, Rejection) and kept is not None:
            self._rejected, self._rejection = followed.revision, compiled
            first = self._took(kept, await asyncio.to_thread(self._compile, kept))
            self._followed = followed
            with_states = await self._with_what_can_be(followed, compiled)
            await asyncio.to_thread(self._last_copy.write, self._served)
            return with_states or first
        if not isinstance(compiled, Rejection):
            await asyncio.to_thread(self._last_copy.write, followed)
        return self._took(followed, compiled)

    def start(self, holder: Holder[Snapshot]) -> None:
        """Begins to follow."""
        self._holder = holder
        if self._rejection is not None:
            holder.keep(self._rejection)
            self._tell_rejected(f"revision {self._rejected}; the last copy, revision {self.revision}, serves")
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._follow()), loop.create_task(self._report())]

    async def close(self) -> None:
        """Stops; leaves no task and no connection."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self._client.close()

    def _took(self, followed: Followed, compiled: Snapshot | Rejection) -> Snapshot | Rejection:
        self._followed = followed
        if not isinstance(compiled, Rejection):
            self._served, self._keys_revision = followed, followed.revision
        return compiled

    def _heard(self) -> None:
        if self.fault is not None:
            _log.info("the control plane answers again")
        self.fault = None
        self.last_contact = clock.now()

    async def _follow(self) -> None:
        patience = _RETRY_FIRST_S
        while True:
            try:
                news = await self._client.changes(self._followed, wait=True)
                self._heard()
                patience = _RETRY_FIRST_S
                if news is not None:
                    await self._take(self._followed.brought_forward(news))
            except UnreachableError as error:
                if self.fault is None:
                    _log.warning("%s; serving revision %d on", error, self.revision)
                self.fault = str(error)
                # Spread out, so that many gateways do not come back in one moment.
                await asyncio.sleep(patience * random.uniform(0.5, 1))  # noqa: S311 - nothing secret
                patience = min(patience * 2, _RETRY_MOST_S)
            except Exception as error:  # noqa: BLE001 - whatever news run into, the old snapshot serves on
                _log.exception("news of the control plane could not be taken")
                self._on_outcome("failed", f"{type(error).__name__}, see the log")
                await asyncio.sleep(_RETRY_MOST_S)

    async def _take(self, followed: Followed) -> None:
        self._followed = followed
        with short_turns():
            compiled = await asyncio.to_thread(self._compile, followed)
        if isinstance(compiled, Rejection):
            self._rejected = followed.revision
            if (with_states := await self._with_what_can_be(followed, compiled)) is not None:
                self._holder.install(with_states)
            self._holder.keep(compiled)
            serves = f"revision {self.revision} serves on, with the states of keys of {self._keys_revision}"
            if self.revision == followed.revision:
                serves = "it serves but for what the owners at fault have, which stays as it was"
            self._tell_rejected(f"revision {followed.revision}; {serves}")
            if with_states is not None:
                await asyncio.to_thread(self._last_copy.write, self._served)
        else:
            self._holder.install(compiled)
            self._served, self._keys_revision, self._rejected = followed, followed.revision, None
            self._lag_ms = max(0, int(clock.now() * 1000) - followed.changed_at // 1000)
            self._on_outcome("swapped", f"revision {compiled.revision_label} serves")
            await asyncio.to_thread(self._last_copy.write, followed)
        self._report_wanted.set()

    def _tell_rejected(self, what: str) -> None:
        rejection = self._holder.rejection
        because = () if rejection is None else rejection.diagnostics
        self._on_outcome("rejected", "\n".join((what, *map(str, because))))

    async def _with_what_can_be(self, newest: Followed, rejection: Rejection) -> Snapshot | None:
        """What can be served of a revision that cannot be as a whole; `None`: what serves stays as it is.

        That is all but what confined owners are at fault with, else what serves with the states that keys have there.
        """
        candidates = [*apart(self._served, newest, rejection), *over(self._served, newest)]
        for candidate in candidates:
            with short_turns():
                compiled = await asyncio.to_thread(self._compile, candidate)
            if not isinstance(compiled, Rejection):
                self._served, self._keys_revision = candidate, newest.revision
                return compiled
        if not candidates and self._served.lineage == newest.lineage:
            self._keys_revision = newest.revision
        return None

    async def _report(self) -> None:
        while True:
            with suppress(UnreachableError):
                await self._client.report(self._said())
            self._report_wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(_REPORT_EVERY_S):
                    await self._report_wanted.wait()

    def _said(self) -> NodeReport:
        rejection = self._holder.rejection
        because = None if rejection is None else "\n".join(map(str, rejection.diagnostics))
        return NodeReport(
            node=self._node,
            version=__version__,
            serving_revision=self.revision,
            serving_since=int(self._holder.installed_at * _MICROSECONDS),
            lag_ms=self._lag_ms,
            rejected_revision=self._rejected,
            rejected_because=because,
            keys_revision=self._keys_revision,
            open_circuits=self._open_circuits(),
            key_pepper=self._holder.current.key_pepper,
        )
