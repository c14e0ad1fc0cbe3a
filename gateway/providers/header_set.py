"""Headers that a provider always sends: credentials, and what the file adds."""

from collections.abc import Iterable, Mapping

from gateway.secret import Secret
from gateway.upstream.request import Headers


class HeaderSet:
    """Headers that a provider always sends, replacing a client's of the same names. Prepared once, applied per call."""

    __slots__ = ("_headers", "_names")

    def __init__(self, credentials: Iterable[tuple[str, Secret]], configured: Mapping[str, Secret]) -> None:
        merged = {name.lower(): secret.reveal() for name, secret in (*credentials, *configured.items())}
        self._headers = tuple(merged.items())
        self._names = frozenset(name.replace("_", "-") for name in merged)

    def apply(self, headers: Headers) -> None:
        """Puts the headers into a request's; an underscore of a client's is the hyphen that WSGI takes it for."""
        ours = self._names
        headers[:] = [
            header
            for header in headers
            if header[0] not in ours and ("_" not in header[0] or header[0].replace("_", "-") not in ours)
        ]
        headers.extend(self._headers)
