"""What is sent to an upstream and what comes back, independent of the client that carries it."""

from collections.abc import Awaitable, Iterator
from typing import Protocol

from gateway.upstream.failure import FailureKind, UpstreamFailure

Headers = list[tuple[str, str]]


class Upload(Protocol):
    """A body that is too long to be held in memory."""

    length: int

    def pieces(self) -> Iterator[bytes]:
        """All of it from the beginning; reading blocks. Raises `OSError`."""


class UpstreamRequest:
    """One HTTP request to a provider. Times are in seconds.

    `upload` takes the place of `body` where it is there: it is sent as fast as the provider takes it, and the wait for
    the response's head begins behind it.

    `connect_timeout_s` bounds opening a connection, `first_byte_timeout_s` the wait for the response's head from
    the call, `idle_timeout_s` the wait between two pieces of the body.
    """

    __slots__ = (
        "body",
        "connect_timeout_s",
        "first_byte_timeout_s",
        "headers",
        "idle_timeout_s",
        "method",
        "upload",
        "url",
    )

    def __init__(
        self,
        *,
        method: str,
        url: str,
        headers: Headers,
        body: bytes,
        connect_timeout_s: float,
        first_byte_timeout_s: float,
        idle_timeout_s: float,
        upload: Upload | None = None,
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.connect_timeout_s = connect_timeout_s
        self.first_byte_timeout_s = first_byte_timeout_s
        self.idle_timeout_s = idle_timeout_s
        self.upload = upload

    @property
    def length(self) -> int:
        """Bytes of the whole body."""
        return len(self.body) if self.upload is None else self.upload.length


class Content:
    """What the head of an answer says of its body: media type in lower case, length in bytes, and whether it is coded.

    `length` is `None` where the head does not bound it.
    """

    __slots__ = ("is_encoded", "length", "media_type")

    def __init__(self, headers: Headers) -> None:
        # PERF: providers send some twenty fields, of which these are looked for without a step for each.
        fields = dict(headers)
        length = fields.get("content-length", "")
        self.media_type = fields.get("content-type", "").lower()
        self.length: int | None = int(length) if length.isdigit() else None
        self.is_encoded = "content-encoding" in fields and any(
            name == "content-encoding" and value.lower() != "identity" for name, value in headers
        )

    @property
    def is_event_stream(self) -> bool:
        """Whether server-sent events come."""
        return self.media_type.startswith("text/event-stream")

    @property
    def is_json(self) -> bool:
        """Whether one JSON value comes."""
        return self.media_type.startswith("application/json")


class UpstreamResponse(Protocol):
    """The head of a response, and its body as it arrives. `close` is idempotent and ends the exchange early."""

    status: int
    headers: Headers

    @property
    def was_held_back(self) -> bool:
        """Whether the upstream had to wait so long for a reader that it may have given up; until it is closed."""

    def read_chunk(self) -> Awaitable[bytes | None]:
        """The next piece of the body exactly as it came, `None` at its end. Raises `UpstreamFailure`."""

    async def read_all(self) -> bytes:
        """The whole body; only for bodies whose length the head bounds. Raises `UpstreamFailure`."""

    async def close(self) -> None:
        """Gives the connection back, or drops it when the body was not read to its end."""


class Transport(Protocol):
    """Carries requests to an upstream."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Sends the request and waits for the response's head. Raises `UpstreamFailure`; never follows a redirect."""


class NoTransport:
    """Where a configuration is compiled to be looked at, and nothing may be sent."""

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Refuses."""
        raise UpstreamFailure(FailureKind.CONNECT, f"nothing is sent from here, and so not to {request.url}")
