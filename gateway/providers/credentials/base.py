"""What a provider's credential does to a request, where a fixed header is not enough."""

from typing import Protocol

from gateway.upstream.request import UpstreamRequest


class Signer(Protocol):
    """Proves to an upstream who calls."""

    async def sign(self, request: UpstreamRequest) -> None:
        """Adds headers to a request whose URL, headers and body are final.

        Waits only where no credential was fetched yet. Raises `UpstreamFailure` of the kind CREDENTIAL when there is
        none; its message says where it was looked for, and holds no secret.
        """

    async def close(self) -> None:
        """Ends the refreshing in the background."""
