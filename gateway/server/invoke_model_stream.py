"""Streams for clients of Bedrock's InvokeModelWithResponseStream: events of Anthropic's shape in AWS's framing.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html. The JSON of an
event is in its message as the provider sent it; a stream that broke ends with the API's exception.
"""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from gateway.pipeline.relay import ReplyStream, ResponseAborted
from gateway.shapes.ending import stated_error
from gateway.wire.aws_event_stream import encoded
from gateway.wire.sse_events import EventSplitter, EventTooLarge

MEDIA_TYPE: Final = "application/vnd.amazon.eventstream"
_JSON: Final = "application/json"


class InvokeModelStream:
    """A stream of server-sent events as messages of the API."""

    def __init__(self, inner: ReplyStream) -> None:
        self._inner = inner
        self._events = EventSplitter()
        self._is_over = False

    @property
    def has_ended(self) -> bool:
        """See `ReplyStream`."""
        return self._inner.has_ended

    @property
    def awaits_usage(self) -> bool:
        """See `ReplyStream`."""
        return self._inner.awaits_usage

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while not self._is_over:
            try:
                events = self._events.feed(await anext(aiter(self._inner)))
            except StopAsyncIteration:
                self._is_over = True
                events = self._events.end()
            except EventTooLarge:
                raise ResponseAborted from None
            if messages := b"".join(message(name, data) for name, data in events):
                return messages
        raise StopAsyncIteration

    async def close(self) -> None:
        """See `ReplyStream`."""
        await self._inner.close()


def message(name: str, data: bytes) -> bytes:
    """The message for an event; empty for what only keeps a connection open, which the API does not know."""
    if name == "ping":
        return b""
    if name == "error":
        error = stated_error(data)
        words = msgspec.json.encode({"message": (error and error.message) or data.decode(errors="replace")})
        kind = {":exception-type": "modelStreamErrorException", ":content-type": _JSON, ":message-type": "exception"}
        return encoded(kind, words)
    kind = {":event-type": "chunk", ":content-type": _JSON, ":message-type": "event"}
    return encoded(kind, msgspec.json.encode({"bytes": data}))
