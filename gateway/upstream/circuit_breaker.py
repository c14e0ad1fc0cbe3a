"""Leaving a provider alone that keeps failing: closed, open, probing. Each process has breakers of its own.

1. Failures are counted beside all calls of a window. So many of them, if they are half of the calls, open the circuit.
2. It is open for `open_s`; a request that nobody else could answer waits for `ALONE_OPEN_S` at most.
3. Then one request probes. What it ends with decides, whatever calls end with that went out before.

One line of the log tells that a provider is left alone, and why, and one that it answers again.

A key may have a shorter patience than the provider has. Then the key ends a call, and its deadlines count in a
breaker of the key at the provider, by the same rule. When those of `KEYS_OPEN` keys are open, the provider's opens.
"""

import logging
from collections import deque
from collections.abc import Hashable
from typing import Final, NamedTuple

from gateway import clock

ALONE_OPEN_S: Final = 5.0
"""For so long an open circuit refuses a request that has no other candidate: SDKs sleep as long as they are told."""

KEYS_OPEN: Final = 3
_SHARE: Final = 2
"""Of so many calls one has to fail."""
_PARTS: Final = 10
"""Of a window: what is older than it goes in portions."""
_MOST_OWN: Final = 10_000

_log = logging.getLogger(__name__)


class Thresholds(NamedTuple):
    """So many failures within `window_s` seconds, if half of the calls failed, open it for `open_s` seconds."""

    failures: int
    window_s: float
    open_s: float


class _Part:
    """A portion of the window: the calls that ended in it, and what failed of them."""

    __slots__ = ("began", "calls", "causes", "failures")

    def __init__(self, began: float) -> None:
        self.began = began
        self.calls = 0
        self.failures = 0
        self.causes: set[Hashable] = set()


_TIMEOUT = "timeout"


class _Probe:
    """The one call that decides whether an open circuit closes."""

    __slots__ = ()


class CircuitBreaker:
    """The circuit of one provider, or of one key at it, which has no `provider` to tell of."""

    __slots__ = ("_open_s", "_opened_at", "_parts", "_probe", "_provider", "shared_permit")

    def __init__(self, provider: str | None = None) -> None:
        self._provider = provider
        self._parts: deque[_Part] = deque()
        self._opened_at: float | None = None
        self.shared_permit: Permit | None = None
        """That of the calls that went out last while it was closed; see `CircuitBreakers.admit`."""
        self._open_s = 0.0
        self._probe: _Probe | None = None

    def admits(self, *, alone: bool) -> bool:
        """Whether a request may go out, `alone` if nobody else could answer it."""
        return self._opened_at is None or (self._probe is None and self.retry_after_s(alone=alone) <= 0.0)

    @property
    def is_closed(self) -> bool:
        """Whether calls go out as they come."""
        return self._opened_at is None

    def begin_probe(self) -> _Probe | None:
        """A request goes out that was admitted: the probe of an open circuit, nothing of a closed one."""
        if self._opened_at is None:
            return None
        self._probe = _Probe()
        return self._probe

    def retry_after_s(self, *, alone: bool) -> float:
        """In how many seconds the next request may go out."""
        if self._opened_at is None:
            return 0.0
        open_s = min(self._open_s, ALONE_OPEN_S) if alone else self._open_s
        return max(0.0, self._opened_at + open_s - clock.monotonic())

    @property
    def is_open(self) -> bool:
        """Whether requests are left out: until its time is over, and while one is probing."""
        return self._opened_at is not None and (self._probe is not None or self.retry_after_s(alone=False) > 0.0)

    def succeeded(self, thresholds: Thresholds, probe: _Probe | None) -> None:
        """The provider answered."""
        if self._opened_at is None:
            parts = self._parts
            # PERF: see `_part`, which most calls need not ask.
            if parts and clock.monotonic() - parts[-1].began < thresholds.window_s / _PARTS:
                parts[-1].calls += 1
            else:
                self._part(thresholds).calls += 1
        elif probe is not None and probe is self._probe:
            self._opened_at = self._probe = None
            self._parts.clear()
            if self._provider is not None:
                _log.info("the provider %s answers again", self._provider)

    def failed(
        self,
        thresholds: Thresholds,
        probe: _Probe | None,
        cause: Hashable = None,
        *,
        counted: bool = False,
        outcome: str = "",
    ) -> None:
        """The provider failed; a probe that fails opens the circuit anew.

        A `cause` counts once in a window: what one request provokes again and again says nothing of others. `counted`:
        the call was taken for one that succeeded. `outcome` is what went wrong, for the log.
        """
        if self._opened_at is not None:
            if probe is not None and probe is self._probe:
                self.open(thresholds, outcome)
            return
        part = self._part(thresholds)
        if cause is not None and any(cause in one.causes for one in self._parts):
            return
        if cause is not None:
            part.causes.add(cause)
        part.failures += 1
        part.calls += not counted
        failures = sum(one.failures for one in self._parts)
        calls = sum(one.calls for one in self._parts)
        if failures >= thresholds.failures and failures * _SHARE >= calls:
            why = f"{failures} of {calls} calls failed within {thresholds.window_s:g} s, the last with {outcome}"
            self.open(thresholds, why)

    def abandoned(self, probe: _Probe | None) -> None:
        """The call ended without a verdict on the provider: it was never sent, or its client left."""
        if probe is not None and probe is self._probe:
            self._probe = None

    def open(self, thresholds: Thresholds, why: str) -> None:
        """From now on it is open; one that was so already goes on in silence."""
        if self._opened_at is None and self._provider is not None:
            _log.warning("the provider %s is left alone for %g s: %s", self._provider, thresholds.open_s, why)
        self._opened_at, self._open_s, self._probe = clock.monotonic(), thresholds.open_s, None
        self._parts.clear()

    def _part(self, thresholds: Thresholds) -> _Part:
        now, parts = clock.monotonic(), self._parts
        if not parts or now - parts[-1].began >= thresholds.window_s / _PARTS:
            while parts and parts[0].began < now - thresholds.window_s:
                parts.popleft()
            parts.append(_Part(now))
        return parts[-1]


class Permit:
    """One call to a provider that its circuits let out. It is told, once, how the call ended.

    `own` is the breaker of the key, where its deadline is shorter than the provider's.
    """

    __slots__ = ("_breaker", "_breakers", "_own", "_own_probe", "_probe", "_provider", "thresholds")

    def __init__(
        self,
        breakers: "CircuitBreakers",
        provider: str,
        breaker: CircuitBreaker,
        own: CircuitBreaker | None,
        thresholds: Thresholds,
    ) -> None:
        self._breakers = breakers
        self._provider = provider
        self._breaker = breaker
        self._own = own
        self.thresholds = thresholds
        self._probe = breaker.begin_probe()
        self._own_probe = None if own is None else own.begin_probe()

    def succeeded(self) -> None:
        """The provider answered."""
        self._breaker.succeeded(self.thresholds, self._probe)
        if self._own is not None:
            self._own.succeeded(self.thresholds, self._own_probe)

    def failed(self, cause: Hashable = None, outcome: str = "") -> None:
        """The provider failed; see `CircuitBreaker.failed`."""
        self._breaker.failed(self.thresholds, self._probe, cause, outcome=outcome)
        if self._own is not None:
            self._own.abandoned(self._own_probe)

    def took_too_long(self, cause: Hashable) -> None:
        """The deadline passed. Where that is the key's own, it says nothing of the provider."""
        if self._own is None:
            self.failed(cause, _TIMEOUT)
            return
        self._breaker.abandoned(self._probe)
        self._own.failed(self.thresholds, self._own_probe, cause)
        if self._own.is_open:
            self._breakers.own_has_opened(self._provider, self.thresholds)

    def abandoned(self) -> None:
        """The call ended without a verdict."""
        self._breaker.abandoned(self._probe)
        if self._own is not None:
            self._own.abandoned(self._own_probe)


class CircuitBreakers:
    """The breakers of one process. They outlive reloads."""

    def __init__(self) -> None:
        self._breakers: dict[str, CircuitBreaker] = {}
        self._own: dict[tuple[str, str], CircuitBreaker] = {}

    def admit(self, provider: str, own_of: str | None, thresholds: Thresholds, *, alone: bool) -> Permit | None:
        """Lets a call out, or `None` while a circuit is open.

        `own_of` is the key, where its deadline is shorter than the provider's.
        """
        breaker = self._breakers.get(provider) or self._breaker(provider)
        if own_of is None and breaker.is_closed:
            # PERF: nothing tells one of these calls from another, so all of them share what they are told by.
            permit = breaker.shared_permit
            if permit is None or permit.thresholds is not thresholds:
                permit = breaker.shared_permit = Permit(self, provider, breaker, None, thresholds)
            return permit
        own = None if own_of is None else self._own_breaker(provider, own_of)
        if breaker.admits(alone=alone) and (own is None or own.admits(alone=alone)):
            return Permit(self, provider, breaker, own, thresholds)
        return None

    def retry_after_s(self, provider: str, own_of: str | None) -> float:
        """In how many seconds a call may go out that nobody else could answer."""
        open_for_s = self._breaker(provider).retry_after_s(alone=True)
        if own_of is None:
            return open_for_s
        return max(open_for_s, self._own_breaker(provider, own_of).retry_after_s(alone=True))

    def broke_off(self, provider: str, thresholds: Thresholds) -> None:
        """A provider failed in the middle of an answer that was taken for a success."""
        self._breaker(provider).failed(thresholds, None, counted=True, outcome="an answer that broke off")

    def own_has_opened(self, provider: str, thresholds: Thresholds) -> None:
        """A key's own circuit is open at a provider: with as many as `KEYS_OPEN` it is the provider that hangs."""
        are_open = sum(at == provider and breaker.is_open for (at, _), breaker in self._own.items())
        breaker = self._breaker(provider)
        if are_open >= KEYS_OPEN and not breaker.is_open:
            breaker.open(thresholds, f"{are_open} keys with short deadlines wait for it in vain")

    def open_circuits(self) -> list[str]:
        """The providers whose circuit is open, by name."""
        return sorted(provider for provider, breaker in self._breakers.items() if breaker.is_open)

    def states(self) -> dict[str, bool]:
        """By provider, whether its circuit is open."""
        return {provider: breaker.is_open for provider, breaker in self._breakers.items()}

    def _breaker(self, provider: str) -> CircuitBreaker:
        found = self._breakers.get(provider)
        if found is None:
            found = self._breakers[provider] = CircuitBreaker(provider)
        return found

    def _own_breaker(self, provider: str, key: str) -> CircuitBreaker:
        found = self._own.get((provider, key))
        if found is None:
            if len(self._own) >= _MOST_OWN:
                self._own = {one: breaker for one, breaker in self._own.items() if breaker.is_open}
            found = self._own[provider, key] = CircuitBreaker()
        return found
