"""Durations as people write them: `30m`, `24h`, `7d`."""

import re
from datetime import timedelta

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def parse_duration(text: str) -> timedelta:
    """The duration. Raises `ValueError`."""
    match = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if match is None:
        msg = f"{text!r} is not a duration; write 30m, 24h or 7d"
        raise ValueError(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})
