"""AWS event streams (`application/vnd.amazon.eventstream`), taken apart as they arrive.

Format: https://smithy.io/2.0/aws/amazon-eventstream.html. A frame is a prelude (total length, length of the headers,
CRC of both), headers, a payload, and a CRC of all that came before. botocore has a decoder too, but botocore is an
optional extra, and a provider that is called with a bearer key needs none of it.
"""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final
from uuid import UUID

import msgspec

from gateway.wire.unreadable import UNREADABLE

HeaderValue = bool | int | bytes | str | UUID
"""What a header holds; a timestamp is its milliseconds since the Unix epoch."""

_PRELUDE: Final = struct.Struct("!III")
_CRC: Final = struct.Struct("!I")
_CRC_OF_LENGTHS: Final = 8
_SMALLEST: Final = _PRELUDE.size + _CRC.size
_LARGEST: Final = 16 * 1024 * 1024
_INTEGERS: Final = {2: struct.Struct("!b"), 3: struct.Struct("!h"), 4: struct.Struct("!i"), 5: struct.Struct("!q")}
_BYTES, _STRING, _TIMESTAMP, _UUID = 6, 7, 8, 9
_LENGTH: Final = struct.Struct("!H")


class EventStreamError(ValueError):
    """The bytes are no event stream: a frame is corrupt, malformed, too large, or was cut off."""


class StreamFailed(Exception):  # noqa: N818 - a failure of the other side, not an error of ours
    """The service ended its stream with an exception; `type` is its name, such as `throttlingException`."""

    def __init__(self, type_: str, message: str) -> None:
        super().__init__(f"{type_}: {message}" if message else type_)
        self.type = type_
        self.message = message


class Message(msgspec.Struct, frozen=True):
    """One frame: its headers by name, and its payload."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


class EventStreamDecoder:
    """Whole messages out of bytes that come in pieces of any size."""

    __slots__ = ("_failure", "_pending")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._failure: EventStreamError | None = None

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that this piece completes.

        Raises `EventStreamError`; where good messages stand before the bad one, they are returned first and the next
        call raises.
        """
        if self._failure is not None:
            raise self._failure
        self._pending += chunk
        messages: list[Message] = []
        try:
            messages.extend(self._complete())
        except EventStreamError as failure:
            self._failure = failure
            if not messages:
                raise
        return messages

    def end(self) -> None:
        """The stream is over. Raises `EventStreamError` when it broke off within a frame, or was found to be bad."""
        if self._failure is not None:
            raise self._failure
        if self._pending:
            raise EventStreamError(f"the stream ended {len(self._pending)} bytes into a frame")

    def _complete(self) -> Iterator[Message]:
        while len(self._pending) >= _PRELUDE.size:
            total, of_headers, crc = _PRELUDE.unpack_from(self._pending)
            if zlib.crc32(self._pending[:_CRC_OF_LENGTHS]) != crc:
                raise EventStreamError("the checksum of a frame's prelude is wrong")
            if total > _LARGEST:
                raise EventStreamError(f"a frame of {total} bytes is larger than {_LARGEST}")
            if total < _SMALLEST + of_headers:
                raise EventStreamError("a frame's lengths contradict each other")
            if len(self._pending) < total:
                return
            frame = bytes(self._pending[:total])
            del self._pending[:total]
            yield _message(frame, _PRELUDE.size + of_headers)


def event_of(message: Message) -> tuple[str, bytes]:
    """The name of the event that a message carries, and its payload. Raises `StreamFailed` for an exception.

    See "Message types" in https://smithy.io/2.0/aws/amazon-eventstream.html for the headers that tell them apart.
    """
    kind = message.headers.get(":message-type")
    if kind == "event":
        return _text(message, ":event-type"), message.payload
    if kind == "exception":
        raise StreamFailed(_text(message, ":exception-type"), _said(message.payload))
    if kind == "error":
        raise StreamFailed(_text(message, ":error-code"), _text(message, ":error-message"))
    raise EventStreamError("a message is neither event nor exception")


def _message(frame: bytes, end_of_headers: int) -> Message:
    if zlib.crc32(frame[: -_CRC.size]) != _CRC.unpack_from(frame, len(frame) - _CRC.size)[0]:
        raise EventStreamError("the checksum of a frame is wrong")
    return Message(_headers(frame[_PRELUDE.size : end_of_headers]), frame[end_of_headers : -_CRC.size])


def _headers(data: bytes) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    position = 0
    try:
        while position < len(data):
            end_of_name = position + 1 + data[position]
            name = data[position + 1 : end_of_name].decode()
            value, position = _value(data, data[end_of_name], end_of_name + 1)
            if not name or name in headers:
                raise EventStreamError("a header has no name, or the name of another")
            headers[name] = value
    except (IndexError, struct.error, UnicodeDecodeError):
        raise EventStreamError("a frame's headers cannot be read") from None
    return headers


def _value(data: bytes, kind: int, position: int) -> tuple[HeaderValue, int]:
    """The value that begins at a position, and where it ends."""
    if kind in (0, 1):
        return kind == 0, position
    if kind in _INTEGERS or kind == _TIMESTAMP:
        integer = _INTEGERS.get(kind, _INTEGERS[5])
        return int(integer.unpack_from(data, position)[0]), position + integer.size
    if kind == _UUID:
        return _piece(data, position, 16, lambda piece: UUID(bytes=piece))
    if kind in (_BYTES, _STRING):
        length = _LENGTH.unpack_from(data, position)[0]
        return _piece(data, position + _LENGTH.size, length, bytes.decode if kind == _STRING else bytes)
    raise EventStreamError(f"a header has the unknown type {kind}")


def _piece(data: bytes, start: int, length: int, read: Callable[[bytes], HeaderValue]) -> tuple[HeaderValue, int]:
    piece = data[start : start + length]
    if len(piece) < length:
        raise IndexError
    return read(piece), start + length


def _text(message: Message, name: str) -> str:
    value = message.headers.get(name)
    if not isinstance(value, str):
        raise EventStreamError(f"a message has no header {name}")
    return value


class _Exception(msgspec.Struct):
    message: str = ""


def _said(payload: bytes) -> str:
    try:
        return msgspec.json.decode(payload, type=_Exception).message
    except UNREADABLE:
        return ""


def encoded(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A frame with headers that are all text."""
    block = b"".join(
        bytes([len(name)]) + name.encode() + bytes([_STRING]) + _LENGTH.pack(len(value)) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack("!II", _SMALLEST + len(block) + len(payload), len(block))
    frame = lengths + _CRC.pack(zlib.crc32(lengths)) + block + payload
    return frame + _CRC.pack(zlib.crc32(frame))
