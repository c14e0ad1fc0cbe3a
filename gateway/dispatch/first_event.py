"""Looking at the beginning of an answer before it is committed to, so that a hidden failure can still fall back."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.upstream.failure import FailureKind, UpstreamFailure
from gateway.upstream.request import Headers, UpstreamResponse
from gateway.wire.sse_events import events_in
from gateway.wire.unreadable import UNREADABLE

_LARGEST_LOOK = 256 * 1024


class Seen:
    """A response of which the beginning was read already, and comes first again."""

    def __init__(self, response: UpstreamResponse, pieces: list[bytes], *, ended: bool) -> None:
        self._response = response
        self._pieces = pieces
        self._next = 0
        self._ended = ended
        self.status = response.status
        self.headers: Headers = response.headers

    @property
    def events(self) -> Iterator[tuple[str, bytes]]:
        """Name and data of each whole event in what was read."""
        return events_in(b"".join(self._pieces), whole=False)

    async def read_chunk(self) -> bytes | None:
        """See `UpstreamResponse`."""
        if self._next < len(self._pieces):
            self._next += 1
            return self._pieces[self._next - 1]
        return None if self._ended else await self._response.read_chunk()

    async def read_all(self) -> bytes:
        """See `UpstreamResponse`."""
        seen = b"".join(self._pieces[self._next :])
        self._next = len(self._pieces)
        return seen if self._ended else seen + await self._response.read_all()

    async def close(self) -> None:
        """See `UpstreamResponse`."""
        await self._response.close()


async def look_at_whole(response: UpstreamResponse, *, is_json: bool) -> Seen:
    """Reads a body whose length the head bounds to its end. Raises `UpstreamFailure`, for JSON that is none too."""
    body = await response.read_all()
    if is_json:
        try:
            _decode_object(body)
        except UNREADABLE:
            raise UpstreamFailure(FailureKind.PROTOCOL, "it says that its answer is JSON, and it is not") from None
    return Seen(response, [body], ended=True)


async def look_at_first_event(response: UpstreamResponse) -> tuple[Seen, bool]:
    """Reads a stream up to its first event; says whether that is an error. Raises `UpstreamFailure`.

    A stream that ends before any event is an error too: a provider that has something to say says it in an event.
    """
    pieces: list[bytes] = []
    gathered = b""
    while len(gathered) < _LARGEST_LOOK:
        piece = await response.read_chunk()
        if piece is None:
            return Seen(response, pieces, ended=True), _first_error(gathered, ended=True) is not False
        pieces.append(piece)
        gathered += piece
        verdict = _first_error(gathered, ended=False)
        if verdict is not None:
            return Seen(response, pieces, ended=False), verdict
    return Seen(response, pieces, ended=False), False


def _first_error(stream: bytes, *, ended: bool) -> bool | None:
    """Whether the first event with data is an error; `None` when there is no whole event yet."""
    for name, data in events_in(stream, whole=not ended):
        if data:
            return name == "error" or is_error(data)
    return None


class _Marks(msgspec.Struct):
    type: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Marks).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_error(data: bytes) -> bool:
    """Whether an event's data is an error object: `{"error": {...}}`, or Anthropic's `{"type": "error"}`."""
    if b'"error"' not in data:
        return False
    try:
        marks = _decode(data)
    except UNREADABLE:
        return False
    return marks.type == "error" or isinstance(marks.error, dict | str)
