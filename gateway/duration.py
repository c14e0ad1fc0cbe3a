"""Durations as people write them: `30m`, `24h`, `7d`; `13 months`."""

import re
from datetime import timedelta

_MONTHS_OF_YEAR = 12
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """The duration. Raises `ValueError`."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if match is None:
        msg = f"{text!r} is not a duration; write 30m, 24h or 7d"
        raise ValueError(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_months(text: str) -> int:
    """How many calendar months `13 months`, `1 month` or `2 years` are. Raises `ValueError`."""
    match = re.fullmatch(r"([1-9][0-9]{0,2}) ?(month|year)s?", text.strip())
    if match is None:
        msg = f"{text!r} is no number of months; write 13 months or 2 years"
        raise ValueError(msg)
    return int(match[1]) * (_MONTHS_OF_YEAR if match[2] == "year" else 1)
