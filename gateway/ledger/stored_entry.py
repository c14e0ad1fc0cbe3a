"""An entry of the index of what providers keep, as the ledger's spool has it."""

from typing import Final

import msgspec

_MARK: Final = b'{"record":"stored"'


class IndexLostError(Exception):
    """Whose an id is cannot be told at present."""


class StoredObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="record", tag="stored"):
    """Something that a provider keeps, as its key knows it.

    Args:
        id: The provider's own.
        kind: What it is, such as `response` or `file`; lists are made of one kind.
        virtual_key: The identity of the key that made it.
        provider: The identity of the provider that holds it.
        created_at: Microseconds since the epoch.
        is_gone: Whether the key deleted it.
        digest: Of a file that may become the input of a batch, what went up: `LENGTH:SHA-256` of each of its parts,
            with commas.
    """

    id: str
    kind: str
    virtual_key: str
    provider: str
    created_at: int
    is_gone: bool = False
    digest: str = ""


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(StoredObject).decode


def encode(stored: StoredObject) -> bytes:
    """The entry as the spool has it."""
    return _encode(stored)


def is_encoded(payload: bytes) -> bool:
    """Whether an entry of the spool is one of these, and no record of a request."""
    return payload.startswith(_MARK)


def decode(payload: bytes) -> StoredObject:
    """What `encode` made. Raises `msgspec.DecodeError`."""
    return _decode(payload)
