"""Keys that are not known, counted by who presents them: beyond a bound they are told to wait.

A valid key is never asked about here, so whoever shares an address with somebody who guesses notices nothing. What is
remembered is bounded: a minute's addresses, and beyond so many all others as one.
"""

import ipaddress
import logging
from math import ceil
from typing import Final

from gateway import clock
from gateway.errors import GatewayError
from gateway.telemetry.access_log import Callers

_log = logging.getLogger(__name__)

TOO_MANY: Final = "too_many_invalid_keys"
"""The code of the refusal."""

_WINDOW_S: Final = 60
_MOST_ADDRESSES: Final = 4096
_OTHERS: Final = "others"
_OF_ONE_NETWORK: Final = 64
"""Bits of an IPv6 address that are a network's: who has one has all of its addresses."""


class KeyGuesses:
    """What this worker has seen of keys that are not known.

    Args:
        most: So many of an address are answered with 401 in a minute; 0: all are.
        callers: Says who asks.
    """

    def __init__(self, most: int, callers: Callers) -> None:
        self._most = most
        self._callers = callers
        self._window = 0
        self._counts: dict[str, int] = {}

    def count(self, peer: str | None, headers: list[tuple[bytes, bytes]]) -> None:
        """One more of a client. Raises 429 beyond the bound, which is logged once for an address and minute."""
        if not self._most:
            return
        now = clock.monotonic()
        window = int(now // _WINDOW_S)
        if window != self._window:
            self._window = window
            self._counts = {}
        address = _network(self._callers.address(peer, headers))
        if address not in self._counts and len(self._counts) >= _MOST_ADDRESSES:
            address = _OTHERS
        count = self._counts[address] = self._counts.get(address, 0) + 1
        if count <= self._most:
            return
        if count == self._most + 1:
            _log.warning(
                "over %d keys that are not known came from %s within a minute: further ones get 429 until it is over",
                self._most,
                address,
            )
        wait = max(1, ceil((window + 1) * _WINDOW_S - now))
        message = (
            f"Too many keys that are not valid came from this address. Check the key; it is counted anew in {wait} s."
        )
        raise GatewayError("rate_limit_exceeded", message, code=TOO_MANY, headers={"retry-after": str(wait)})


def _network(address: str | None) -> str:
    """What is counted as one: an IPv4 address, within IPv6 too, or the network of another IPv6 address."""
    if address is None or ":" not in address:
        return address or _OTHERS
    try:
        read = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    within = read.ipv4_mapped
    return str(ipaddress.ip_network((read, _OF_ONE_NETWORK), strict=False) if within is None else within)
