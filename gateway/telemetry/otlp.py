"""Spans as the bytes of an OTLP request, in protobuf's wire format.

PERF: building protobuf's messages, as OpenTelemetry's encoder does, takes five times as long, in a thread that competes
with requests. A test compares the two.

https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
https://protobuf.dev/programming-guides/encoding/
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource as ResourceMessage
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Status, StatusCode

from gateway.telemetry.lasting_attributes import LastingAttributes
from gateway.turns import BREATH_S, turns

_SMALL: Final = [bytes((number,)) for number in range(128)]
_SHORT: Final = 60
_ATTRIBUTE: Final = [b"\x4a" + one for one in _SMALL]
_TURN: Final = 64
_64_BITS: Final = 2**64 - 1
_LONGEST_INT: Final = 2**63
_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
_time = struct.Struct("<BQ").pack
_times = struct.Struct("<BQBQ").pack
_double = struct.Struct("<Bd").pack
_flags = struct.Struct("<BBI").pack


def encode(spans: Sequence[ReadableSpan]) -> bytes:
    """The `ExportTraceServiceRequest` of spans without links, all of one resource and one scope."""
    if not spans:
        return b""
    first = spans[0]
    scope = _scope(first.instrumentation_scope)
    scope_spans = scope + b"".join([_sized(b"\x12", _span(span)) for span in turns(spans, _TURN, BREATH_S)])
    return _sized(b"\x0a", _resource(first.resource) + _sized(b"\x12", scope_spans))


def request_of(spans: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:
    """The same as a message, for exporters that ask for one."""
    request: ExportTraceServiceRequest = ExportTraceServiceRequest.FromString(encode(spans))
    return request


def _span(span: ReadableSpan) -> bytes:
    context, parent, flags = span.context, span.parent, _HAS_IS_REMOTE
    parts = [b"\x0a\x10", context.trace_id.to_bytes(16), b"\x12\x08", context.span_id.to_bytes(8)]
    if context.trace_state:
        state = ",".join([f"{key}={value}" for key, value in context.trace_state.items()])
        parts.append(_sized(b"\x1a", _utf8(state)))
    if parent is not None:
        parts += (b"\x22\x08", parent.span_id.to_bytes(8))
        flags |= _IS_REMOTE if parent.is_remote else 0
    if span.name:
        parts.append(_sized(b"\x2a", _utf8(span.name)))
    # OTLP counts the kinds from 1.
    parts += (b"\x30", _SMALL[span.kind.value + 1], _times(0x39, span.start_time or 0, 0x41, span.end_time or 0))
    # `attributes` would be a view, of which nobody knows what it is a view of.
    attributes: Any = span._attributes or {}  # noqa: SLF001 - see above
    if isinstance(attributes, LastingAttributes):
        parts.append(attributes.encoded)
        _put_attributes(parts, islice(attributes.items(), attributes.lasting, None))
    else:
        _put_attributes(parts, attributes.items())
    for event in span._events:  # noqa: SLF001 - PERF: `events` makes a copy
        parts.append(_sized(b"\x5a", _event(event)))
    status = span.status
    told = _STATUSES[status.status_code] if not status.description else _sized(b"\x7a", _status(status))
    parts += (told, _flags(0x85, 0x01, flags))
    return b"".join(parts)


def encoded_attributes(attributes: Mapping[str, Any]) -> bytes:
    """Attributes as they stand in a span, for `LastingAttributes`."""
    parts: list[bytes] = []
    _put_attributes(parts, attributes.items())
    return b"".join(parts)


def _put_attributes(parts: list[bytes], attributes: Iterable[tuple[str, Any]]) -> None:
    for name, value in attributes:
        named = _named(name)
        # PERF: nearly all are short texts; what follows is `_attribute` with every length in one byte.
        if isinstance(value, str) and (size := len(text := _utf8(value))) < _SHORT and len(named) < _SHORT:
            parts += (_ATTRIBUTE[len(named) + size + 3], named, _SMALL[size + 2], b"\x0a", _SMALL[size], text)
        else:
            parts.append(_sized(b"\x4a", _attribute(name, value)))


def _event(event: Event) -> bytes:
    name = _sized(b"\x12", _utf8(event.name)) if event.name else b""
    attributes = [_sized(b"\x1a", _attribute(key, value)) for key, value in (event.attributes or {}).items()]
    return _time(0x09, event.timestamp) + name + b"".join(attributes)


def _status(status: Status) -> bytes:
    message = _sized(b"\x12", _utf8(status.description)) if status.description else b""
    return message + b"\x18" + _SMALL[status.status_code.value] if status.status_code.value else message


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
        return b"\x18" + _varint(max(-_LONGEST_INT, min(value, _LONGEST_INT - 1)) & _64_BITS)
    if isinstance(value, float):
        return _double(0x21, value)
    return _sized(b"\x2a", b"".join([_sized(b"\x0a", _any(one)) for one in value]))


def _attributes(attributes: Mapping[str, Any]) -> Iterable[bytes]:
    return (_sized(b"\x0a", _attribute(name, value)) for name, value in attributes.items())


def _resource(resource: Resource) -> bytes:
    schema = _sized(b"\x1a", _utf8(resource.schema_url)) if resource.schema_url else b""
    return schema + _sized(b"\x0a", b"".join(_attributes(resource.attributes)))


def resource_message(resource: Resource) -> ResourceMessage:
    """What serves, as a message of protobuf."""
    message: ResourceMessage = ResourceMessage.FromString(b"".join(_attributes(resource.attributes)))
    return message


def _scope(scope: InstrumentationScope | None) -> bytes:
    if scope is None:
        return b""
    version = _sized(b"\x12", _utf8(scope.version)) if scope.version else b""
    return _sized(b"\x0a", _sized(b"\x0a", _utf8(scope.name)) + version)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _sized(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    return tag + (_SMALL[size] if size < 128 else _varint(size)) + content  # noqa: PLR2004 - one byte holds 7 bits


def _varint(number: int) -> bytes:
    if number < 1 << 14:  # PERF: nearly all that are larger than one byte holds
        return bytes((number & 127 | 128, number >> 7)) if number > 127 else _SMALL[number]  # noqa: PLR2004 - 7 bits
    septets = bytearray()
    while number > 127:  # noqa: PLR2004 - one byte holds 7 bits
        septets.append(number & 127 | 128)
        number >>= 7
    septets.append(number)
    return bytes(septets)


_STATUSES: Final = {code: _sized(b"\x7a", _status(Status(code))) for code in StatusCode}
