"""What a provider wants back as it was, in an envelope that clients of another API carry and send back.

The envelope is `lwg1.`, the content in base64url, a dot, and an HMAC-SHA256 (RFC 2104) in base64url, under a key that
is derived from the pepper; under the previous pepper it is taken while that one rotates. It holds the opaque state of a
thought or a call, and a digest of what stands beside it in the clear. One that is forged, cut, or beside something else
is none.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Any, Final

import msgspec

from gateway.lanes.conversation import Opaque, Origin
from gateway.wire.unreadable import UNREADABLE
from gateway.wire.unsigned_thinking import ENVELOPE

PREFIX: Final = ENVELOPE
_LONGEST: Final = 4 * 1024 * 1024
_DIGEST_BYTES: Final = 16


NOBODYS: Final = Opaque("nobody", {})
"""Of a thought that nobody signed: sealed, it is known when it comes back, and left out of all that would refuse it."""


class _Content(msgspec.Struct, array_like=True):
    origin: str
    beside: bytes
    state: dict[str, Any]


_decode = msgspec.msgpack.Decoder(_Content).decode


class Seal:
    """Seals and opens envelopes. `keys` are 32 bytes each, the present one first."""

    __slots__ = ("_keys",)

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._keys = keys

    def sealed(self, opaque: Opaque, beside: str) -> str:
        """The envelope; `beside` is what has to come back with it unchanged, such as the text of the thought."""
        content = _Content(opaque.origin, _digest(beside), dict(opaque.state))
        data = msgspec.msgpack.encode(content)
        return f"{PREFIX}{_text(data)}.{_text(_mac(self._keys[0], data))}"

    def opened(self, envelope: str, beside: str) -> Opaque | None:
        """What an envelope holds that was sealed here beside the same; `None` for anything else."""
        if not envelope.startswith(PREFIX) or len(envelope) > _LONGEST:
            return None
        written, dot, mac = envelope[len(PREFIX) :].partition(".")
        try:
            data, stated = _bytes(written), _bytes(mac)
        except (binascii.Error, ValueError):
            return None
        if not dot or not any(hmac.compare_digest(_mac(key, data), stated) for key in self._keys):
            return None
        try:
            content = _decode(data)
        except UNREADABLE:
            return None
        return Opaque(content.origin, content.state) if content.beside == _digest(beside) else None

    def __repr__(self) -> str:
        return "Seal((sensitive))"


def opened_proof(member: str, stated: str, thought: str, seal: Seal | None) -> Opaque | None:
    """What proves a thought that came back: what an envelope holds, else Claude's own `member` as it was stated."""
    if stated.startswith(PREFIX):
        opened = None if seal is None else seal.opened(stated, thought)
        return None if opened == NOBODYS else opened
    return Opaque(Origin.CLAUDE, {member: stated}) if stated else None


def _mac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_DIGEST_BYTES]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
