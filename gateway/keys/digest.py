"""Keys are stored as `HMAC-SHA256(pepper, secret)`.

A stolen file gives no key away, and looking one up takes the same work whatever was presented.
"""

import hmac
from typing import Final

DEVELOPMENT_PEPPER: Final = b"gateway-development-pepper"
"""Public, so good for `test` keys on one's own machine only; the server refuses `live` keys under it."""

_PREFIX = "hmac-sha256:"


class Pepper:
    """The key of the hash, and the one before it while it is being rotated."""

    __slots__ = ("_peppers",)

    def __init__(self, current: bytes, previous: bytes | None = None) -> None:
        self._peppers = (current,) if previous is None else (current, previous)

    def digest(self, secret: str) -> bytes:
        """What is stored of a secret, under the current pepper: 32 bytes."""
        return hmac.digest(self._peppers[0], secret.encode(), "sha256")

    def candidates(self, secret: str) -> tuple[bytes, ...]:
        """What may be stored of a secret: under the current pepper first. The work does not depend on the secret."""
        data = secret.encode()
        return tuple([hmac.digest(pepper, data, "sha256") for pepper in self._peppers])

    def __repr__(self) -> str:
        return "Pepper((sensitive))"


def format_hash(digest: bytes) -> str:
    """How a digest is written in the file."""
    return _PREFIX + digest.hex()


def parse_hash(text: str) -> bytes:
    """The digest that is written. Raises `ValueError` for anything else."""
    if not text.startswith(_PREFIX):
        msg = f"a hash begins with {_PREFIX}"
        raise ValueError(msg)
    return bytes.fromhex(text.removeprefix(_PREFIX))
