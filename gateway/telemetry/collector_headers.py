"""Which headers a collector can be sent.

It is asked before any is: what h11 and gRPC say of one that they refuse quotes its value, which is a secret.
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.secret import Secret

GRPC_NAME: Final = re.compile(r"(?!grpc-)[0-9a-z_.-]+(?<!-bin)")
"""Of metadata that is text, and none of gRPC's own.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
"""

_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token of RFC 9110, section 5.6.2."""

_VALUE: Final = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")
_GRPC_VALUE: Final = re.compile(r"[ -~]*")
"""Printable ASCII on one line; HTTP knows tabs too, and no white space at the ends."""


class HeaderError(ValueError):
    """A header cannot be sent; the message names it and says nothing of its value."""


def check_headers(headers: Iterable[tuple[str, Secret]], *, grpc: bool = False) -> None:
    """Raises `HeaderError` for the first that cannot be sent, over http or as metadata of gRPC."""
    for name, value in headers:
        if not _NAME.fullmatch(name):
            # It is not told: where `Authorization: Bearer ...` stands in the place of a name, it is a secret too.
            raise HeaderError("what stands in the place of a name is none")
        if grpc and not GRPC_NAME.fullmatch(name):
            raise HeaderError(f"{name} is no name for the metadata of gRPC")
        if not (_GRPC_VALUE if grpc else _VALUE).fullmatch(value.reveal()):
            raise HeaderError(f"the value of {name} is not printable ASCII on one line")
