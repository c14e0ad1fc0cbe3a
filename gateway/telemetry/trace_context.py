"""Trace context in and out: W3C `traceparent` (https://www.w3.org/TR/trace-context/) and the `X-LangWatch-*` ids."""

import re
from collections.abc import Mapping
from typing import Final

from gateway.ids import span_id, trace_id

_TRACEPARENT = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_TRACE_ID = re.compile(rb"[0-9a-f]{32}")
_SPAN_ID = re.compile(rb"[0-9a-f]{16}")
_NO_TRACE = b"0" * 32
_NO_SPAN = b"0" * 16


class TraceContext:
    """The gateway's own span in a trace: `span_id` is ours, `parent_span_id` the caller's, if it named one.

    `flags` are two hex digits: the caller's, until a sampler has decided. `state` is the caller's `tracestate`.
    """

    __slots__ = ("flags", "parent_span_id", "span_id", "state", "trace_id")

    def __init__(self, trace_id: str, span_id: str, parent_span_id: str | None, flags: str, state: str | None) -> None:
        self.trace_id: Final = trace_id
        self.span_id: Final = span_id
        self.parent_span_id: Final = parent_span_id
        self.flags = flags
        self.state: Final = state

    @property
    def is_sampled(self) -> bool:
        """Whether the trace is recorded (section 3.2.2.5 of the recommendation)."""
        return int(self.flags, 16) & 1 == 1

    @property
    def traceparent(self) -> str:
        """The header that makes whoever receives it a child of the gateway's span."""
        return self.parent_of(self.span_id)

    def parent_of(self, span: str) -> str:
        """The header that makes whoever receives it a child of a span of this trace."""
        return f"00-{self.trace_id}-{span}-{self.flags}"


def accept(headers: Mapping[bytes, bytes]) -> TraceContext:
    """The context of a request from its headers (lower-case names).

    `X-LangWatch-Trace-Id` with `X-LangWatch-Parent-Span-Id` wins over `traceparent`; a malformed value counts as none,
    as the W3C asks. Without any, a new trace begins.
    """
    own = headers.get(b"x-langwatch-trace-id")
    if own is not None:
        own = own.strip().lower().replace(b"-", b"")
        if _TRACE_ID.fullmatch(own) and own != _NO_TRACE:
            return TraceContext(own.decode(), span_id(), _parent_span(headers), "01", None)
    parent = headers.get(b"traceparent")
    match = _TRACEPARENT.fullmatch(parent.strip()) if parent is not None else None
    if match is not None and _is_valid(match):
        state = headers.get(b"tracestate")
        return TraceContext(
            match[2].decode(),
            span_id(),
            match[3].decode(),
            match[4].decode(),
            state.decode("latin-1") if state else None,
        )
    return TraceContext(trace_id(), span_id(), None, "01", None)


def _is_valid(match: re.Match[bytes]) -> bool:
    if match[1] == b"ff" or match[2] == _NO_TRACE or match[3] == _NO_SPAN:
        return False
    # Version 00 ends after the flags; later versions may carry more (section 4.3 of the recommendation).
    return match[5] is None or match[1] != b"00"


def _parent_span(headers: Mapping[bytes, bytes]) -> str | None:
    value = headers.get(b"x-langwatch-parent-span-id", b"").strip().lower()
    return value.decode() if _SPAN_ID.fullmatch(value) and value != _NO_SPAN else None
