"""What no schema can say: references, patterns, secrets, dates. One function and one concern each.

A check yields findings; `CHECKS` is the list that runs.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import msgspec

from gateway.config.diagnostics import Severity
from gateway.config.model import Config
from gateway.config.sections.base import Fallback
from gateway.config.sections.policy_rules import PolicyRules
from gateway.config.source import Path
from gateway.config.validate import Finding
from gateway.policy.patterns import compile_glob, compile_re2

FALLBACK_SUFFIX = ":fallback"
_DIMENSIONS = ("tools", "mcp", "urls", "models")
_SECRET_HEADERS = ("authorization", "key", "token", "secret", "cookie", "password")


class Facts(msgspec.Struct, frozen=True):
    """What checks need beside the configuration: which values were references as a whole, and what time it is."""

    referenced: frozenset[Path]
    now: datetime
    strict: bool


class Checked(msgspec.Struct, frozen=True):
    """A finding with its severity."""

    finding: Finding
    severity: Severity = Severity.ERROR


def check(config: Config, facts: Facts) -> Iterator[Checked]:
    """Every finding of every check."""
    for one in CHECKS:
        yield from one(config, facts)


def _attribution(config: Config, _facts: Facts) -> Iterator[Checked]:
    for name, project in config.projects.items():
        yield from _known(project.team, config.teams, "team", ("projects", name, "team"))
    for name, principal in config.principals.items():
        yield from _known(principal.team, config.teams, "team", ("principals", name, "team"))
    for name, key in config.virtual_keys.items():
        at = ("virtual_keys", name)
        yield from _known(key.team, config.teams, "team", (*at, "team"))
        yield from _known(key.project, config.projects, "project", (*at, "project"))
        yield from _known(key.principal, config.principals, "principal", (*at, "principal"))


def _key_references(config: Config, _facts: Facts) -> Iterator[Checked]:
    for name, key in config.virtual_keys.items():
        at = ("virtual_keys", name)
        for index, provider in enumerate(key.providers or ()):
            yield from _known(provider, config.providers, "provider", (*at, "providers", index))
        for index, rules in enumerate(key.policy_rules):
            if isinstance(rules, str):
                yield from _known(rules, config.policy_rules, "policy_rules set", (*at, "policy_rules", index))
        if (not key.providers and key.providers is not None) or not config.providers:
            yield Checked(
                Finding("no-provider", f"the key {name} reaches no provider", at, "Declare or list one.", True)
            )


def _aliases(config: Config, _facts: Facts) -> Iterator[Checked]:
    yield from _alias_table(config.model_aliases, config, ("model_aliases",), None)
    for name, key in config.virtual_keys.items():
        if key.model_aliases:
            yield from _alias_table(key.model_aliases, config, ("virtual_keys", name, "model_aliases"), key.providers)


def _alias_table(
    aliases: Mapping[str, str | list[str]], config: Config, at: Path, reachable: list[str] | None
) -> Iterator[Checked]:
    for alias, written in aliases.items():
        for index, target in enumerate([written] if isinstance(written, str) else written):
            place = (*at, alias) if isinstance(written, str) else (*at, alias, index)
            provider = target.partition("/")[0]
            yield from _known(provider, config.providers, "provider", place)
            if reachable is not None and provider in config.providers and provider not in reachable:
                message = f"the alias leads to {provider}, which this key may not use"
                yield Checked(Finding("unknown-reference", message, place, "Add it to the key's `providers`."))
        prefix, slash, _ = alias.partition("/")
        if slash and prefix in config.providers:
            message = f"the alias {alias!r} hides that model of the provider {prefix}"
            yield Checked(Finding("alias-shadows-provider", message, (*at, alias), None, True), Severity.WARNING)
        base = alias.removesuffix(FALLBACK_SUFFIX)
        if base != alias and base not in aliases and base not in config.model_aliases:
            message = f"there is no alias {base!r} that {alias!r} could continue"
            yield Checked(Finding("alias-without-base", message, (*at, alias), None, True))


def _patterns(config: Config, _facts: Facts) -> Iterator[Checked]:
    for name, rules in config.policy_rules.items():
        yield from _rule_patterns(rules, ("policy_rules", name))
    for name, key in config.virtual_keys.items():
        for index, inline in enumerate(key.policy_rules):
            if isinstance(inline, PolicyRules):
                yield from _rule_patterns(inline, ("virtual_keys", name, "policy_rules", index))
        for index, glob in enumerate(key.models_allowed or ()):
            yield from _compiles(compile_glob, glob, "bad-glob", ("virtual_keys", name, "models_allowed", index))


def _rule_patterns(rules: PolicyRules, at: Path) -> Iterator[Checked]:
    for dimension in _DIMENSIONS:
        rule = getattr(rules, dimension)
        if rule is not None:
            for kind in ("deny", "allow"):
                for index, pattern in enumerate(getattr(rule, kind) or ()):
                    yield from _compiles(compile_re2, pattern, "bad-regex", (*at, dimension, kind, index))


def _compiles(compile_: Callable[[str], object], written: str, code: str, at: Path) -> Iterator[Checked]:
    try:
        compile_(written)
    except ValueError as error:
        hint = "RE2 has no look-around and no back-references." if code == "bad-regex" else None
        yield Checked(Finding(code, str(error), at, hint))


def _fallbacks(config: Config, _facts: Facts) -> Iterator[Checked]:
    if config.fallback is not None:
        yield from _chain(config.fallback, config, None, ("fallback",))
    for name, key in config.virtual_keys.items():
        if key.fallback is not None:
            yield from _chain(key.fallback, config, key.providers, ("virtual_keys", name, "fallback"))


def _chain(fallback: Fallback, config: Config, reachable: list[str] | None, at: Path) -> Iterator[Checked]:
    seen: set[str] = set()
    for index, provider in enumerate(fallback.chain):
        place = (*at, "chain", index)
        yield from _known(provider, config.providers, "provider", place)
        if reachable is not None and provider in config.providers and provider not in reachable:
            message = f"the key may not use {provider}, so the chain never gets there"
            yield Checked(Finding("unreachable-fallback", message, place, "Add it to the key's `providers`."))
        if provider in seen:
            yield Checked(Finding("unreachable-fallback", f"{provider} stands in the chain twice", place))
        seen.add(provider)
    if len(fallback.chain) == 1:
        message = "a chain of one provider has nobody to fall back to"
        yield Checked(Finding("unreachable-fallback", message, (*at, "chain")), Severity.WARNING)


def _secrets(config: Config, facts: Facts) -> Iterator[Checked]:
    severity = Severity.ERROR if facts.strict else Severity.WARNING
    hint = "Write ${env:NAME}, ${file:PATH} or ${runtime-env:NAME} in its place, and replace the credential."
    for name, provider in config.providers.items():
        fields: list[tuple[str, ...]] = [
            (field,) for field in ("api_key", "credentials") if getattr(provider, field, None) is not None
        ]
        fields += [
            ("headers", header)
            for header in provider.headers
            if any(word in header.lower() for word in _SECRET_HEADERS)
        ]
        for field in fields:
            path = ("providers", name, *field)
            if path not in facts.referenced:
                message = f"the credential {'.'.join(field)} stands in the file"
                yield Checked(Finding("secret-in-clear", message, path, hint), severity)


def _key_life(config: Config, facts: Facts) -> Iterator[Checked]:
    owners: dict[str, str] = {}
    for name, key in config.virtual_keys.items():
        at = ("virtual_keys", name)
        if key.expires_at is not None and key.expires_at <= facts.now:
            message = f"the key {name} expired on {key.expires_at.isoformat()}"
            hint = "Move the date, or remove the key."
            yield Checked(Finding("key-expired", message, (*at, "expires_at"), hint), Severity.WARNING)
        if (key.previous_secret_hash is None) != (key.previous_secret_expires_at is None):
            hint = "Give both previous_secret_hash and previous_secret_expires_at, or neither."
            yield Checked(Finding("rotation-without-end", "a rotation is only half written", at, hint, True))
        for field in ("secret_hash", "previous_secret_hash"):
            digest = getattr(key, field)
            if digest is None:
                continue
            owner = owners.setdefault(digest, name)
            if owner != name or (field == "previous_secret_hash" and digest == key.secret_hash):
                hint = "Mint a secret of its own: `gateway keys mint`."
                message = f"{name} has the same secret as {owner}"
                yield Checked(Finding("duplicate-secret", message, (*at, field), hint))


def _budgets(config: Config, _facts: Facts) -> Iterator[Checked]:
    tables: dict[str, Mapping[str, object]] = {
        "team": config.teams,
        "project": config.projects,
        "principal": config.principals,
        "virtual_key": config.virtual_keys,
    }
    tags = {tag for key in config.virtual_keys.values() for tag in key.tags} if config.budgets else set()
    for name, budget in config.budgets.items():
        at = ("budgets", name)
        for kind, table in tables.items():
            yield from _known(getattr(budget.scope, kind), table, kind, (*at, "scope", kind))
        organization, tag = budget.scope.organization, budget.scope.tag
        if organization is not None and organization != config.organization:
            message = f"the organization of this file is {config.organization!r}, not {organization!r}"
            yield Checked(Finding("unknown-reference", message, (*at, "scope", "organization")))
        if tag is not None and tag not in tags:
            message = f"no virtual key carries the tag {tag!r}"
            yield Checked(Finding("unused-budget", message, (*at, "scope", "tag")), Severity.WARNING)
        yield from _known(budget.provider, config.providers, "provider", (*at, "provider"))
        if budget.timezone not in available_timezones():
            message = f"there is no time zone {budget.timezone!r}"
            hint = "Write an IANA name such as Europe/Amsterdam."
            yield Checked(Finding("unknown-time-zone", message, (*at, "timezone"), hint))


def _prices(config: Config, _facts: Facts) -> Iterator[Checked]:
    for target, price in config.prices.items():
        at = ("prices", target)
        yield from _known(target.partition("/")[0], config.providers, "provider", at, at_key=True)
        if not price.model_fields_set:
            yield Checked(Finding("empty-price", f"the price of {target} says nothing", at, None, True))


def _base_urls(config: Config, _facts: Facts) -> Iterator[Checked]:
    for name, provider in config.providers.items():
        if provider.base_url is None:
            continue
        try:
            parts = urlsplit(provider.base_url)
            broken = not parts.hostname or (parts.port is not None and parts.port == 0)
        except ValueError:
            broken, parts = True, urlsplit("")
        if broken or "@" in parts.netloc:
            message = "the URL carries a user name or password" if "@" in parts.netloc else "the URL names no host"
            yield Checked(Finding("invalid-url", message, ("providers", name, "base_url")))


def _known(
    name: str | None, table: Mapping[str, object], kind: str, at: Path, *, at_key: bool = False
) -> Iterator[Checked]:
    if name is None or name in table:
        return
    close = difflib.get_close_matches(name, list(table)[:10_000], n=1)
    hint = f"Did you mean {close[0]!r}?" if close else _declared(table, kind)
    yield Checked(Finding("unknown-reference", f"there is no {kind} named {name!r}", at, hint, at_key))


def _declared(table: Iterable[str], kind: str) -> str:
    names = list(table)[:10]
    return f"Declared: {', '.join(names)}." if names else f"The file declares no {kind}."


CHECKS: tuple[Callable[[Config, Facts], Iterator[Checked]], ...] = (
    _attribution,
    _key_references,
    _aliases,
    _patterns,
    _fallbacks,
    _secrets,
    _key_life,
    _budgets,
    _prices,
    _base_urls,
)
