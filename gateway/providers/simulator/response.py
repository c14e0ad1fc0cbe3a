"""Answers of the simulator: the head that the real APIs send, and a body whole or in pieces."""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers


class SimulatorResponse:
    """An answer whose body comes in pieces, at a pace, and may break off."""

    def __init__(
        self,
        status: int,
        headers: Headers,
        pieces: Iterator[bytes],
        pace_s: float,
        reset_after: int | None = None,
        idle_timeout_s: float = 0,
    ) -> None:
        self.status = status
        self.headers = headers
        self._pieces = pieces
        self._pace_s = pace_s
        self._reset_after = reset_after
        self._idle_timeout_s = idle_timeout_s
        self._sent = 0

    @property
    def was_held_back(self) -> bool:
        """Never: nothing is sent before it is read."""
        return False

    async def read_chunk(self) -> bytes | None:
        """The next piece."""
        if self._reset_after is not None and self._sent >= self._reset_after:
            raise UpstreamFailure(FailureKind.NETWORK, "connection reset")
        if self._pace_s and self._sent:
            await asyncio.sleep(min(self._pace_s, self._idle_timeout_s))
            if self._pace_s > self._idle_timeout_s:
                raise UpstreamFailure(FailureKind.TIMEOUT, f"silent for {self._idle_timeout_s:g} s")
        else:
            # A socket lets others run between two pieces, so this does.
            await asyncio.sleep(0)
        self._sent += 1
        return next(self._pieces, None)

    async def read_all(self) -> bytes:
        """All pieces at once."""
        return b"".join(self._pieces)

    async def close(self) -> None:
        """There is nothing to give back."""


def head(content_type: str) -> Headers:
    """Headers as OpenAI and Anthropic send them, one that names an account among them."""
    return [
        ("content-type", content_type),
        ("x-request-id", "req_simulator"),
        ("request-id", "req_simulator"),
        ("openai-processing-ms", "1"),
        ("openai-organization", "simulator"),
    ]


def whole(data: bytes, content_type: str) -> SimulatorResponse:
    """A body of known length."""
    return SimulatorResponse(200, [*head(content_type), ("content-length", str(len(data)))], iter([data]), 0)


def json_answer(body: dict[str, Any], status: int = 200, extra: Headers | None = None) -> SimulatorResponse:
    """A JSON body."""
    data = msgspec.json.encode(body)
    headers = [*head("application/json"), ("content-length", str(len(data))), *(extra or ())]
    return SimulatorResponse(status, headers, iter([data]), 0)
