"""Bifrost's routing rules: what they make of a model's name, as far as that can be said.

https://docs.getbifrost.ai/features/governance/routing
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.importers.draft import Draft, mapping, sequence, share, words

_OF_A_MODEL: Final = re.compile(r"""\s*(?:request\.)?model\s*==\s*(?:'([^'"\\]+)'|"([^'"\\]+)")\s*""")
_ALWAYS: Final = ("", "true")
SCOPES_OF_OWNERS: Final = ("virtual_key", "team", "customer")
"""What a rule may be about; one of any other scope may be about any key."""

_SCOPES: Final = (*SCOPES_OF_OWNERS, "global")
_RULE: Final = {
    "id",
    "name",
    "description",
    "enabled",
    "cel_expression",
    "query",
    "targets",
    "fallbacks",
    "scope",
    "scope_id",
    "priority",
}
_LAST: Final = 10**9


class Target(msgspec.Struct, frozen=True):
    """Where a rule sends a request: a provider of Bifrost's, the model there, one of its keys or any."""

    provider: str
    model: str
    key: str
    share: float


class Rule(msgspec.Struct, frozen=True):
    """A rule. `model` is the one that it is about; empty: it is about every request, or about what cannot be said."""

    name: str
    scope: str
    scope_id: str
    model: str
    targets: tuple[Target, ...]
    stays_with: str
    """The provider that it sends every request to, whatever the model, else empty."""


def read_rules(draft: Draft, governance: Mapping[str, Any]) -> list[Rule]:
    """The rules that are on, the first to be asked first."""
    found: list[tuple[tuple[int, float], Rule]] = []
    for index, written in enumerate(sequence(governance.get("routing_rules"))):
        row = mapping(written)
        where = f"governance.routing_rules[{index}]"
        if row.get("enabled") is False:
            draft.note(where, "left out: it is not enabled")
            continue
        scope = words(row.get("scope")) or "global"
        rank = _SCOPES.index(scope) if scope in _SCOPES else 0
        priority = share(row.get("priority"))
        found.append(((rank, _LAST if priority is None else priority), _rule(draft, where, row, scope)))
    return [rule for _, rule in sorted(found, key=lambda one: one[0])]


def _rule(draft: Draft, where: str, row: dict[str, Any], scope: str) -> Rule:
    written = row.get("cel_expression")
    condition = words(written)
    about = _OF_A_MODEL.fullmatch(condition)
    model = (about[1] or about[2]) if about else ""
    targets = [_target(mapping(one), model) for one in sequence(row.get("targets"))]
    targets += [_fallback(words(one), model) for one in sequence(row.get("fallbacks"))]
    is_read = set(row) <= _RULE or not any(row[name] for name in set(row) - _RULE)
    always = is_read and (written is None or isinstance(written, str)) and condition.strip() in _ALWAYS
    stays = [mapping(one) for one in sequence(row.get("targets"))]
    if not is_read or not targets or any(not one.provider for one in targets):
        model = ""
    if model:
        draft.note(where, f"carried over as what {model!r} stands for")
    is_alone = always and len(stays) == 1 and set(stays[0]) <= {"provider", "weight"}
    if is_alone and sequence(row.get("fallbacks")):
        draft.note(f"{where}.fallbacks", "not carried over: write `fallback.chain` of the keys, with models for each")
    return Rule(
        name=words(row.get("name")) or words(row.get("id")) or where,
        scope=scope,
        scope_id=words(row.get("scope_id")),
        model=model,
        targets=tuple(targets),
        stays_with=words(stays[0].get("provider")) if is_alone else "",
    )


def _target(row: dict[str, Any], model: str) -> Target:
    is_read = not any(row[name] for name in set(row) - {"provider", "model", "key_id", "weight"})
    weight = share(row.get("weight"))
    return Target(
        provider=words(row.get("provider")) if is_read else "",
        model=words(row.get("model")) or model,
        key=words(row.get("key_id")),
        share=1.0 if weight is None else weight,
    )


def _fallback(written: str, model: str) -> Target:
    provider, _, named = written.partition("/")
    return Target(provider=provider, model=named or model, key="", share=0.0)
