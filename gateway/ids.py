"""Identifiers: ULIDs (https://github.com/ulid/spec) for requests and keys, W3C ids for traces."""

import os
import random
import time
from typing import Final

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(high + low for high in _CROCKFORD for low in _CROCKFORD)

# Request, trace and span ids have to be unique, not unguessable: a generator seeded from the OS is enough and costs
# a tenth of a system call. Secrets take `secure_ulid`.
_unique = random.Random(os.urandom(32))  # noqa: S311 - unique, not secret (see above)

_COUNTED_BITS: Final = 20
_PERIOD_BITS: Final = 10
_NO_PERIOD: Final = (-1, "", "", 0)
_period = _NO_PERIOD
"""The number of the present period of 1,024 ms, what all ids of it begin with, their random part, and how many."""


def _encode(value: int, characters: int) -> str:
    pairs = _PAIRS
    return "".join([pairs[(value >> shift) & 1023] for shift in range(characters * 5 - 10, -1, -10)])


def ulid() -> str:
    """A 26-character ULID: 48 bits of milliseconds, 60 random bits, 20 that count. Unique, sortable, not a secret.

    Those of one second, about, share their random bits and are counted up, as the specification has it for those of one
    millisecond.
    """
    global _period  # noqa: PLW0603 - what the ids of the present period share
    millisecond = time.time_ns() // 1_000_000
    number, beginning, drawn, count = _period
    if millisecond >> _PERIOD_BITS != number or count >> _COUNTED_BITS:
        number, count = millisecond >> _PERIOD_BITS, 0
        beginning, drawn = _encode(number, 8), _encode(_unique.getrandbits(60), 12)
    _period = (number, beginning, drawn, count + 1)
    return beginning + _PAIRS[millisecond & 1023] + drawn + _PAIRS[count >> 10] + _PAIRS[count & 1023]


def _begin_anew() -> None:
    """A fork would go on with the ids of its parent."""
    global _period  # noqa: PLW0603 - the next id of this process begins a period
    _unique.seed(os.urandom(32))
    _period = _NO_PERIOD


os.register_at_fork(after_in_child=_begin_anew)


def secure_ulid() -> str:
    """A ULID whose 80 random bits come from the operating system's CSPRNG; what virtual keys are made of."""
    return _encode((time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10)), 26)


def request_id() -> str:
    """`grq_<ULID>`, the id under which one request is found everywhere."""
    return "grq_" + ulid()


def trace_id() -> str:
    """32 lower-case hex digits, never all zero (W3C Trace Context, section 3.2.2.3)."""
    return (_unique.getrandbits(128) or 1).to_bytes(16).hex()


def span_id() -> str:
    """16 lower-case hex digits, never all zero (W3C Trace Context, section 3.2.2.4)."""
    return (_unique.getrandbits(64) or 1).to_bytes(8).hex()
