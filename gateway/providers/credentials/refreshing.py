"""A bearer token that ends: fetched in a thread, refreshed ahead of its end, shared by all who wait for it."""

import asyncio
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
_LONGEST_RETRY_S: Final = 60.0
_LATEST_S: Final = 3600.0


class Token(msgspec.Struct, frozen=True):
    """A token, and when it ends, in seconds since the epoch."""

    text: str
    expires_at: float


class NoToken(Exception):  # noqa: N818 - a finding, not an error of ours
    """Why there is no token, in words that may be shown: they hold no secret and quote nobody."""


class RefreshingSigner:
    """Adds `authorization: Bearer`; see `Signer`.

    A request waits only for the first token, or when the one that is there is past its end, and never longer than for
    the first byte: while a token is valid it serves on, whatever becomes of refreshing it.

    Args:
        fetch: Called in a thread; returns a token, or raises. Of what it raises only the kind is ever told, but for
            `NoToken`, whose words are.
        where: Where tokens come from, for messages.
    """

    def __init__(self, fetch: Callable[[], Token], where: str) -> None:
        self._fetch = fetch
        self._where = where
        self._token: Token | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._failure = ""
        self._failures = 0
        self._rests_until = 0.0
        self._closed = False

    async def sign(self, request: UpstreamRequest) -> None:
        """Sets the header. Raises `UpstreamFailure` of kind CREDENTIAL when there is no valid token."""
        token = self._valid() or await self._awaited(request.first_byte_timeout_s)
        kept = [header for header in request.headers if header[0].lower() != "authorization"]
        request.headers[:] = [*kept, ("authorization", f"Bearer {token.text}")]

    async def close(self) -> None:
        """Ends the refreshing in the background. Requests under way still get what they wait for."""
        self._closed = True
        refreshing, self._refreshing = self._refreshing, None
        if refreshing is not None:
            refreshing.cancel()
            await asyncio.wait((refreshing,))

    def _valid(self) -> Token | None:
        token = self._token
        return None if token is None or token.expires_at <= clock.now() else token

    async def _awaited(self, timeout_s: float) -> Token:
        """The token, once it is there. Asks for none while the last refusal is fresh."""
        if clock.monotonic() >= self._rests_until:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._fetched()
            except TimeoutError:
                message = f"{self._where} gave no token within {timeout_s:g} s"
                raise UpstreamFailure(FailureKind.CREDENTIAL, message) from None
        token = self._valid()
        if token is None:
            raise UpstreamFailure(FailureKind.CREDENTIAL, self._failure)
        return token

    async def _fetched(self) -> None:
        """Waits for the one fetch that is under way; a request that is cancelled does not take it along."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch_once(), name="credentials")
        await asyncio.shield(self._fetching)

    async def _fetch_once(self) -> None:
        try:
            token = await asyncio.to_thread(self._fetch)
        except NoToken as problem:
            self._failed(str(problem))
            return
        except Exception as problem:  # noqa: BLE001 - credential libraries raise what they like
            # Only the kind: a message may quote what an identity provider wrote.
            self._failed(f"{self._where} gave no token ({type(problem).__name__})")
            return
        if token.expires_at <= clock.now():
            self._failed(f"{self._where} gave a token that is past its end; is this machine's clock right?")
            return
        self._token = token
        if self._failures:
            _log.info("%s gives tokens again", self._where)
        self._failures = 0
        if self._refreshing is None and not self._closed:
            self._refreshing = asyncio.create_task(self._keep_fresh(), name="credentials-refresh")

    def _failed(self, message: str) -> None:
        if not self._failures or message != self._failure:
            _log.warning(message)
        self._failure = message
        self._failures += 1
        self._rests_until = clock.monotonic() + _RETRY_S

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(self._pause())
            await self._fetched()

    def _pause(self) -> float:
        """Seconds to the next fetch; spread, so that the nodes of a fleet do not all ask at one moment."""
        spread = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
        if self._failures:
            doubled: float = _RETRY_S * 2 ** min(self._failures - 1, 10)
            return min(_LONGEST_RETRY_S, doubled) * spread
        left = self._token.expires_at - clock.now() if self._token is not None else 0.0
        return min(_LATEST_S, max(_SOONEST_S, left - min(_AHEAD_S, left / 2) * spread))
