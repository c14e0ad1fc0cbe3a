"""Spans as the bytes of an OTLP request, in protobuf's wire format.

PERF: building protobuf's messages, as OpenTelemetry's encoder does, takes many times as long. Fields may stand in any
order, so what many spans have in common is encoded once, and joined to it is what each says alone. A test compares the
two.

https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import SpanKind, TraceState

_SMALL: Final = [bytes((number,)) for number in range(128)]
_GOES_ON: Final = [bytes((number | 128,)) for number in range(128)]
"""Bytes of numbers: the last, and those before, of seven bits each."""
_SHORT: Final = 60
_64_BITS: Final = 2**64 - 1
_LONGEST_INT: Final = 2**63
_ATTRIBUTE: Final = b"\x4a"
_STATUSES: Final = (b"\x7a\x00", b"\x7a\x02\x18\x02")
"""Unset, and error."""

_times = struct.Struct("<BQBQ").pack
_time = struct.Struct("<BQ").pack
_double = struct.Struct("<Bd").pack
_real = struct.Struct("<d").pack
_OF_LOCAL: Final = struct.pack("<BBI", 0x85, 0x01, 0x100).hex()
_OF_REMOTE: Final = struct.pack("<BBI", 0x85, 0x01, 0x300).hex()
"""The flags of a span: that it is known where its parent is, and that it is elsewhere."""


def request_of(resource: Resource, scope: str, version: str, spans: Sequence[bytes]) -> bytes:
    """The `ExportTraceServiceRequest` of spans, each behind its `span_head`, all of one resource and one scope."""
    schema = _sized(b"\x1a", _utf8(resource.schema_url)) if resource.schema_url else b""
    serves = schema + _sized(b"\x0a", b"".join(_attributes(resource.attributes)))
    named = _sized(b"\x0a", _sized(b"\x0a", _utf8(scope)) + _sized(b"\x12", _utf8(version)))
    # PERF: lengths stand in front, so that the spans are copied once.
    scoped = serves + b"\x12" + _varint(len(named) + sum(map(len, spans))) + named
    size = len(scoped) + sum(map(len, spans))
    return b"".join((b"\x0a", _varint(size), scoped, *spans))


def span_head(size: int) -> bytes:
    """What stands in front of a span of so many bytes among those of a scope."""
    return b"\x12" + _varint(size)


def span_place(trace_id: str, span_id: str, parent: str | None, state: str, *, is_remote: bool) -> bytes:
    """Where a span stands in its trace; ids are hex digits. Of the parent it may be told that it `is_remote`.

    Raises `ValueError` for what is no id.
    """
    # PERF: hex digits are read once, with all that stands between the ids.
    if parent is None:
        place = bytes.fromhex(f"0a10{trace_id}1208{span_id}{_OF_LOCAL}")
    else:
        flags = _OF_REMOTE if is_remote else _OF_LOCAL
        place = bytes.fromhex(f"0a10{trace_id}1208{span_id}2208{parent}{flags}")
    return place + _sized(b"\x1a", _utf8(state)) if state else place


def span_state(header: str | None) -> str:
    """A `tracestate` as a span has it, without what is malformed in it."""
    if header is None:
        return ""
    return ",".join([f"{key}={value}" for key, value in TraceState.from_header([header]).items()])


def span_times(began: int, ended: int) -> bytes:
    """From when to when a span lasted, nanoseconds since the epoch."""
    return _times(0x39, began, 0x41, ended)


def span_kind(name: str, kind: SpanKind, *, failed: bool) -> bytes:
    """What a span is called, its kind and its status."""
    # OTLP counts the kinds from 1.
    return _sized(b"\x2a", _utf8(name)) + b"\x30" + _SMALL[kind.value + 1] + _STATUSES[failed]


def span_event(name: str, at: int, attributes: Mapping[str, Any]) -> bytes:
    """Something that happened during a span."""
    told = [_sized(b"\x1a", _attribute(key, value)) for key, value in attributes.items()]
    return _sized(b"\x5a", _time(0x09, at) + _sized(b"\x12", _utf8(name)) + b"".join(told))


def span_attributes(attributes: Mapping[str, Any]) -> bytes:
    """Attributes of a span: texts, numbers, truths and sequences of them."""
    return b"".join([_sized(_ATTRIBUTE, _attribute(name, value)) for name, value in attributes.items()])


class TextAttribute:
    """An attribute of spans that is a text, of which each says another one.

    PERF: all that stands in front of the text depends on its length alone.
    """

    __slots__ = ("_before", "_named")

    def __init__(self, name: str) -> None:
        self._named: bytes = _named(name)
        self._before: list[bytes] = [
            _ATTRIBUTE + _varint(len(self._named) + size + 3) + self._named + _SMALL[size + 2] + b"\x0a" + _SMALL[size]
            for size in range(_SHORT)
        ]

    def of(self, text: str) -> bytes:
        """The attribute with a text."""
        encoded = _utf8(text)
        size = len(encoded)
        if size < _SHORT:
            return self._before[size] + encoded
        return _sized(_ATTRIBUTE, self._named + _sized(b"", _sized(b"\x0a", encoded)))


class WholeAttribute:
    """An attribute of spans that is a whole number, of which each says another one.

    PERF: those of one byte are there as a whole.
    """

    __slots__ = ("_before", "_small", "_two")

    def __init__(self, name: str) -> None:
        named = _named(name)
        self._before: list[bytes] = [
            _ATTRIBUTE + _varint(len(named) + size + 2) + named + _SMALL[size + 1] + b"\x18" for size in range(11)
        ]
        self._small: list[bytes] = [self._before[1] + number for number in _SMALL]
        self._two: bytes = self._before[2]

    def of(self, number: int) -> bytes:
        """The attribute with a number."""
        if 0 <= number < 1 << 14:
            if number < 128:  # noqa: PLR2004 - one byte holds 7 bits
                return self._small[number]
            return self._two + _GOES_ON[number & 127] + _SMALL[number >> 7]
        encoded = _int(number)
        return self._before[len(encoded)] + encoded


class RealAttribute:
    """An attribute of spans that is a number with a fraction, of which each says another one."""

    __slots__ = ("_before",)

    def __init__(self, name: str) -> None:
        named = _named(name)
        self._before: bytes = _ATTRIBUTE + _varint(len(named) + 10) + named + b"\x09\x21"

    def of(self, number: float) -> bytes:
        """The attribute with a number."""
        return self._before + _real(number)


def resource_message(resource: Resource) -> ResourceMessage:
    """What serves, as a message of protobuf."""
    message: ResourceMessage = ResourceMessage.FromString(b"".join(_attributes(resource.attributes)))
    return message


def _attributes(attributes: Mapping[str, Any]) -> Iterable[bytes]:
    return [_sized(b"\x0a", _attribute(name, value)) for name, value in attributes.items()]


def _attribute(name: str, value: Any) -> bytes:
    return _named(name) + _sized(b"", _any(value))


@lru_cache(maxsize=1024)
def _named(name: str) -> bytes:
    """The name of an attribute, and the tag of the value that follows."""
    return _sized(b"\x0a", _utf8(name)) + b"\x12"


def _any(value: Any) -> bytes:
    if isinstance(value, str):
        return _sized(b"\x0a", _utf8(value))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        return b"\x18" + _int(value)
    if isinstance(value, float):
        return _double(0x21, value)
    return _sized(b"\x2a", b"".join([_sized(b"\x0a", _any(one)) for one in value]))


def _int(number: int) -> bytes:
    if 0 <= number < _LONGEST_INT:
        return _varint(number)
    return _varint(max(-_LONGEST_INT, min(number, _LONGEST_INT - 1)) & _64_BITS)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()  # PERF: saying what is to be done about the rest takes as long again
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace")


def _sized(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    return tag + (_SMALL[size] if size < 128 else _varint(size)) + content  # noqa: PLR2004 - one byte holds 7 bits


def _varint(number: int) -> bytes:
    if number < 1 << 14:  # PERF: nearly all that are larger than one byte holds
        return _GOES_ON[number & 127] + _SMALL[number >> 7] if number > 127 else _SMALL[number]  # noqa: PLR2004 - 7 bits
    septets = bytearray()
    while number > 127:  # noqa: PLR2004 - one byte holds 7 bits
        septets.append(number & 127 | 128)
        number >>= 7
    septets.append(number)
    return bytes(septets)
