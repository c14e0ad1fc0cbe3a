"""What every database takes, whatever a client made up: short text without NUL, and figures that fit."""

import hashlib
from typing import Any, Final

import msgspec

from gateway.ledger.plain import LARGEST_FIGURE, plain_type
from gateway.telemetry.decision_record import NAMED, AttemptRecord, Charge, DecisionRecord
from gateway.usage import Iteration, Served, Usage

TEXTS: Final = tuple(field.name for field in msgspec.structs.fields(DecisionRecord) if field.type in (str, str | None))
"""The members of a record that are plain text."""

_LONGEST_BYTES: Final = 255
_SURELY_SHORT: Final = 63
"""Characters that take no more than 255 bytes, whichever they are."""
_DIGEST_CHARACTERS: Final = 16
_LONG_PAYLOAD: Final = 16 * 1024
_TOKENS: Final = tuple(field.name for field in msgspec.structs.fields(Usage) if field.type is int)
_SERVED_TEXTS: Final = tuple(field.name for field in msgspec.structs.fields(Served) if field.type == str | None)
_Plain: Final = plain_type(_SURELY_SHORT)
_PlainAscii: Final = plain_type(_LONGEST_BYTES)
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(DecisionRecord).decode
_decode_plain = msgspec.json.Decoder(_Plain).decode
_decode_plain_ascii = msgspec.json.Decoder(_PlainAscii).decode


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


def storable(record: DecisionRecord) -> DecisionRecord:
    """The record with every text as `stored_text` gives it; doing it twice changes nothing."""
    texts = {name: text for name in TEXTS if (text := getattr(record, name)) is not None}
    identities = record.identities
    return msgspec.structs.replace(
        record,
        tags=tuple(stored_text(tag) for tag in record.tags),
        budgets=tuple(Charge(stored_text(charge.counter), charge.amount) for charge in record.budgets),
        attempts=tuple(map(_storable_attempt, record.attempts)),
        usage=None if record.usage is None else _storable_usage(record.usage),
        served=None if record.served is None else _storable_served(record.served),
        warnings=record.warnings and tuple(map(stored_text, record.warnings)),
        identities=identities
        and {
            stored_text(kind): {stored_text(name): stored_text(text) for name, text in known.items()}
            for kind, known in identities.items()
        },
        **{name: stored_text(text) for name, text in texts.items()},
    )


def kept(record: DecisionRecord) -> DecisionRecord:
    """The record as the ledger keeps it: `storable`, and figures that no database could hold cut to the largest one.

    What was renamed has its id in place of its name.
    """
    if isinstance(record, (_Plain, _PlainAscii)):
        return record
    record = _with_ids(storable(record))
    usage, served, cost = record.usage, record.served, record.cost_nano_usd
    return msgspec.structs.replace(
        record,
        usage=None if usage is None else _bounded_usage(usage),
        served=None if served is None else _bounded_served(served),
        cost_nano_usd=None if cost is None else _bounded(cost),
        budgets=tuple(Charge(charge.counter, _bounded(charge.amount)) for charge in record.budgets),
    )


def _with_ids(record: DecisionRecord) -> DecisionRecord:
    if not (identities := record.identities):
        return record
    names = {member: (identities.get(kind, {}), getattr(record, member)) for member, kind in NAMED.items()}
    providers = identities.get("providers", {})
    return msgspec.structs.replace(
        record,
        identities=msgspec.UNSET,
        attempts=tuple(
            msgspec.structs.replace(one, provider=providers.get(one.provider, one.provider)) for one in record.attempts
        ),
        **{member: known.get(name, name) for member, (known, name) in names.items()},
    )


def encode(record: DecisionRecord) -> bytes:
    """The record as JSON, for the log and for the spool; where it is very long, or no text at all, as `storable`."""
    try:
        payload = _encode(record)
    except UnicodeEncodeError:
        return _encode(storable(record))
    return payload if len(payload) <= _LONG_PAYLOAD else _encode(storable(record))


def decode(payload: bytes) -> DecisionRecord:
    """The record of what `encode` made, now or in an older version.

    PERF: nearly every record is `kept` as it is, which the decoder finds while it decodes. Only an escape can stand for
    NUL.

    Raises:
        msgspec.DecodeError: It is no record.
    """
    if b"\\" not in payload:
        try:
            return _decode_plain_ascii(payload) if payload.isascii() else _decode_plain(payload)
        except msgspec.ValidationError:
            pass
    return _decode(payload)


def _storable_attempt(one: AttemptRecord) -> AttemptRecord:
    return AttemptRecord(
        stored_text(one.provider), stored_text(one.model), stored_text(one.outcome), one.began_ms, one.duration_ms
    )


def _storable_usage(usage: Usage) -> Usage:
    if not usage.further:
        return usage
    return msgspec.structs.replace(usage, further={stored_text(kind): count for kind, count in usage.further.items()})


def _storable_served(served: Served) -> Served:
    told = {name: stored_text(text) for name in _SERVED_TEXTS if (text := getattr(served, name)) is not None}
    return msgspec.structs.replace(
        served,
        iterations=tuple(
            Iteration(stored_text(one.kind), _storable_usage(one.usage), one.model and stored_text(one.model))
            for one in served.iterations
        ),
        unreadable=tuple(map(stored_text, served.unreadable)),
        **told,
    )


def _bounded_served(served: Served) -> Served:
    iterations = (Iteration(one.kind, _bounded_usage(one.usage), one.model) for one in served.iterations)
    longest = served.longest_prompt
    return msgspec.structs.replace(
        served, iterations=tuple(iterations), longest_prompt=None if longest is None else _bounded(longest)
    )


def _bounded_usage(usage: Usage) -> Usage:
    further = usage.further and {kind: _bounded(count) for kind, count in usage.further.items()}
    figures: dict[str, Any] = {name: _bounded(getattr(usage, name)) for name in _TOKENS}
    return Usage(**figures, further=further)


def _bounded(figure: int) -> int:
    return max(-LARGEST_FIGURE, min(figure, LARGEST_FIGURE))
