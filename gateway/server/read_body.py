"""Reading a request's body: bounded, decompressed, and turned into the facts that the stages judge by."""

import asyncio
from collections.abc import AsyncIterator, Callable

from gateway import clock
from gateway.errors import GatewayError
from gateway.pipeline.states import Received
from gateway.server.client_watch import ClientWatch
from gateway.server.upload_spool import SpooledUpload, UploadSpool
from gateway.settings import Settings
from gateway.shapes.endpoints import BodyForm
from gateway.turns import beside
from gateway.wire.content_encoding import decode
from gateway.wire.json_body import JsonBody, no_body
from gateway.wire.media_type import check_json
from gateway.wire.multipart import MultipartBody
from gateway.wire.request_body import RequestBody
from gateway.wire.spooled_form import SpooledForm

_SMALL = 64 * 1024
"""Bodies up to this size do not queue for memory; the bound on concurrent requests is their bound too."""

_DIGITS_OF_A_LENGTH = 18
_LONG = 1024 * 1024
"""Bytes from which on a body is read in a thread: that takes a millisecond or more."""


class BodyReader:
    """Reads bodies for one worker, and keeps what all of them hold together under a bound."""

    def __init__(self, settings: Settings, spool: UploadSpool) -> None:
        self._limit = settings.max_request_body_bytes
        self._upload_limit = settings.max_upload_bytes
        self._spool = spool
        self._uploads: dict[Received, SpooledUpload] = {}
        bound = max(settings.max_buffered_body_bytes, settings.max_request_body_bytes)
        self._memory = _BodyMemory(bound, settings.body_timeout_s / 2)

    async def read(
        self,
        client: ClientWatch,
        received: Received,
        pieces: Callable[[], AsyncIterator[bytes]],
        on_leave: Callable[[], None],
    ) -> RequestBody:
        """The body of a request; once it is here, `on_leave` hears of a client that goes.

        `pieces` gives a large one as it comes. Raises 400, 408, 413, 415 or 503; a length that is too large is refused
        unread.
        """
        if received.endpoint.method == "GET":
            client.on_leave(on_leave)
            return no_body()
        stated = received.header_map.get(b"content-length")
        length = _length(stated) if stated else None
        if received.endpoint.takes_files and _is_long_form(received, length):
            return await self._read_upload(client, received, pieces(), on_leave, length)
        if length is not None and length > self._limit:
            raise _too_large(self._limit)
        began = clock.monotonic()
        try:
            if length is not None and length <= _SMALL:
                # PERF: a small body mostly comes whole with one event; Falcon's stream is for large ones.
                data = await client.read(length)
            else:
                data = await self._read_large(pieces(), received)
        finally:
            received.trail.reading_s = clock.monotonic() - began
        if length is not None and len(data) < length:
            raise GatewayError("bad_request", f"The body ended after {len(data)} of {length} bytes.")
        client.on_leave(on_leave)
        encoding = received.header_map.get(b"content-encoding")
        if encoding:
            compressed = len(data)
            data = await _decoded(data, encoding.decode("latin-1"), self._limit)
            await self._memory.take(max(0, len(data) - compressed), received)
        written = received.header_map.get(b"content-type", b"")
        _check_one_type(received)
        # PERF: for a short body, which most are, a thread would cost more than it saves.
        is_short = len(data) < _LONG
        if not data and received.endpoint.body is BodyForm.ANY:
            return no_body()
        form_of = received.endpoint.body
        if form_of is not BodyForm.JSON and _is_form(form_of, written):
            fields = received.endpoint.shape.declares.form_fields
            form = (
                MultipartBody(data, written, fields) if is_short else await beside(MultipartBody, data, written, fields)
            )
            _send_as(received, form.content_type)
            return form
        canonical = check_json(written)
        judged = received.endpoint.shape.declares.judged
        body = JsonBody(data, judged) if is_short else await beside(JsonBody, data, judged)
        if canonical is not None:
            _send_as(received, canonical)
        return body

    def release(self, received: Received) -> None:
        """Gives back the memory and the disk that a body held; idempotent."""
        if received in self._memory.held:
            self._memory.release(received)
        if received.endpoint.takes_files and (upload := self._uploads.pop(received, None)) is not None:
            upload.close()

    async def _read_upload(
        self,
        client: ClientWatch,
        received: Received,
        pieces: AsyncIterator[bytes],
        on_leave: Callable[[], None],
        length: int | None,
    ) -> RequestBody:
        """A form with files, of which only the fields are held in memory."""
        most = self._upload_limit
        if length is not None and length > most:
            raise GatewayError("payload_too_large", f"An upload may have {most} bytes.")
        written = received.header_map[b"content-type"]
        _check_one_type(received)
        client.expect(most if length is None else length)
        began = clock.monotonic()
        try:
            upload = await self._spool.take(pieces, most)
        finally:
            received.trail.reading_s = clock.monotonic() - began
        self._uploads[received] = upload
        if not upload.size or (length is not None and upload.size < length):
            raise GatewayError("bad_request", f"The body ended after {upload.size} of {length or 'its'} bytes.")
        client.on_leave(on_leave)
        fields = received.endpoint.shape.declares.form_fields
        form = await beside(SpooledForm, upload.descriptor, upload.size, written, self._limit, fields)
        await self._memory.take(len(form.data), received)
        _send_as(received, form.content_type)
        return form

    async def _read_large(self, stream: AsyncIterator[bytes], received: Received) -> bytes:
        """Memory is taken as the pieces come, so that announcing a large body costs nobody anything."""
        pieces: list[bytes] = []
        size = 0
        async for piece in stream:
            size += len(piece)
            if size > self._limit:
                raise _too_large(self._limit)
            await self._memory.take(len(piece), received)
            pieces.append(piece)
        return b"".join(pieces)


def _is_long_form(received: Received, length: int | None) -> bool:
    """Whether a body is a form that had better not be held in memory; one that is compressed is, and bounded so."""
    fields = received.header_map
    return (
        (length is None or length > _LONG)
        and fields.get(b"content-type", b"")[:10].lower() == b"multipart/"
        and not fields.get(b"content-encoding")
    )


def _check_one_type(received: Received) -> None:
    if len(received.header_map) < len(received.headers) and _lines(received, b"content-type") > 1:
        raise GatewayError("bad_request", "The request has several Content-Type headers; send one.")


def _is_form(body: BodyForm, content_type: bytes) -> bool:
    if body is BodyForm.ANY:
        return content_type[:10].lower() == b"multipart/"
    return body is BodyForm.MULTIPART


async def _decoded(data: bytes, encoding: str, limit: int) -> bytes:
    """See `decode`. What turns out to be long is decoded in a thread."""
    if len(data) < _LONG < limit:
        try:
            return decode(data, encoding, _LONG)
        except GatewayError as error:
            if error.type != "payload_too_large":
                raise
    return await beside(decode, data, encoding, limit)


class _BodyMemory:
    """A bound on the bytes of all large bodies together: whoever comes too late waits its turn, but not for ever.

    Bodies take memory as they come, so all of it may be in halves of which none gets whole. One of those who hold a
    part at a time goes beyond the bound, by what is left of its body, and the next one when that is over.
    """

    def __init__(self, bound: int, patience_s: float) -> None:
        self._free = bound
        self._patience_s = patience_s
        self.held: dict[Received, int] = {}
        self._waiting: list[tuple[int, Received, asyncio.Future[None]]] = []
        self._beyond: Received | None = None

    async def take(self, size: int, received: Received) -> None:
        """Takes more memory for a request; raises `overloaded` when none becomes free in time."""
        while self._free < size and not self._goes_beyond(received):
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((size, received, turn))
            try:
                await asyncio.wait_for(turn, self._patience_s)
            except TimeoutError:
                self._give_up(turn)
                message = "The gateway holds as many request bodies as it may; try again."
                raise GatewayError("overloaded", message, headers={"retry-after": "1"}) from None
            except asyncio.CancelledError:
                self._give_up(turn)
                raise
            self._leave(turn)
        self._free -= size
        self.held[received] = self.held.get(received, 0) + size

    def release(self, received: Received) -> None:
        """Gives back what a request took, and lets those go on for whom it is enough."""
        self._free += self.held.pop(received, 0)
        if received is self._beyond:
            self._beyond = None
        self._let_go_on()

    def _goes_beyond(self, received: Received) -> bool:
        if self._beyond is None and received in self.held:
            self._beyond = received
        return self._beyond is received

    def _give_up(self, turn: asyncio.Future[None]) -> None:
        """Whoever stood behind, or would have been next, may find enough."""
        self._leave(turn)
        self._let_go_on()

    def _leave(self, turn: asyncio.Future[None]) -> None:
        self._waiting = [entry for entry in self._waiting if entry[-1] is not turn]

    def _let_go_on(self) -> None:
        free = self._free
        for size, _, turn in self._waiting:
            if size > free:
                break
            free -= size
            _wake(turn)
        if self._beyond is None:
            _wake(next((turn for _, received, turn in self._waiting if self._goes_beyond(received)), None))


def _wake(turn: asyncio.Future[None] | None) -> None:
    if turn is not None and not turn.done():
        turn.set_result(None)


def _length(stated: bytes) -> int:
    if not stated.isdigit() or len(stated) > _DIGITS_OF_A_LENGTH:
        raise GatewayError("bad_request", "Content-Length is a number of bytes.")
    return int(stated)


def _lines(received: Received, name: bytes) -> int:
    return sum(line[0] == name for line in received.headers)


def _send_as(received: Received, content_type: str) -> None:
    """From here on the body has this media type, in the one spelling that every parser reads alike."""
    others = [header for header in received.headers if header[0] != b"content-type"]
    received.headers = [*others, (b"content-type", content_type.encode())]


def _too_large(limit: int) -> GatewayError:
    return GatewayError("payload_too_large", f"The request body is larger than {limit} bytes.")
