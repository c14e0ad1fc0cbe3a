"""Text that every database takes, whatever a client made up."""

import hashlib
from operator import attrgetter
from typing import Final

import msgspec

from gateway.telemetry.decision_record import AttemptRecord, Charge, DecisionRecord

TEXTS: Final = tuple(field.name for field in msgspec.structs.fields(DecisionRecord) if field.type in (str, str | None))
"""The members of a record that are plain text."""

_texts = attrgetter(*TEXTS)
_SURELY_SHORT = 63
_LONGEST_BYTES = 255
_DIGEST_CHARACTERS = 16
_LONG_PAYLOAD = 16 * 1024
_encode = msgspec.json.Encoder().encode


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


def is_storable(record: DecisionRecord) -> bool:
    """Whether `storable` would surely change nothing; never wrong when it says so, and cheap."""
    texts = [*filter(None, _texts(record)), *record.tags]
    texts += [charge.counter for charge in record.budgets]
    for one in record.attempts:
        texts += (one.provider, one.model, one.outcome)
    whole = "".join(texts)
    return (
        max(map(len, texts), default=0) <= _SURELY_SHORT
        and "\0" not in whole
        and (whole.isascii() or whole.isprintable())
    )


def storable(record: DecisionRecord) -> DecisionRecord:
    """The record with every text as `stored_text` gives it; doing it twice changes nothing."""
    texts = {name: text for name in TEXTS if (text := getattr(record, name)) is not None}
    return msgspec.structs.replace(
        record,
        tags=tuple(stored_text(tag) for tag in record.tags),
        budgets=tuple(Charge(stored_text(charge.counter), charge.amount) for charge in record.budgets),
        attempts=tuple(map(_storable_attempt, record.attempts)),
        **{name: stored_text(text) for name, text in texts.items()},
    )


def encode(record: DecisionRecord) -> bytes:
    """The record as JSON, for the log and for the spool; where it is very long, or no text at all, as `storable`."""
    try:
        payload = _encode(record)
    except UnicodeEncodeError:
        return _encode(storable(record))
    return payload if len(payload) <= _LONG_PAYLOAD else _encode(storable(record))


def _storable_attempt(one: AttemptRecord) -> AttemptRecord:
    return AttemptRecord(
        stored_text(one.provider), stored_text(one.model), stored_text(one.outcome), one.began_ms, one.duration_ms
    )
