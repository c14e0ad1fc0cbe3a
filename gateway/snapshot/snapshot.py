"""The frozen value that a request walks through: everything it needs, compiled; nothing is looked up elsewhere."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from gateway.counters.hold import Hold
from gateway.keys.digest import Pepper
from gateway.policy.judge import Judge
from gateway.providers.base import Provider


class Revision(msgspec.Struct, frozen=True):
    """Which configuration this is: a digest of its content, and the git commit where there is one."""

    digest: str
    commit: str | None

    def __str__(self) -> str:
        return self.digest[:12] if self.commit is None else f"{self.digest[:12]}@{self.commit}"


class Target(msgspec.Struct, frozen=True):
    """Where a model name leads: a provider by name, and the model's name there."""

    provider: str
    model: str


class Attribution(msgspec.Struct, frozen=True):
    """Whom a key's requests are attributed to, widest first."""

    organization: str | None
    team: str | None
    project: str | None
    principal: str | None
    tags: tuple[str, ...]


class Upstream(msgspec.Struct, frozen=True):
    """A provider and what a request holds of the limits of its account."""

    provider: Provider
    holds: tuple[Hold, ...]


class CompiledKey(msgspec.Struct, frozen=True, kw_only=True):
    """A virtual key, ready to be judged by. Times are in seconds since the epoch.

    `upstreams` are the providers that the key may reach, in order of preference; `models_allowed` matches a model in
    one spelling, `None` allows all.
    """

    name: str
    environment: str
    state: str
    expires_at: float | None
    attribution: Attribution
    holds: tuple[Hold, ...]
    judge: Judge
    models_allowed: tuple[Callable[[str], bool], ...] | None
    models_allowed_text: tuple[str, ...]
    aliases: Mapping[str, Target]
    upstreams: Mapping[str, Upstream]
    drains: bool
    stream_keepalive_s: float


class KeyEntry(msgspec.Struct, frozen=True):
    """A key found by its digest. `valid_until` bounds a secret that was rotated away."""

    key: CompiledKey
    valid_until: float | None


class Snapshot:
    """One revision, immutable. Keys are compiled when they are first used, so that a file of many reloads fast."""

    def __init__(
        self,
        *,
        revision: Revision,
        upstreams: Mapping[str, Upstream],
        aliases: Mapping[str, Target],
        pepper: Pepper,
        key_names: Mapping[bytes, str],
        previous_key_names: Mapping[bytes, tuple[str, float]],
        compile_key: Callable[[str], CompiledKey],
        warnings: Sequence[str] = (),
    ) -> None:
        self.revision = revision
        self.revision_label = str(revision)
        self.upstreams = upstreams
        self.aliases = aliases
        self.warnings = warnings
        self._pepper = pepper
        self._key_names = key_names
        self._previous_key_names = previous_key_names
        self._compile_key = compile_key
        self._compiled: dict[str, CompiledKey] = {}

    def authenticate(self, secret: str) -> KeyEntry | None:
        """The key that this secret belongs to, with the same work for every secret."""
        entry = None
        for digest in self._pepper.candidates(secret):
            entry = entry or self._find(digest)
        return entry

    @property
    def key_count(self) -> int:
        """How many virtual keys there are."""
        return len(self._key_names)

    def _find(self, digest: bytes) -> KeyEntry | None:
        name = self._key_names.get(digest)
        if name is not None:
            return KeyEntry(self._key(name), None)
        previous = self._previous_key_names.get(digest)
        if previous is not None:
            return KeyEntry(self._key(previous[0]), previous[1])
        return None

    def _key(self, name: str) -> CompiledKey:
        key = self._compiled.get(name)
        if key is None:
            key = self._compiled[name] = self._compile_key(name)
        return key
