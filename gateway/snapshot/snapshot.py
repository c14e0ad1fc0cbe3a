"""The frozen value that a request walks through: everything it needs, compiled; nothing is looked up elsewhere."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from gateway import clock
from gateway.config.resources import NO_IDENTITIES, Identities
from gateway.content.captured import CapturePolicy
from gateway.counters.hold import Hold
from gateway.keys.digest import Pepper, is_imported
from gateway.keys.virtual_key import PREFIX
from gateway.lanes.base import Translation
from gateway.lanes.counters import Counter
from gateway.lanes.sealing import Seal
from gateway.money.budget import CompiledBudget, Who
from gateway.money.price_times import PriceOverTime
from gateway.policy.judge import Judge
from gateway.providers.base import Provider
from gateway.shapes.endpoints import Endpoint
from gateway.shapes.request_rules import RequestRules
from gateway.snapshot.budgets import Meter, Meterings
from gateway.snapshot.limits import KeyLimits
from gateway.snapshot.prices import Prices
from gateway.snapshot.reservations import Reservations
from gateway.telemetry.collector_settings import CollectorSettings
from gateway.upstream.circuit_breaker import Thresholds

_TELLS_EVERY_S = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Revision:
    """Which configuration this is: a digest of its content, and the git commit where there is one.

    `number` is the revision of the control plane that it comes from.
    """

    digest: str
    commit: str | None
    number: int | None = None

    def __str__(self) -> str:
        if self.number is not None:
            return f"{self.digest[:12]}@r{self.number}"
        return self.digest[:12] if self.commit is None else f"{self.digest[:12]}@{self.commit}"


@dataclass(frozen=True)
class Target:
    """Where a model name leads: a provider by name, and the model's name there."""

    provider: str
    model: str


@dataclass(frozen=True)
class Attribution:
    """Whom a key's requests are attributed to, widest first; as `gateway.config.key_teams` says."""

    organization: str | None
    teams: tuple[str, ...]
    project: str | None
    principal: str | None
    tags: tuple[str, ...]

    @property
    def team(self) -> str | None:
        """The one that reports attribute to."""
        return self.teams[0] if self.teams else None

    def of_key(self, virtual_key: str) -> Who:
        """Whose budgets a key's requests count against."""
        return Who(
            virtual_key=virtual_key,
            organization=self.organization,
            teams=self.teams,
            project=self.project,
            principal=self.principal,
            tags=self.tags,
        )


@dataclass(frozen=True)
class Upstream:
    """A provider, what a request holds of the limits of its account, and when it is left alone.

    `under_way` counts the calls to it since this revision was loaded, for the choice of the least busy.
    `trusts_stated_cost`: what answers state that they cost counts. `rules` are the file's on fields of requests.
    `watched_holds` are those of limits that only warn.
    """

    provider: Provider
    holds: tuple[Hold, ...]
    circuit: Thresholds
    under_way: "UnderWay"
    trusts_stated_cost: bool = False
    rules: RequestRules | None = None
    watched_holds: tuple[Hold, ...] = ()


class UnderWay:
    """How many calls to a provider have begun and not ended."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


@dataclass(frozen=True)
class Step:
    """One entry of an alias: a target, or several that share its requests out by weight."""

    targets: tuple[Target, ...]
    weights: tuple[int, ...] = (1,)
    least_busy: bool = False


@dataclass(frozen=True)
class Model:
    """A model of the file's own: its targets by provider, or the other models between which requests are shared out.

    Of `arms`, named by provider or model, each has a weight; what of a request decides between them is `by`, the first
    that it has. `fallback` are other models.
    """

    name: str
    at: Mapping[str, Target]
    arms: Mapping[str, int]
    by: tuple[str, ...]
    fallback: tuple[str, ...]


@dataclass(frozen=True)
class AliasGlob:
    """An alias that stands for every name that its glob matches; `written` is the glob."""

    written: str
    matches: Callable[[str], bool]
    steps: tuple[Step, ...]

    def stands_for(self, name: str) -> bool:
        """Whether it is about a name; one with a slash only where the glob has one."""
        return ("/" not in name or "/" in self.written) and self.matches(name)


@dataclass(frozen=True)
class FallbackPolicy:
    """Which providers to try and on which failures. Times are in seconds; `None` leaves the provider's own."""

    chain: tuple[str, ...] = ()
    on: frozenset[str] = frozenset(("5xx", "timeout", "rate_limit", "network_error"))
    timeout_s: float | None = None
    unary_timeout_s: float | None = None
    total_timeout_s: float | None = None
    max_attempts: int = 3


@dataclass(frozen=True)
class Lane:
    """The provider's endpoint, and what carries requests and answers across; `None` where bytes pass as they are.

    With `counts` the client wants to know how long the prompt would be alone: `counter` says so, or the gateway, where
    the provider has none.
    """

    endpoint: Endpoint
    translation: Translation | None
    counts: bool = False
    counter: Counter | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to answer a request: a provider, the model's name there, the lane to it, and what it costs when.

    `route` are the models of the file's own by which it was come to, from the one that was asked for.
    """

    upstream: Upstream
    model: str
    lane: Lane
    prices: PriceOverTime
    route: tuple[str, ...] = ()


@dataclass(frozen=True)
class Balance:
    """Candidates from `start` on share the requests, each with its weight."""

    start: int
    weights: tuple[int, ...]
    least_busy: bool


@dataclass(frozen=True)
class Branch:
    """What of a `Model` a key can reach: candidates by the names of arms, or the arms' models; then what stands by."""

    model: Model
    arms: Mapping[str, int]
    sharing: Mapping[str, Candidate]
    beside: tuple[Candidate, ...]


@dataclass(frozen=True)
class Resolution:
    """Where a model name leads for a key at an endpoint: candidates in order, and those that were left out, and why.

    `source` names the rule that found the first. `fallback` is in force even where there is one candidate only.
    `branches` are the models that the candidates are come to by, with the one that was asked for first; they say in
    which order a request has the candidates, and `shared_by` what decided that for this one, model by model.
    """

    source: str
    candidates: tuple[Candidate, ...]
    balances: tuple[Balance, ...]
    skipped: tuple[tuple[Target, str], ...]
    fallback: FallbackPolicy
    branches: Mapping[str, Branch] = field(default_factory=dict)
    shared_by: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InForce:
    """What holds for every key of an owner, beside what each key says itself.

    Of `alias_globs` the one with the most literal characters comes first.
    `upstreams` are the providers that its keys may know of, also those that a key has to list before it reaches them.
    """

    aliases: Mapping[str, tuple[Step, ...]]
    models: Mapping[str, Model]
    alias_globs: tuple[AliasGlob, ...]
    upstreams: Mapping[str, Upstream]
    reservations: Reservations
    charges_missing_usage: bool


@dataclass(frozen=True, kw_only=True)
class CompiledKey:
    """A virtual key, ready to be judged by. Times are in seconds since the epoch.

    `upstreams` are the providers that the key may reach, in order of preference; `models_allowed` matches a model in
    one spelling, `None` allows all. `resolutions` remembers what was resolved, by endpoint and name, and `meterings`
    which budgets count a call: answers that depend on this snapshot alone. `learns` says that one of its budgets holds
    what requests usually cost. `assumed_output_tokens` are those of every answer without a limit, `None` where
    they hang on the model; `own_assumed_output` is what the key says of them. `in_force` is what holds for all keys of
    its owner. `watched` are its rules that only warn, `watched_holds` are of limits that do; `is_watched` says whether
    there are any, at the providers that it reaches too. `rules` are the key's own on fields of requests. `limits` are
    the sets by selector that its requests may count under. `downgrades`: a budget may send them to another model.
    """

    name: str
    in_force: InForce
    environment: str
    state: str
    expires_at: float | None
    attribution: Attribution
    holds: tuple[Hold, ...]
    judge: Judge
    models_allowed: tuple[Callable[[str], bool], ...] | None
    models_allowed_text: tuple[str, ...]
    aliases: Mapping[str, tuple[Step, ...]]
    alias_globs: tuple[AliasGlob, ...]
    upstreams: Mapping[str, Upstream]
    fallback: FallbackPolicy | None
    resolutions: dict[tuple[str, str], Resolution]
    cache_mode: str
    drains: bool
    stream_keepalive_s: float
    translated_keepalive_s: float
    unary_keepalive_s: float
    budgets: tuple[Meter, ...]
    meterings: Meterings
    learns: bool
    assumed_output_tokens: int | None
    own_assumed_output: int | Literal["max"] | None
    trace_collector: str | None
    capture: CapturePolicy | None
    watched: tuple["WatchedRule", ...] = ()
    watched_holds: tuple[Hold, ...] = ()
    is_watched: bool = False
    rules: RequestRules | None = None
    limits: tuple[KeyLimits, ...] = ()
    downgrades: bool = False

    @property
    def edits_bodies(self) -> bool:
        """Whether a provider may get other fields than clients send: by rules, or as its cloud takes them."""
        return self.rules is not None or any(
            one.rules is not None or one.provider.form is not None for one in self.upstreams.values()
        )


@dataclass(frozen=True)
class Warned:
    """Something that would have refused a request if it were enforced: a rule (`policy`) or a `limit`, and its name."""

    by: str
    dimension: str
    name: str


@dataclass(frozen=True)
class WatchedRule:
    """A rule that only warns, and the key as it would be if that were enforced."""

    warned: Warned
    key: CompiledKey


@dataclass(frozen=True)
class KeyEntry:
    """A key found by its digest. `valid_until` bounds a secret that was rotated away.

    `is_imported`: the secret is another gateway's, in the spelling that it has.
    """

    key: CompiledKey
    valid_until: float | None
    is_imported: bool = False


class Snapshot:
    """One revision, immutable. Keys are compiled when they are first used, so that a file of many reloads fast."""

    def __init__(
        self,
        *,
        revision: Revision,
        upstreams: Mapping[str, Upstream],
        in_force: InForce,
        prices: Prices,
        budgets: Sequence[CompiledBudget],
        log_level: str | None,
        trace_collectors: Mapping[str, CollectorSettings],
        pepper: Pepper,
        key_names: Mapping[bytes, str],
        previous_key_names: Mapping[bytes, tuple[str, float]],
        compile_key: Callable[[str], CompiledKey],
        key_ends: Sequence[tuple[float, str]] = (),
        warnings: Sequence[str] = (),
        identities: Identities = NO_IDENTITIES,
    ) -> None:
        self.revision = revision
        self.identities = identities
        self.revision_label = str(revision)
        self.upstreams = upstreams
        self.in_force = in_force
        """What holds for every key whose owner is not confined."""
        self.prices = prices
        self.budgets = budgets
        self.log_level = log_level
        self.trace_collectors = trace_collectors
        self.warnings = warnings
        self.key_ends = key_ends
        """The virtual keys that end by themselves, each with when it does, Unix time, the first to end first."""
        self.seal = Seal(pepper.derived(b"opaque state"))
        """Closes what providers want back from clients of other APIs."""
        self._pepper = pepper
        self._key_names = key_names
        self._previous_key_names = previous_key_names
        self._has_imported = any(map(is_imported, key_names)) or any(map(is_imported, previous_key_names))
        self._compile_key = compile_key
        self._compiled: dict[str, CompiledKey] = {}
        self._entries: dict[bytes, KeyEntry] = {}
        self._tells_again_at = 0.0

    def authenticate(self, secret: str) -> KeyEntry | None:
        """The key that this secret belongs to, with the same work for every secret.

        Other gateways' secrets are looked for where there are any, and never among those of this one's form.
        """
        entry = None
        is_own = not self._has_imported or secret.startswith(PREFIX)
        for digest in self._pepper.candidates(secret) if is_own else self._pepper.imported_candidates(secret):
            entry = entry or self._entries.get(digest) or self._find(digest)
        return entry

    @property
    def has_known_a_key(self) -> bool:
        """Whether a key of this revision was ever presented."""
        return bool(self._entries)

    @property
    def key_pepper(self) -> str | None:
        """The fingerprint of the pepper under which a key was found, where it can be but one."""
        alone = len(self._pepper.fingerprints) == 1
        return self._pepper.fingerprint if alone and self.has_known_a_key else None

    def tell_unknown_key(self) -> None:
        """A well-formed key is not known. Where none ever was, the pepper may be another: that is said now and then."""
        now = clock.monotonic()
        if self._entries or not self._key_names or now < self._tells_again_at:
            return
        self._tells_again_at = now + _TELLS_EVERY_S
        if (doubt := self._pepper.doubt()) is not None:
            _log.warning("a well-formed virtual key is not known here: %s", doubt)
            return
        _log.warning(
            "a well-formed virtual key is not known here, and none of the %d that are was presented since this "
            "configuration was loaded: is GATEWAY_KEY_PEPPER (fingerprint %s) the one that they were hashed under? "
            'printf %%s "$VK" | gateway keys hash says what should stand in the file',
            self.key_count,
            self._pepper.fingerprint,
        )

    @property
    def key_count(self) -> int:
        """How many virtual keys there are."""
        return len(self._key_names)

    @property
    def model_names(self) -> frozenset[str]:
        """The models that the file names for all keys: in aliases, at providers, with prices."""
        steps = (step for steps in self.in_force.aliases.values() for step in steps)
        declared = (model for upstream in self.upstreams.values() for model in upstream.provider.models)
        priced = (target.partition("/")[2] for target in self.prices.written)
        own = (target.model for model in self.in_force.models.values() for target in model.at.values())
        return frozenset((*(target.model for step in steps for target in step.targets), *own, *declared, *priced))

    @property
    def names(self) -> Collection[str]:
        """The names of all virtual keys."""
        return self._key_names.values()

    def key_named(self, name: str) -> CompiledKey:
        """The key of a name, compiled when it is first asked for. Raises `KeyError`."""
        key = self._compiled.get(name)
        if key is None:
            key = self._compiled[name] = self._compile_key(name)
        return key

    def _find(self, digest: bytes) -> KeyEntry | None:
        name, valid_until = self._key_names.get(digest), None
        if name is None:
            name, valid_until = self._previous_key_names.get(digest, (None, None))
        if name is None:
            return None
        entry = self._entries[digest] = KeyEntry(self.key_named(name), valid_until, is_imported(digest))
        return entry
