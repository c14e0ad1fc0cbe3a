"""What goes back to the client: a status, headers, and a body whole or as it arrives."""

from collections.abc import AsyncIterator
from typing import Protocol

from gateway.upstream.request import Headers


class ReplyStream(Protocol):
    """A body as it arrives. `close` ends it early, is idempotent and settles the request."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Pieces in the order and size in which they go out."""

    @property
    def has_ended(self) -> bool:
        """Whether the client has everything that its API sends; some clients hang up then, and miss nothing."""

    async def close(self) -> None:
        """Lets go of the upstream and settles."""


class Reply:
    """An answer; exactly one of `data` and `stream` is set. `headers` are the provider's that may pass."""

    __slots__ = ("data", "headers", "status", "stream")

    def __init__(
        self, status: int, headers: Headers, *, data: bytes | None = None, stream: ReplyStream | None = None
    ) -> None:
        self.status = status
        self.headers = headers
        self.data = data
        self.stream = stream


class ResponseAborted(Exception):  # noqa: N818 - a signal to the server, not an error to handle
    """The body broke off after its first byte and no frame can say so: the connection has to be cut."""
