"""Text that every database takes, whatever a client made up."""

import hashlib
from typing import Final

import msgspec

from gateway.ledger.entry import Charge, LedgerEntry

TEXTS: Final = tuple(field.name for field in msgspec.structs.fields(LedgerEntry) if field.type is str)
"""The members of an entry that are plain text."""

_SURELY_SHORT = 63
_LONGEST_BYTES = 255
_DIGEST_CHARACTERS = 16


def stored_text(text: str) -> str:
    """The text as every column holds it: what a database refuses replaced, and at most 255 bytes of UTF-8.

    The end of a longer text gives way to a digest of all of it, so that different texts stay different.
    """
    if len(text) <= _SURELY_SHORT and text.isprintable():
        return text
    clean = text.replace("\0", "\ufffd").encode("utf-8", "replace")
    if len(clean) > _LONGEST_BYTES:
        digest = hashlib.sha256(clean).hexdigest()[:_DIGEST_CHARACTERS]
        kept = clean[: _LONGEST_BYTES - _DIGEST_CHARACTERS - 1].decode("utf-8", "ignore")
        return f"{kept}~{digest}"
    return clean.decode()


def visible(text: str) -> str:
    """The text as it can be shown to people: what is not printable as an escape, since clients made up some of it."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def storable(entry: LedgerEntry) -> LedgerEntry:
    """The entry with every text as `stored_text` gives it; doing it twice changes nothing."""
    return msgspec.structs.replace(
        entry,
        tags=tuple(stored_text(tag) for tag in entry.tags),
        budgets=tuple(Charge(stored_text(charge.counter), charge.amount) for charge in entry.budgets),
        **{name: stored_text(getattr(entry, name)) for name in TEXTS},
    )
