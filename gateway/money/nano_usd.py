"""Money: an `int` of nano-USD, a billionth of a US dollar. No float touches it, and it is rounded in one way only.

The rounding rule: what cannot be told in whole nano-USD is computed exactly and rounded half up, once, at the end
(`divide_half_up`). An amount that a person wrote is never rounded: one that is finer than a nano-USD is an error.
"""

import re
from decimal import Decimal
from typing import Final

NANO_PER_USD: Final = 10**9
"""Nano-USD in one US dollar."""

MAX_NANO_USD: Final = 2**63 - 1
"""The largest amount, about 9.22 billion US dollars: what databases keep in a column of integers."""

_PLAIN = re.compile(r"\d+(\.\d+)?", re.ASCII)
_DIGITS = 9
_SHOWN_BELOW_ONE_USD = 3


def from_usd(usd: Decimal | int | str) -> int:
    """US dollars as nano-USD, exactly.

    Raises `ValueError` for a negative amount, one that is finer than a nano-USD, one above `MAX_NANO_USD`, and text
    other than plain digits with an optional fraction; `TypeError` for floats, which are seldom what they look like.
    """
    if isinstance(usd, bool) or not isinstance(usd, Decimal | int | str):
        raise TypeError(f"US dollars are a Decimal, an int or text, not {type(usd).__name__}")
    if isinstance(usd, str) and _PLAIN.fullmatch(usd) is None:
        raise ValueError(f"{usd!r} is not an amount in US dollars; write it as in 12.50")
    amount = Decimal(usd)
    _check_range(amount)
    if amount and amount.adjusted() < -_DIGITS:
        raise ValueError(f"{amount} US dollars are finer than a nano-USD (9 decimal places)")
    numerator, denominator = amount.as_integer_ratio()
    nano, finer = divmod(numerator * NANO_PER_USD, denominator)
    if finer:
        raise ValueError(f"{amount} US dollars are finer than a nano-USD (9 decimal places)")
    return nano


def nearest_to_usd(usd: Decimal) -> int:
    """US dollars as the nearest nano-USD, half up; for published figures that carry digits of a past float."""
    _check_range(usd)
    if usd.adjusted() < -_DIGITS - 1:
        return 0
    numerator, denominator = usd.as_integer_ratio()
    return divide_half_up(numerator * NANO_PER_USD, denominator)


def to_usd(nano: int) -> str:
    """Nano-USD as US dollars in plain decimal digits, exactly and without trailing zeros: `61.2`, `0.00003`."""
    whole, fraction = divmod(abs(nano), NANO_PER_USD)
    digits = f"{fraction:0{_DIGITS}d}".rstrip("0")
    return f"{'-' if nano < 0 else ''}{whole}{'.' if digits else ''}{digits}"


def shown(nano: int) -> str:
    """Nano-USD for people: `$5,000.00`, `$61.20`, `$0.00003`.

    From a dollar on in cents, below it with three significant digits and at least two decimal places, half up.
    """
    size = abs(nano)
    places = 2 if size >= NANO_PER_USD else max(2, _DIGITS - len(str(size)) + _SHOWN_BELOW_ONE_USD)
    places = min(places, _DIGITS)
    unit = 10 ** (_DIGITS - places)
    rounded = divide_half_up(size, unit) * unit
    whole, fraction = divmod(rounded, NANO_PER_USD)
    digits = f"{fraction:0{_DIGITS}d}"
    sign = "-" if nano < 0 and rounded else ""
    return f"{sign}${whole:,}.{digits[:2]}{digits[2:].rstrip('0')}"


def divide_half_up(numerator: int, denominator: int) -> int:
    """The nearest integer to a quotient of which both parts are whole; a half goes up. The denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)


def _check_range(usd: Decimal) -> None:
    if not usd.is_finite() or usd < 0:
        raise ValueError(f"{usd} is not an amount in US dollars; it is a number of at least 0")
    if usd.adjusted() > len(str(MAX_NANO_USD)) or usd > Decimal(MAX_NANO_USD).scaleb(-_DIGITS):
        raise ValueError(f"{usd:.3E} US dollars are more than the largest amount, {shown(MAX_NANO_USD)}")
