"""Keys are stored as `HMAC-SHA256(pepper, secret)`.

A stolen file gives no key away, and looking one up takes the same work whatever was presented.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

DEVELOPMENT_PEPPER: Final = b"gateway-development-pepper"
"""Public, so good for `test` keys on one's own machine only; the server refuses `live` keys under it."""

_PREFIX = "hmac-sha256:"
_IMPORTED_PREFIX = "hmac-sha256-sha256:"
_IMPORTED = b"imported-key:"
_SHOWN_DIGITS = 8
_BLOCK = 64


class Pepper:
    """The key of the hash, and the one before it while it is being rotated."""

    __slots__ = ("_beside_hashes", "_hashes")

    def __init__(self, current: bytes, previous: bytes | None = None) -> None:
        self._hashes = (_Hmac(current),) if previous is None else (_Hmac(current), _Hmac(previous))
        self._beside_hashes: tuple[str, ...] = ()

    def digest(self, secret: str) -> bytes:
        """What is stored of a secret, under the current pepper: 32 bytes."""
        return self._hashes[0].digest(secret.encode())

    def candidates(self, secret: str) -> tuple[bytes, ...]:
        """What may be stored of a secret: under the current pepper first. The work does not depend on the secret."""
        data = secret.encode()
        current = self._hashes[0].digest(data)
        return (current,) if len(self._hashes) == 1 else (current, self._hashes[1].digest(data))

    def imported(self, sha256: bytes) -> bytes:
        """What is stored of a secret of another gateway, of which only the SHA-256 is known, under the current pepper.

        It is told apart from what is stored of a secret, so that whoever has the SHA-256 alone can present nothing.
        """
        return _IMPORTED + self._hashes[0].digest(_IMPORTED + sha256)

    def imported_candidates(self, secret: str) -> tuple[bytes, ...]:
        """What may be stored of another gateway's secret: under the current pepper first."""
        data = _IMPORTED + hashlib.sha256(secret.encode()).digest()
        return tuple(_IMPORTED + one.digest(data) for one in self._hashes)

    def derived(self, purpose: bytes) -> tuple[bytes, ...]:
        """Keys of 32 bytes for another purpose than hashing secrets: of the current pepper, and of the one before."""
        return tuple(one.digest(b"derived key\0" + purpose) for one in self._hashes)

    @property
    def fingerprint(self) -> str:
        """What tells the current pepper from another, and nothing else of it."""
        return self.fingerprints[0]

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The same of the current one and of the one before it."""
        return tuple(one.digest(b"").hex()[:_SHOWN_DIGITS] for one in self._hashes)

    def hear(self, fingerprints: Iterable[str]) -> None:
        """Whoever keeps the hashes says under which peppers they were made."""
        self._beside_hashes = tuple(fingerprints)

    def doubt(self) -> str | None:
        """What makes doubt that the hashes were made under this one, as far as whoever keeps them said; a sentence."""
        if not self._beside_hashes or not set(self._beside_hashes).isdisjoint(self.fingerprints):
            return None
        return (
            f"the control plane's keys were hashed under the pepper with the fingerprint "
            f"{' or '.join(self._beside_hashes)}, and GATEWAY_KEY_PEPPER has {self.fingerprint} here"
        )

    def __repr__(self) -> str:
        return "Pepper((sensitive))"


class _Hmac:
    """HMAC-SHA256 (RFC 2104) with the key's two blocks hashed beforehand.

    PERF: a quarter of what `hmac.digest` costs, which prepares the key anew for every message.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def is_imported(digest: bytes) -> bool:
    """Whether it is stored of another gateway's secret."""
    return digest.startswith(_IMPORTED)


def is_imported_hash(text: str) -> bool:
    """Whether what is written is of another gateway's secret."""
    return text.startswith(_IMPORTED_PREFIX)


def format_hash(digest: bytes) -> str:
    """How a digest is written in the file."""
    return _IMPORTED_PREFIX + digest[len(_IMPORTED) :].hex() if is_imported(digest) else _PREFIX + digest.hex()


def shown_hash(text: str) -> str:
    """How people are shown what is written: enough of a hash to tell it from another; all of any other text."""
    prefix = next((one for one in (_PREFIX, _IMPORTED_PREFIX) if text.startswith(one)), None)
    if prefix is None or len(text) <= len(prefix) + _SHOWN_DIGITS:
        return text
    return f"{text[: len(prefix) + _SHOWN_DIGITS]}\u2026"


def parse_hash(text: str) -> bytes:
    """What is stored, as `Pepper` makes it, of what is written so. Raises `ValueError` for anything else."""
    prefix = _IMPORTED_PREFIX if text.startswith(_IMPORTED_PREFIX) else _PREFIX
    digest = bytes.fromhex(text[len(prefix) :]) if text.startswith(prefix) else b""
    # `fromhex` reads over white space, so the length of the text tells as well.
    if len(digest) != hashlib.sha256().digest_size or len(text) != len(prefix) + 2 * len(digest):
        msg = f"a hash is {_PREFIX} (of another gateway's secret {_IMPORTED_PREFIX}) and 64 hex digits"
        raise ValueError(msg)
    return digest if prefix is _PREFIX else _IMPORTED + digest
