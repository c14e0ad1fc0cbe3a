"""Going away without dropping anybody: fail readiness first, let requests finish, cancel what is left."""

import asyncio
from collections.abc import Callable


class Drain:
    """The requests under way in one worker, each by the call that cancels it, and whether the worker is to stop."""

    def __init__(self) -> None:
        self._cancels: set[Callable[[], None]] = set()
        self.began = False

    def enter(self, cancel: Callable[[], None]) -> None:
        """A request has begun."""
        self._cancels.add(cancel)

    def leave(self, cancel: Callable[[], None]) -> None:
        """That request is over; idempotent."""
        self._cancels.discard(cancel)

    def begin(self, cancel_after_s: float) -> None:
        """Readiness fails from now on; requests still under way after `cancel_after_s` seconds are cancelled."""
        if not self.began:
            self.began = True
            asyncio.get_running_loop().call_later(cancel_after_s, self.cancel_all)

    def cancel_all(self) -> None:
        """Ends every request, so that each is settled and recorded before the process goes."""
        for cancel in tuple(self._cancels):
            cancel()
