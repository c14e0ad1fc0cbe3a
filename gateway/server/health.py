"""Liveness, readiness with reasons, start-up."""

from collections.abc import Callable
from typing import Any, Protocol

import falcon.asgi
import msgspec

from gateway import clock, ids
from gateway.counters.hold import CounterStore
from gateway.ledger.spool import Spool
from gateway.server.drain import Drain
from gateway.server.response_headers import of_every_response
from gateway.snapshot.holder import Holder
from gateway.snapshot.snapshot import Snapshot


class Healthz:
    """The process runs its event loop."""

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Always 200."""
        _answer(response, {"status": "ok"})

    on_head = on_get


class Startupz:
    """The first snapshot serves."""

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """200 from the moment that requests can be served; before it nothing listens."""
        _answer(response, {"status": "started"})

    on_head = on_get


class Books(Protocol):
    """What readiness tells of the ledger."""

    @property
    def spool(self) -> Spool:
        """The entries that wait for the database."""

    @property
    def fault(self) -> str | None:
        """Why they wait; `None` while the database takes them."""

    @property
    def oldest_s(self) -> float:
        """For how long the oldest of them waits."""


Standing = Callable[[], dict[str, Any] | None]
"""What is to be told of the control plane; `None` where there is none."""


class Readyz:
    """Whether to send traffic here, and why not."""

    def __init__(
        self,
        holder: Holder[Snapshot],
        drain: Drain,
        counters: CounterStore,
        books: Books,
        control_plane: Standing,
    ) -> None:
        self._holder = holder
        self._drain = drain
        self._counters = counters
        self._books = books
        self._control_plane = control_plane

    async def on_get(self, _request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """200, or 503 while draining and while every request is refused since the ledger's spool is full.

        What else is wrong is told and does not take the node away: with a refused configuration the last good one
        serves, and what the counters lack, other nodes lack too.
        """
        snapshot, rejection = self._holder.current, self._holder.rejection
        status = "draining" if self._drain.began else "refusing" if self._books.spool.refuses else "ready"
        if status != "ready":
            response.status = 503
        body: dict[str, Any] = {
            "status": status,
            "config": "current" if rejection is None else "stale",
            "revision": snapshot.revision_label,
            "digest": snapshot.revision.digest,
            "commit": snapshot.revision.commit,
            "loaded_at": clock.iso(self._holder.installed_at),
            "counters": {"state": self._counters.state, "fault": self._counters.fault},
            "ledger": self._ledger(),
        }
        if (standing := self._control_plane()) is not None:
            body["control_plane"] = standing
        if rejection is not None:
            body["rejected_at"] = clock.iso(rejection.at)
            body["diagnostics"] = [str(diagnostic) for diagnostic in rejection.diagnostics]
        _answer(response, body)

    on_head = on_get

    def _ledger(self) -> dict[str, Any]:
        spool = self._books.spool
        return {
            "fault": self._books.fault,
            "waiting_entries": spool.depth,
            "waiting_s": round(self._books.oldest_s, 1),
            "refuses": spool.refuses,
            "lost_entries": spool.dropped,
            "set_aside_entries": spool.backlog.set_aside_count,
        }


def _answer(response: falcon.asgi.Response, body: dict[str, Any]) -> None:
    response.data = msgspec.json.encode(body)
    response.content_type = "application/json"
    response.set_headers({**of_every_response(ids.request_id()), "cache-control": "no-store"})
