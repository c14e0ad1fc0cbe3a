"""How often an address may fail to sign in before it is told to wait."""

import ipaddress
from collections import OrderedDict, deque
from typing import Final

from gateway import clock

ATTEMPTS: Final = 10
"""Failures that an address has in one window."""
WINDOW_S: Final = 60.0
_MOST_ADDRESSES: Final = 10_000
_NETWORK_OF_ONE_HOST: Final = 64


class Attempts:
    """Failures by address, in the memory of this process; those of an IPv6 network count together.

    Behind a proxy all callers have one address, so that it holds up only those whose token is no good. A token cannot
    be guessed: this bounds noise in the log, not risk.
    """

    def __init__(self) -> None:
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Seconds until a failure of an address is answered as one again; 0: now."""
        failures = self._recent(_key(address))
        if len(failures) < ATTEMPTS:
            return 0
        return max(1, round(failures[0] + WINDOW_S - clock.monotonic() + 0.5))

    def failed(self, address: str) -> None:
        """Counts a failure."""
        key = _key(address)
        failures = self._recent(key)
        failures.append(clock.monotonic())
        self._failures[key] = failures
        self._failures.move_to_end(key)
        if len(self._failures) > _MOST_ADDRESSES:
            self._failures.popitem(last=False)

    def _recent(self, key: str) -> deque[float]:
        failures = self._failures.get(key, deque(maxlen=ATTEMPTS))
        while failures and failures[0] <= clock.monotonic() - WINDOW_S:
            failures.popleft()
        return failures


def _key(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:  # noqa: PLR2004 - the version of IP
        return str(found)
    return str(ipaddress.ip_network((found, _NETWORK_OF_ONE_HOST), strict=False))
