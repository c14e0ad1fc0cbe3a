"""A bearer token that ends: fetched in a thread, refreshed ahead of its end, shared by all who wait for it."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import Final

import msgspec

from gateway import clock
from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import UpstreamRequest

_log = logging.getLogger(__name__)

_AHEAD_S: Final = 300.0
_SOONEST_S: Final = 1.0
_RETRY_S: Final = 5.0
_LATEST_S: Final = 3600.0


class Token(msgspec.Struct, frozen=True):
    """A token, and when it ends, in seconds since the epoch."""

    text: str
    expires_at: float


class RefreshingSigner:
    """Adds `authorization: Bearer`; see `Signer`.

    A request waits only for the first token, or when the one that is there is past its end: while it is valid it serves
    on, whatever becomes of refreshing it.

    Args:
        fetch: Called in a thread; returns a token, or raises. Only the kind of what it raises is ever told.
        where: Where tokens come from, for messages.
    """

    def __init__(self, fetch: Callable[[], Token], where: str) -> None:
        self._fetch = fetch
        self._where = where
        self._token: Token | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._failure = ""
        self._rests_until = 0.0

    async def sign(self, request: UpstreamRequest) -> None:
        """Adds the header. Raises `UpstreamFailure` of kind CREDENTIAL when there is no valid token."""
        token = self._token
        if token is None or token.expires_at <= clock.now():
            if clock.monotonic() >= self._rests_until:
                await self._fetched()
            token = self._token
            if token is None or token.expires_at <= clock.now():
                raise UpstreamFailure(FailureKind.CREDENTIAL, self._failure)
        request.headers.append(("authorization", f"Bearer {token.text}"))

    async def close(self) -> None:
        """Ends the refreshing in the background."""
        tasks = [task for task in (self._refreshing, self._fetching) if task is not None]
        self._refreshing = self._fetching = None
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _fetched(self) -> None:
        """Waits for the one fetch that is under way; a request that is cancelled does not take it along."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_once(), name="credentials")
        await asyncio.shield(self._fetching)

    async def _fetch_once(self) -> None:
        try:
            self._token = await asyncio.to_thread(self._fetch)
        except Exception as problem:  # noqa: BLE001 - credential libraries raise what they like
            # Only the kind: a message may quote what an identity provider wrote.
            self._failure = f"{self._where} gave no token ({type(problem).__name__})"
            self._rests_until = clock.monotonic() + _RETRY_S
            _log.warning(self._failure)
            return
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._keep_fresh(), name="credentials-refresh")

    async def _keep_fresh(self) -> None:
        while True:
            left = self._token.expires_at - clock.now() if self._token is not None else 0.0
            # Spread, so that the nodes of a fleet do not all ask at one moment.
            ahead = min(_AHEAD_S, left / 2) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret
            failed = clock.monotonic() < self._rests_until
            wait = _RETRY_S if failed else min(_LATEST_S, max(_SOONEST_S, left - ahead))
            await asyncio.sleep(wait)
            await self._fetched()
