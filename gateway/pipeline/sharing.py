"""In which order a request has the candidates of the file's own models: by weight, or by what it belongs to.

Arms are ranked by rendezvous hashing with weights (Thaler and Ravishankar, 1998; https://doi.org/10.1109/90.663936):
each arm draws a number from what the request belongs to, and the best one is asked. So what belongs together has the
same order on every node and after every reload; where an arm fails, its share goes to the others, and comes back; and
where a weight changes, only what that arm gains or loses moves.
"""

import math
import random
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final

import msgspec

from gateway.money.budget import END_USER_HEADER, end_user_of
from gateway.shapes.shape import Shape
from gateway.shapes.stated import end_users
from gateway.snapshot.snapshot import Branch, Candidate, CompiledKey, Resolution
from gateway.wire.request_body import RequestBody
from gateway.wire.unreadable import UNREADABLE

BY_WEIGHT: Final = "weight"
"""Nothing of the request decided."""

_SESSION_HEADERS: Final = (
    b"x-langwatch-thread-id",
    b"x-claude-code-session-id",
    b"session-id",
    b"session_id",
    b"x-session-id",
)
"""Claude Code says its session in the second, Codex in the third or fourth."""
_SESSION_MARK: Final = "_session_"
"""In `metadata.user_id` of Claude Code: `user_..._account_..._session_...`, or an object with a `session_id`."""
_END_USER: Final = END_USER_HEADER.lower().encode()
_WHOLE: Final = 2**64


_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_decode_text = msgspec.json.Decoder(str).decode


class Traits:
    """What a request belongs to, looked up when a model wants to know."""

    __slots__ = ("_body", "_headers", "_key", "_shape")

    def __init__(self, key: CompiledKey, shape: Shape, body: RequestBody, headers: Mapping[bytes, bytes]) -> None:
        self._key = key
        self._shape = shape
        self._body = body
        self._headers = headers

    def of(self, name: str) -> str | None:
        """One of them; `None` where the request does not say. Raises `bad_request` for what names nobody."""
        if name == "session":
            return self._session()
        if name == "prompt_cache_key":
            return self._cache_key()
        if name == "end_user":
            return end_user_of(self._headers.get(_END_USER), end_users(self._shape, self._body))
        return self._key.attribution.principal if name == "principal" else self._key.name

    def _session(self) -> str | None:
        for name in _SESSION_HEADERS:
            value = self._headers.get(name)
            if value is not None and value.strip():
                return value.strip().decode("utf-8", "surrogateescape")
        for stated in end_users(self._shape, self._body):
            if found := session_in(stated):
                return found
        return None

    def _cache_key(self) -> str | None:
        raw = self._body.raw("prompt_cache_key")
        try:
            return None if raw is None else _decode_text(raw) or None
        except UNREADABLE:
            return None


def session_in(user_id: str) -> str | None:
    """The session that the id of a user has beside the user; `None` where it has none."""
    if user_id.startswith("{"):
        try:
            found = _decode_object(user_id.encode("utf-8", "surrogatepass")).get("session_id")
        except UNREADABLE:
            return None
        return found if isinstance(found, str) and found else None
    return user_id.rpartition(_SESSION_MARK)[2] or None if _SESSION_MARK in user_id else None


def shared_out(found: Resolution, traits: Traits) -> Resolution:
    """What was resolved, in the order of this request: of each model its arms, what stands by, then its fallback."""
    branches = found.branches
    waiting: list[Candidate | str] = [next(iter(branches))]
    seen: set[str] = set()
    order: dict[tuple[str, str], Candidate] = {}
    decided: list[str] = []
    while waiting:
        one = waiting.pop()
        if isinstance(one, Candidate):
            order.setdefault((one.upstream.provider.name, one.model), one)
            continue
        branch = branches.get(one)
        if branch is None or one in seen:
            continue
        seen.add(one)
        arms = [*branch.arms]
        if len(arms) > 1:
            arms, by = _ranked(branch, traits)
            if not order:
                decided.append(by)
        following: list[Candidate | str] = [branch.sharing.get(arm, arm) for arm in arms]
        following += branch.beside
        following += branch.model.fallback
        following.reverse()
        waiting += following
    return Resolution(found.source, tuple(order.values()), (), found.skipped, found.fallback, branches, tuple(decided))


def _ranked(branch: Branch, traits: Traits) -> tuple[list[str], str]:
    """The arms of a model, the one first that is asked first, and what decided."""
    weights = branch.arms
    for name in branch.model.by:
        value = traits.of(name)
        if value is not None:
            seed = f"{branch.model.name}\0{name}\0{value}\0".encode("utf-8", "surrogatepass")
            return sorted(weights, key=lambda arm: _drawn(seed, arm) / weights[arm]), name
    # Of exponential draws, each by its weight, the least is as likely as that weight among all of them.
    return sorted(weights, key=lambda arm: random.expovariate(weights[arm])), BY_WEIGHT


def _drawn(seed: bytes, arm: str) -> float:
    """The same exponential draw for the same seed and arm, on every machine."""
    number = int.from_bytes(blake2b(seed + arm.encode(), digest_size=8).digest(), "big")
    return -math.log((number + 0.5) / _WHOLE)
