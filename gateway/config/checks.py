"""What no schema can say: references, patterns, secrets, dates. One function and one concern each.

A check yields findings. `FILE_CHECKS` see the whole configuration and leave its keys alone; `KEY_CHECKS` see it with
some of its keys at a time.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import chain

from gateway.config.address import parse_address
from gateway.config.budget_checks import budget_checks
from gateway.config.credential_checks import (
    duplicate_secrets,
    key_life,
    keys_without_secret,
    secrets_in_clear,
    secrets_of_no_key,
    virtual_keys_as_credentials,
)
from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Facts, Finding
from gateway.config.key_teams import keys_across_teams
from gateway.config.model import Config
from gateway.config.model_checks import model_checks, own_models_in_lists, servable
from gateway.config.price_checks import locked_prices, price_factors, price_lists, prices
from gateway.config.sections.base import Fallback
from gateway.config.sections.names import lookalikes
from gateway.config.sections.policy_rules import DIMENSIONS, PolicyRules
from gateway.config.sections.providers import AzureProvider, BedrockProvider, VertexProvider
from gateway.config.sections.virtual_keys import FALLBACK_SUFFIX, AliasTargets, Balanced
from gateway.config.source import Path
from gateway.config.trace_checks import content_capture, key_content_capture, trace_collectors
from gateway.config.urls import url_fault
from gateway.policy.patterns import compile_glob, compile_re2, is_glob, literals, may_meet
from gateway.policy.tool_names import MORE_TOOL_NAMES, TOOL_NAMES, can_match

_IN_URLS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?|\$\{.*")
_MOST_GLOBS = 200
_LONG_ANSWER_MS = 120_000


def check_file(config: Config, facts: Facts) -> Iterator[Checked]:
    """Every finding on the sections beside the keys."""
    for one in FILE_CHECKS:
        yield from one(config, facts)


def check_keys(config: Config, facts: Facts) -> Iterator[Checked]:
    """Every finding on the keys of the configuration."""
    for one in KEY_CHECKS:
        yield from one(config, facts)


def _key_providers(config: Config, _facts: Facts) -> Iterator[Checked]:
    for name, key in config.virtual_keys.items():
        at = ("virtual_keys", name)
        lists_none = key.providers is not None and not key.providers
        if lists_none or not config.providers:
            section = None if lists_none else "providers"
            yield Checked(
                Finding("no-provider", f"the key {name} reaches no provider", at, "Declare or list one.", True, section)
            )


def _aliases(config: Config, _facts: Facts) -> Iterator[Checked]:
    yield from _alias_table(config.model_aliases, config, ("model_aliases",), None)


def _key_aliases(config: Config, _facts: Facts) -> Iterator[Checked]:
    for name, key in config.virtual_keys.items():
        if key.model_aliases:
            yield from _alias_table(key.model_aliases, config, ("virtual_keys", name, "model_aliases"), key.providers)


def _alias_table(
    aliases: Mapping[str, AliasTargets], config: Config, at: Path, reachable: list[str] | None
) -> Iterator[Checked]:
    for alias, written in aliases.items():
        for provider, model, place in _alias_targets(written, (*at, alias)):
            yield from servable(config.providers.get(provider), model, place)
            if reachable is not None and provider in config.providers and provider not in reachable:
                message = f"the alias leads to {provider}, which this key may not use"
                yield Checked(Finding("unknown-reference", message, place, "Add it to the key's `providers`."))
        prefix, slash, _ = alias.partition("/")
        if slash and prefix in config.providers:
            message = f"the alias {alias!r} hides that model of the provider {prefix}"
            yield Checked(Finding("alias-shadows-provider", message, (*at, alias), None, True), Severity.WARNING)
        yield from _compiles(compile_glob, alias, "bad-glob", (*at, alias))
        base = alias.removesuffix(FALLBACK_SUFFIX)
        if base != alias and base not in aliases and base not in config.model_aliases:
            message = f"there is no alias {base!r} that {alias!r} could continue"
            yield Checked(Finding("alias-without-base", message, (*at, alias), None, True, "model_aliases"))
    yield from _tied_globs(aliases, at)


def _tied_globs(aliases: Mapping[str, AliasTargets], at: Path) -> Iterator[Checked]:
    """Of the globs that match a name, the one with the most literal characters counts: two may not have as many."""
    alike: dict[int, list[str]] = {}
    for alias in aliases:
        if is_glob(alias) and not alias.endswith(FALLBACK_SUFFIX):
            with suppress(ValueError):  # which is told already
                alike.setdefault(literals(alias), []).append(alias)
    for globs in alike.values():
        for number, glob in enumerate(globs[:_MOST_GLOBS]):
            other = next((one for one in globs[:number] if may_meet(one, glob)), None)
            if other is not None:
                message = f"{glob!r} and {other!r} match the same names with as many literal characters"
                hint = "Write more of one, or name the models themselves."
                yield Checked(Finding("tied-aliases", message, (*at, glob), hint, True))


def _alias_targets(written: AliasTargets, at: Path) -> Iterator[tuple[str, str, Path]]:
    for index, target in enumerate(written if isinstance(written, list) else (written,)):
        place = (*at, index) if isinstance(written, list) else at
        if isinstance(target, Balanced):
            yield from ((provider, target.model, (*place, "balance", provider)) for provider in target.balance)
        else:
            provider, _, model = target.partition("/")
            yield provider, model, place


def _lookalikes(config: Config, _facts: Facts) -> Iterator[Checked]:
    for section, names in (
        ("teams", config.teams),
        ("projects", config.projects),
        ("principals", config.principals),
    ):
        for name, other in lookalikes(names):
            message = f"{name!r} looks like {other!r}, and is another name"
            hint = "Write both alike where they are one, and so that people can tell them apart where they are two."
            yield Checked(Finding("name-looks-like-another", message, (section, name), hint, True))


def _patterns(config: Config, _facts: Facts) -> Iterator[Checked]:
    alphabet = _tool_names(config)
    for name, rules in config.policy_rules.items():
        yield from _rule_patterns(rules, ("policy_rules", name), alphabet)
    globs: dict[Path, str | None] = {
        **{("budgets", name, "model"): one.model for name, one in config.budgets.items()},
        **{("limits", name, "match", "model"): one.match.model for name, one in config.limits.items()},
    }
    for place, glob in globs.items():
        if glob is not None:
            yield from _compiles(compile_glob, glob, "bad-glob", place)


def _key_patterns(config: Config, _facts: Facts) -> Iterator[Checked]:
    alphabet = _tool_names(config)
    for name, key in config.virtual_keys.items():
        for index, inline in enumerate(key.policy_rules):
            if isinstance(inline, PolicyRules):
                yield from _rule_patterns(inline, ("virtual_keys", name, "policy_rules", index), alphabet)
        for glob, path in key.globs():
            yield from _compiles(compile_glob, glob, "bad-glob", ("virtual_keys", name, *path))


def _rule_patterns(rules: PolicyRules, at: Path, alphabet: str) -> Iterator[Checked]:
    for dimension in DIMENSIONS:
        rule = getattr(rules, dimension)
        if rule is not None:
            for kind in ("deny", "allow"):
                for index, pattern in enumerate(getattr(rule, kind) or ()):
                    place = (*at, dimension, kind, index)
                    faults = list(_compiles(compile_re2, pattern, "bad-regex", place))
                    if dimension == "tools" and not faults:
                        faults += _names_tools(pattern, place, alphabet)
                    yield from faults


def _names_tools(pattern: str, at: Path, alphabet: str) -> Iterator[Checked]:
    if not can_match(pattern, alphabet):
        message = "no tool has a name that this pattern matches: providers accept none"
        also = "".join(f", `{char}`" for char in alphabet.removeprefix(TOOL_NAMES))
        hint = f"Names have letters, digits, `_`, `-`{also} only: Bash, shell, apply_patch, mcp__github__push_files."
        yield Checked(Finding("unmatched-tools", message, at, hint), Severity.WARNING)


def _tool_names(config: Config) -> str:
    """Every character of which the providers accept names of tools."""
    more = (MORE_TOOL_NAMES.get(provider.type, "") for provider in config.providers.values())
    return TOOL_NAMES + "".join(sorted(frozenset(chain.from_iterable(more))))


def _compiles(compile_: Callable[[str], object], written: str, code: str, at: Path) -> Iterator[Checked]:
    try:
        compile_(written)
    except ValueError as error:
        hint = "RE2 has no look-around and no back-references." if code == "bad-regex" else None
        yield Checked(Finding(code, str(error), at, hint))


def _fallbacks(config: Config, _facts: Facts) -> Iterator[Checked]:
    if config.fallback is not None:
        yield from _chain(config.fallback, config, None, ("fallback",))
        yield from _patience(config.fallback, ("fallback",))


def _key_fallbacks(config: Config, _facts: Facts) -> Iterator[Checked]:
    for name, key in config.virtual_keys.items():
        if key.fallback is not None:
            at: Path = ("virtual_keys", name, "fallback")
            yield from _chain(key.fallback, config, key.providers, at)
            yield from _patience(key.fallback, at)


def _patience(fallback: Fallback, at: Path) -> Iterator[Checked]:
    """A stream begins within seconds; an answer in one piece comes when all of it was thought and written."""
    written = fallback.model_fields_set
    if "timeout_ms" not in written or "unary_timeout_ms" in written or fallback.timeout_ms >= _LONG_ANSWER_MS:
        return
    message = "answers that are no streams often take longer, and are given up then although the provider bills them"
    hint = "Write `unary_timeout_ms: 300000` beside it."
    yield Checked(Finding("short-unary-timeout", message, (*at, "timeout_ms"), hint), Severity.WARNING)


def _chain(fallback: Fallback, config: Config, reachable: list[str] | None, at: Path) -> Iterator[Checked]:
    seen: set[str] = set()
    for index, provider in enumerate(fallback.chain):
        place = (*at, "chain", index)
        if reachable is not None and provider in config.providers and provider not in reachable:
            message = f"the key may not use {provider}, so the chain never gets there"
            yield Checked(Finding("unreachable-fallback", message, place, "Add it to the key's `providers`."))
        if provider in seen:
            yield Checked(Finding("unreachable-fallback", f"{provider} stands in the chain twice", place))
        seen.add(provider)
    if len(fallback.chain) == 1:
        message = "a chain of one provider has nobody to fall back to"
        yield Checked(Finding("unreachable-fallback", message, (*at, "chain")), Severity.WARNING)


def _base_urls(config: Config, _facts: Facts) -> Iterator[Checked]:
    for name, provider in config.providers.items():
        if provider.base_url is not None and (fault := url_fault(provider.base_url, "as `api_key` or in `headers`")):
            yield Checked(Finding("invalid-url", fault, ("providers", name, "base_url")))


def _places(config: Config, _facts: Facts) -> Iterator[Checked]:
    """What stands in the host or the path of a URL that the gateway writes itself."""
    for name, provider in config.providers.items():
        written: dict[Path, str | None] = {}
        if isinstance(provider, BedrockProvider):
            written = {("region",): provider.region}
        elif isinstance(provider, VertexProvider):
            written = {("project",): provider.project, ("location",): provider.location}
        elif isinstance(provider, AzureProvider) and provider.entra is not None:
            written = {("entra", "tenant_id"): provider.entra.tenant_id}
        for field, value in written.items():
            if value is not None and _IN_URLS.fullmatch(value) is None:
                message = "it stands in a URL, and may have letters, digits, and `-`, `.`, `_` or `:` between them"
                yield Checked(Finding("invalid-url", message, ("providers", name, *field)))


def _moves(config: Config, _facts: Facts) -> Iterator[Checked]:
    seen: set[str] = set()
    for index, move in enumerate(config.moved):
        at: Path = ("moved", index)
        try:
            kind, name = parse_address(move.from_)
            kind_to, name_to = parse_address(move.to)
        except ValueError as error:
            yield Checked(Finding("bad-move", str(error), at))
            continue
        hint = None
        if kind == "settings" or kind != kind_to:
            problem = "only an entry of a section can move, and only within its section"
        elif name in getattr(config, kind):
            problem, hint = f"{move.from_} is declared still", "Give it the new name, or take the rename out."
        elif name_to not in getattr(config, kind):
            problem, hint = f"{move.to} is not declared", "A rename names what this file declares now."
        elif move.from_ in seen or move.to in seen:
            problem = "two renames say something of the same address"
        else:
            problem = None
        if problem is not None:
            yield Checked(Finding("bad-move", problem, at, hint))
        seen |= {move.from_, move.to}


Check = Callable[[Config, Facts], Iterator[Checked]]

FILE_CHECKS: tuple[Check, ...] = (
    _aliases,
    model_checks,
    _lookalikes,
    _patterns,
    _fallbacks,
    secrets_in_clear,
    virtual_keys_as_credentials,
    duplicate_secrets,
    keys_without_secret,
    secrets_of_no_key,
    budget_checks,
    keys_across_teams,
    prices,
    locked_prices,
    price_lists,
    price_factors,
    _base_urls,
    _places,
    trace_collectors,
    content_capture,
    _moves,
)

KEY_CHECKS: tuple[Check, ...] = (
    _key_providers,
    _key_aliases,
    _key_patterns,
    _key_fallbacks,
    key_content_capture,
    key_life,
    own_models_in_lists,
)
