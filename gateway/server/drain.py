"""Going away without dropping anybody: fail readiness first, let requests finish, cancel what is left."""

import asyncio
from typing import Protocol

_LOOK_S = 0.02


class UnderWay(Protocol):
    """A request that has begun."""

    def shut_down(self) -> None:
        """Ends it, since the worker goes."""


class Drain:
    """The requests under way in one worker, and whether the worker is to stop."""

    def __init__(self) -> None:
        self._requests: set[UnderWay] = set()
        self.began = False

    def enter(self, request: UnderWay) -> None:
        """A request has begun."""
        self._requests.add(request)

    def leave(self, request: UnderWay) -> None:
        """That request is over; idempotent."""
        self._requests.discard(request)

    def begin(self, cancel_after_s: float) -> None:
        """Readiness fails from now on; requests still under way after `cancel_after_s` seconds are cancelled."""
        if not self.began:
            self.began = True
            asyncio.get_running_loop().call_later(cancel_after_s, self.cancel_all)

    async def finish(self) -> None:
        """Ends what the server no longer knows of, requests whose client left, and waits until each is settled."""
        self.cancel_all()
        while self._requests:  # noqa: ASYNC110 - PERF: no request pays for telling
            await asyncio.sleep(_LOOK_S)

    def cancel_all(self) -> None:
        """Ends every request, so that each is settled and recorded before the process goes."""
        for request in tuple(self._requests):
            request.shut_down()
