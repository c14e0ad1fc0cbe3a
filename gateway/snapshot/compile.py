"""Config -> Snapshot: everything that a request needs is built here, keys when they are first used."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gateway.config.key_teams import teams_of_key
from gateway.config.model import Config
from gateway.config.ownership import NOBODYS, Ownership, seen_by
from gateway.config.packed_keys import key_secrets
from gateway.config.resources import NO_IDENTITIES, Identities
from gateway.config.sections.base import Fallback, RateLimits
from gateway.config.sections.models import Model as ModelSection
from gateway.config.sections.policy_rules import PolicyRules
from gateway.config.sections.providers import CostStatingProvider
from gateway.config.sections.providers import Provider as ProviderSection
from gateway.config.sections.request_rules import rules_in_every_api, rules_of
from gateway.config.sections.virtual_keys import (
    FALLBACK_SUFFIX,
    AliasTarget,
    AliasTargets,
    AllowList,
    Balanced,
    VirtualKey,
)
from gateway.counters.hold import Hold, Limit
from gateway.keys.digest import Pepper, parse_hash
from gateway.money.budget import CompiledBudget
from gateway.policy.judge import Judge
from gateway.policy.patterns import compile_glob, is_glob, literals
from gateway.providers.base import Provider
from gateway.providers.registry import ProviderSet
from gateway.snapshot.budgets import Meterings, compile_budgets, meters
from gateway.snapshot.limits import CompiledLimits, ceilings, compile_limits, limits_of
from gateway.snapshot.prices import Prices
from gateway.snapshot.reservations import Reservations
from gateway.snapshot.snapshot import (
    AliasGlob,
    Attribution,
    CompiledKey,
    FallbackPolicy,
    InForce,
    Model,
    Revision,
    Snapshot,
    Step,
    Target,
    UnderWay,
    Upstream,
    Warned,
    WatchedRule,
)
from gateway.snapshot.traces import capture, collector, trace_collector
from gateway.upstream.circuit_breaker import Thresholds

_TRANSLATED_KEEPALIVE_S = 15.0
"""Clients and proxies give up on streams that are silent for a minute or less; what is translated promises no bytes."""
_INLINE = "inline"
"""What rules are called that stand in a key."""


def compile_snapshot(
    config: Config,
    revision: Revision,
    pepper: Pepper,
    providers: ProviderSet,
    identities: Identities = NO_IDENTITIES,
    ownership: Ownership = NOBODYS,
    *,
    in_ledger: bool = True,
) -> Snapshot:
    """The snapshot of a validated configuration; keys of a confined owner see the part of it that acts on them.

    `identities` are what counters call what was renamed, and the ledger too where reports know what that is called.
    """
    built = providers.build(config.providers)
    upstreams = {
        name: _upstream(built[name], section, identities.get(("providers", name), name))
        for name, section in config.providers.items()
    }
    prices = Prices(config)
    budgets = {one.name: one for one in compile_budgets(config.budgets, identities)}
    limits = {one.name: one for one in compile_limits(config.limits, identities)}
    views = {
        owner: _view(seen_by(config, ownership, owner), ownership, owner, upstreams, prices, budgets, limits)
        for owner in (None, *ownership.confined)
    }
    current, previous, ends = _digests(config)

    def compile_key(name: str) -> CompiledKey:
        key = config.virtual_keys[name]
        return _compile_key(name, key, views[ownership.owner_of_key(name)], upstreams, identities)

    return Snapshot(
        revision=revision,
        upstreams=upstreams,
        in_force=views[None].in_force,
        prices=prices,
        budgets=tuple(budgets.values()),
        log_level=config.log_level,
        trace_collectors={name: collector(section) for name, section in config.trace_collectors.items()},
        pepper=pepper,
        key_names=current,
        previous_key_names=previous,
        key_ends=ends,
        compile_key=compile_key,
        identities=identities if in_ledger else NO_IDENTITIES,
    )


@dataclass(frozen=True, kw_only=True)
class _View:
    """The configuration as the keys of a confined owner have it, or all others: `reachable` without listing it.

    `judges` are shared by all keys under the same named rule sets, and what they remember of what passed is, too; and
    so are those of rules that only warn, which are `watching`, by the name of the set and the dimension.
    """

    config: Config
    in_force: InForce
    reachable: Mapping[str, Upstream]
    fallback: FallbackPolicy | None
    budgets: tuple[CompiledBudget, ...]
    limits: tuple[CompiledLimits, ...]
    judges: dict[tuple[str, ...], Judge] = field(default_factory=dict)
    watching: dict[tuple[str, str], Judge] = field(default_factory=dict)


def _view(
    config: Config,
    ownership: Ownership,
    owner: str | None,
    upstreams: Mapping[str, Upstream],
    prices: Prices,
    budgets: Mapping[str, CompiledBudget],
    limits: Mapping[str, CompiledLimits],
) -> _View:
    return _View(
        config=config,
        in_force=InForce(
            aliases=_steps(config.model_aliases),
            models={name: _model(name, section) for name, section in config.models.items()},
            alias_globs=_globs(config.model_aliases),
            upstreams={
                name: one
                for name, one in upstreams.items()
                if owner is None or ownership.may_name(owner, ("providers", name))
            },
            reservations=Reservations(config, prices),
            charges_missing_usage=config.on_missing_usage == "charge_estimate",
        ),
        reachable={name: one for name, one in upstreams.items() if ownership.reaches_unasked(owner, name)},
        fallback=_fallback(config.fallback),
        budgets=tuple(budgets[name] for name in config.budgets),
        limits=tuple(limits[name] for name in config.limits),
    )


def limit_holds(
    owner: str, name: str, identity: str, section: RateLimits | None
) -> tuple[tuple[Hold, ...], tuple[Hold, ...]]:
    """What one request holds of the limits of a key (`owner` is `key`) or of a provider (`provider`).

    First of those that are enforced, then of those that only warn.
    """
    if section is None:
        return (), ()
    found = tuple(
        Hold(Limit(key=f"{owner}:{identity}:{what}", dimension=what, ceiling=most, window_s=window_s, of=name), 1)
        for what, window_s, most in ceilings(section)
    )
    return ((), found) if section.mode == "warn" else (found, ())


def attribution(key: VirtualKey, config: Config) -> Attribution:
    """Whom a key stands for."""
    return Attribution(
        organization=config.organization,
        teams=teams_of_key(key, config),
        project=key.project,
        principal=key.principal,
        tags=tuple(key.tags),
    )


def _upstream(provider: Provider, section: ProviderSection, identity: str) -> Upstream:
    breaker = section.circuit_breaker
    enforced, watched = limit_holds("provider", provider.name, identity, section.rate_limits)
    return Upstream(
        provider,
        enforced,
        Thresholds(breaker.failures, breaker.window_ms / 1000, breaker.open_ms / 1000),
        UnderWay(),
        isinstance(section, CostStatingProvider) and section.trust_stated_cost,
        rules_of(section.request),
        watched,
    )


def _fallback(section: Fallback | None) -> FallbackPolicy | None:
    if section is None:
        return None
    total_ms = section.total_timeout_ms
    return FallbackPolicy(
        chain=tuple(section.chain),
        on=frozenset(section.on),
        timeout_s=section.timeout_ms / 1000,
        unary_timeout_s=None if section.unary_timeout_ms is None else section.unary_timeout_ms / 1000,
        total_timeout_s=None if total_ms is None else total_ms / 1000,
        max_attempts=section.max_attempts,
    )


def _own(of_key: int | None, of_file: int | None) -> int | None:
    return of_file if of_key is None else of_key


def _compile_key(
    name: str, key: VirtualKey, view: _View, upstreams: Mapping[str, Upstream], identities: Identities
) -> CompiledKey:
    config = view.config
    who = attribution(key, config)
    reachable = view.reachable if key.providers is None else {one: upstreams[one] for one in key.providers}
    allow_list = key.allow_list
    enforces_list = allow_list is not None and allow_list.mode == "enforce"
    enforced, watched = limit_holds("key", name, identities.get(("virtual_keys", name), name), key.rate_limits)
    keepalive = _own(key.stream_keepalive_s, config.stream_keepalive_s)
    metered = meters(view.budgets, who.of_key(name), identities)
    limits = limits_of(view.limits, who.of_key(name), identities)
    compiled = CompiledKey(
        name=name,
        in_force=view.in_force,
        environment=key.environment,
        state=key.state,
        expires_at=key.expires_at.timestamp() if key.expires_at is not None else None,
        attribution=who,
        holds=enforced,
        judge=_judge(key, view),
        models_allowed=_matchers(allow_list) if enforces_list else None,
        models_allowed_text=tuple(allow_list.allow) if allow_list is not None and enforces_list else (),
        aliases=_steps(key.model_aliases),
        alias_globs=_globs(key.model_aliases) if key.model_aliases else (),
        upstreams=reachable,
        fallback=_fallback(key.fallback) or view.fallback,
        resolutions={},
        cache_mode=key.cache.mode,
        drains=(key.on_disconnect or config.on_disconnect) == "drain",
        stream_keepalive_s=float(keepalive or 0),
        translated_keepalive_s=_TRANSLATED_KEEPALIVE_S if keepalive is None else float(keepalive),
        unary_keepalive_s=float(_own(key.unary_keepalive_s, config.unary_keepalive_s) or 0),
        budgets=metered,
        meterings=Meterings(metered),
        learns=any(meter.budget.margin is not None for meter in metered),
        assumed_output_tokens=_assumed(key, config, view.in_force.reservations),
        own_assumed_output=key.assumed_output_tokens,
        trace_collector=trace_collector(who, config),
        capture=capture(key.content_capture, config.content_capture),
        watched_holds=watched,
        rules=rules_in_every_api(key.request),
        limits=limits,
        downgrades=any(meter.budget.when_over for meter in metered),
    )
    rules = tuple(_watched_rules(compiled, key, view))
    is_watched = bool(
        rules or watched or any(one.watched_holds for one in reachable.values()) or any(one.of.warns for one in limits)
    )
    return replace(compiled, watched=rules, is_watched=True) if is_watched else compiled


def _assumed(key: VirtualKey, config: Config, reservations: Reservations) -> int | None:
    """Output tokens of an answer without a limit, whatever the model; `None` where they hang on it."""
    assumed = key.assumed_output_tokens or (None if reservations.assumes_by_model else config.assumed_output_tokens)
    return None if assumed == "max" else assumed


def _matchers(allow_list: AllowList | None) -> tuple[Callable[[str], bool], ...] | None:
    return None if allow_list is None else tuple(compile_glob(glob) for glob in allow_list.allow)


def _watched_rules(compiled: CompiledKey, key: VirtualKey, view: _View) -> Iterator[WatchedRule]:
    """The rules of a key that only warn, each with the key as it would be if that one were enforced."""
    for name, rules in _rule_sets(key, view.config):
        for dimension, alone in rules.warning():
            judge = view.watching.get((name, dimension)) if name != _INLINE else None
            if judge is None:
                judge = Judge([(name, alone)])
                if name != _INLINE:
                    view.watching[name, dimension] = judge
            warned = Warned("policy", dimension, f"{name}.{dimension}")
            yield WatchedRule(warned, replace(compiled, judge=judge, resolutions={}))
    allow_list = key.allow_list
    if allow_list is not None and allow_list.mode == "warn":
        as_enforced = replace(
            compiled,
            models_allowed=_matchers(allow_list),
            models_allowed_text=tuple(allow_list.allow),
            resolutions={},
        )
        yield WatchedRule(Warned("policy", "models_allowed", "models_allowed"), as_enforced)


def _rule_sets(key: VirtualKey, config: Config) -> list[tuple[str, PolicyRules]]:
    every = config.policy_rules
    return [(rules, every[rules]) if isinstance(rules, str) else (_INLINE, rules) for rules in key.policy_rules]


def _judge(key: VirtualKey, view: _View) -> Judge:
    named = tuple(rules for rules in key.policy_rules if isinstance(rules, str))
    is_shared = len(named) == len(key.policy_rules)
    judge = view.judges.get(named) if is_shared else None
    if judge is None:
        judge = Judge([(name, rules.enforced) for name, rules in _rule_sets(key, view.config)])
        if is_shared:
            view.judges[named] = judge
    return judge


def _steps(aliases: Mapping[str, AliasTargets]) -> dict[str, tuple[Step, ...]]:
    return {
        alias: tuple(_step(one) for one in (written if isinstance(written, list) else (written,)))
        for alias, written in aliases.items()
    }


def _globs(aliases: Mapping[str, AliasTargets]) -> tuple[AliasGlob, ...]:
    """The aliases that are globs, the one with the most literal characters first."""
    globs = {alias: written for alias, written in aliases.items() if is_glob(alias)}
    found = [
        AliasGlob(alias, compile_glob(alias), steps)
        for alias, steps in _steps(globs).items()
        if not alias.endswith(FALLBACK_SUFFIX)
    ]
    return tuple(sorted(found, key=lambda one: -literals(one.written)))


def _model(name: str, section: ModelSection) -> Model:
    by: tuple[str, ...] = () if section.affinity is None else tuple(section.affinity.by)
    if section.sticky is not None:
        by = (section.sticky, "virtual_key") if section.sticky == "principal" else (section.sticky,)
    return Model(
        name,
        {provider: Target(provider, model) for provider, model in section.at.items()},
        section.split,
        by,
        tuple(section.fallback),
    )


def _step(written: AliasTarget) -> Step:
    if isinstance(written, Balanced):
        targets = tuple(Target(provider, written.model) for provider in written.balance)
        return Step(targets, tuple(written.balance.values()), written.by == "least_busy")
    provider, _, model = written.partition("/")
    return Step((Target(provider, model),))


def _digests(
    config: Config,
) -> tuple[dict[bytes, str], dict[bytes, tuple[str, float]], tuple[tuple[float, str], ...]]:
    """Where each digest leads: for secrets in force, and for those rotated away with the moment when they end.

    And the keys that end, each with when it does, the first to end first.
    """
    ends: list[tuple[float, str]] = []
    current: dict[bytes, str] = {}
    previous: dict[bytes, tuple[str, float]] = {}
    for key in key_secrets(config.virtual_keys):
        if key.secret_hash is None:
            continue  # nobody can present it: its secret is still to be minted
        current[parse_hash(key.secret_hash)] = key.name
        if key.expires_at is not None:
            ends.append((key.expires_at.timestamp(), key.name))
        if key.previous_secret_hash is not None and key.previous_secret_expires_at is not None:
            previous[parse_hash(key.previous_secret_hash)] = (key.name, key.previous_secret_expires_at.timestamp())
    return current, previous, tuple(sorted(ends))
