"""Bifrost's virtual keys, with their teams and customers, and what they may reach and spend.

https://docs.getbifrost.ai/features/governance/virtual-keys

A key whose cap, restriction or routing cannot be said here comes disabled: nobody may do more than before, and no
request of theirs reaches another account.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from gateway.importers.bifrost_accounts import Account, listed, secret, tell_rest
from gateway.importers.bifrost_caps import Caps, write_budgets
from gateway.importers.bifrost_routes import SCOPES_OF_OWNERS, Rule, Target
from gateway.importers.draft import (
    Draft,
    amount,
    entry_name,
    in_turns,
    mapping,
    sequence,
    share,
    unique,
    variable_in,
    words,
)
from gateway.importers.kept_secrets import GO_ON, WITHOUT_PEPPER, keep_secret, moment
from gateway.keys.digest import Pepper
from gateway.keys.virtual_key import PREFIX

_KEY: Final = {
    "id",
    "name",
    "description",
    "value",
    "value_hash",
    "is_active",
    "expires_at",
    "calendar_aligned",
    "team_id",
    "customer_id",
    "rate_limit_id",
    "rate_limit",
    "budget_id",
    "budget",
    "budgets",
    "provider_configs",
    "mcp_configs",
    "allow_all_providers",
    "disable_content_logging",
    "metadata",
    "created_at",
    "updated_at",
}
_CONFIG: Final = {
    "id",
    "provider",
    "weight",
    "allowed_models",
    "blacklisted_models",
    "key_ids",
    "allow_all_keys",
    "rate_limit_id",
    "rate_limit",
    "budget_id",
    "budget",
    "budgets",
}
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    **dict.fromkeys(("provider_configs", "budgets", "mcp_configs", "allowed_models", "blacklisted_models"), list),
    "key_ids": list,
    **dict.fromkeys(("id", "team_id", "customer_id", "rate_limit_id", "budget_id"), (str, int)),
    **dict.fromkeys(("is_active", "allow_all_providers", "allow_all_keys"), bool),
}
"""What Bifrost writes in the members that say what a key may do."""
_REGEX: Final = "regex:"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_GLOB: Final = 512
_LONGEST_ID: Final = 200


class Governed(NamedTuple):
    """What holds keys: accounts that there are, caps, routing rules, and reasons that hold for every key."""

    accounts: dict[str, list[Account]]
    caps: Caps
    rules: list[Rule]
    reasons: list[str]
    empty_is_all: bool
    environ: Mapping[str, str]


class _Reach(NamedTuple):
    """An account that a key may use, the models there (`None`: all that it serves), and how much goes to it."""

    account: Account
    peers_name: str
    models: tuple[str, ...] | None
    denied: tuple[str, ...]
    share: float


def read_keys(draft: Draft, governance: dict[str, Any], governed: Governed, pepper: Pepper | None) -> None:
    """Adds the virtual keys with whose they are and what holds them."""
    keys = [mapping(one) for one in sequence(governance.get("virtual_keys"))]
    owners = _Owners(draft, governance, keys, governed.caps)
    configs = [mapping(one) for key in keys for one in sequence(key.get("provider_configs"))]
    lost = governed.caps.orphans({one.get("id") for one in configs})
    model_caps = _ModelCaps(draft, governance, governed)
    for index, key in enumerate(keys):
        where = f"governance.virtual_keys[{index}]"
        if lost and any(mapping(one).get("id") is None for one in sequence(key.get("provider_configs"))):
            text = f"the budget {lost[0]!r} is of a provider config that the file does not tell (provider_config_id)"
            model_caps.of_keys.setdefault(words(key.get("id")), []).append(text)
        _key(draft, where, key, governed, owners, model_caps, pepper)
    if keys:
        draft.note("governance.virtual_keys", GO_ON if pepper is not None else WITHOUT_PEPPER)
        text = (
            "clients send keys as `Authorization: Bearer`, `x-api-key`, `api-key` or `x-goog-api-key`, not as `x-bf-vk`"
        )
        draft.note("governance.virtual_keys", text)
    else:
        draft.note("governance", "there are no virtual keys: nobody gets in without one; `gateway keys mint` makes one")


class _Owners:
    """Teams, customers and business units, with what they hold their keys by."""

    def __init__(self, draft: Draft, governance: dict[str, Any], keys: list[dict[str, Any]], caps: Caps) -> None:
        self._draft = draft
        self._caps = caps
        self._rows = {
            kind: {words(one.get("id")): one for one in map(mapping, sequence(governance.get(section)))}
            for kind, section in _SECTIONS.items()
        }
        self._sharing = Counter(owner for key in keys for owner in self.of(key))
        self._written: dict[tuple[str, str], list[str]] = {}

    def of(self, key: dict[str, Any]) -> list[tuple[str, str]]:
        """Whose a key is: its team, that one's customer and business unit, or its customer."""
        team_id = words(key.get("team_id"))
        team = self._rows["team"].get(team_id, {})
        units = [words(team.get("business_unit_id"))]
        units += [
            identifier
            for identifier, one in self._rows["business-unit"].items()
            if team_id and team_id in sequence(one.get("team_ids"))
        ]
        customers = [words(key.get("customer_id")), words(team.get("customer_id"))]
        named = [
            ("team", team_id),
            *(("customer", one) for one in customers),
            *(("business-unit", one) for one in units),
        ]
        return list(dict.fromkeys(one for one in named if one[1]))

    def hold(self, spec: dict[str, Any], key: dict[str, Any]) -> list[str]:
        """Makes a key its owners'; says what of them cannot be said."""
        reasons: list[str] = []
        for kind, identifier in self.of(key):
            row = self._rows[kind].get(identifier)
            if row is None:
                reasons.append(f"its {kind} {identifier!r} is not in the file, and may have caps")
                continue
            if kind == "team":
                spec["team"] = self._draft.entry("teams", identifier)
            else:
                spec.setdefault("tags", []).append(_tag(kind, identifier))
            if (kind, identifier) not in self._written:
                self._written[kind, identifier] = self._write(kind, identifier, row)
            reasons += self._written[kind, identifier]
            limits, unsaid = self._caps.limits(self._draft, f"governance.{_SECTIONS[kind]}.{identifier}", row)
            if (limits or unsaid) and self._sharing[kind, identifier] > 1:
                reasons.append(f"the rate limit of its {kind}, which several keys share, cannot be said yet")
            else:
                _tighten(spec, limits)
                reasons += unsaid
        return reasons

    def _write(self, kind: str, identifier: str, row: dict[str, Any]) -> list[str]:
        where = f"governance.{_SECTIONS[kind]}.{identifier}"
        tell_rest(self._draft, where, row, _OWNER)
        scope = {"tag": _tag(kind, identifier)}
        if kind == "team":
            name = self._draft.entry("teams", identifier)
            self._draft.section("teams")[name] = {"description": words(row["name"])} if words(row.get("name")) else {}
            scope = {"team": name}
        owner = f"{kind.replace('-', '_')}_id"
        budgets = self._caps.budgets(owner, identifier, row)
        return write_budgets(self._draft, where, scope, f"{kind}-{identifier}", budgets)


_SECTIONS: Final = {"team": "teams", "customer": "customers", "business-unit": "business_units"}
_OWNER: Final = {
    "id",
    "name",
    "customer_id",
    "business_unit_id",
    "team_ids",
    "budget_id",
    "budgets",
    "budget",
    "rate_limit_id",
    "rate_limit",
    "calendar_aligned",
    "virtual_key_count",
}


def _tag(kind: str, identifier: str) -> str:
    return f"{kind}={identifier[:_LONGEST_ID]}"


class _ModelCaps:
    """What `model_configs` and `providers` cap: for everybody, or for one key."""

    def __init__(self, draft: Draft, governance: dict[str, Any], governed: Governed) -> None:
        self.of_all: list[str] = []
        self.of_keys: dict[str, list[str]] = {}
        self.key_rows: dict[str, list[tuple[str, dict[str, Any]]]] = {}
        for index, row in enumerate(map(mapping, sequence(governance.get("model_configs")))):
            where = f"governance.model_configs[{index}]"
            of_key = words(row.get("scope_id"))
            is_of_key = words(row.get("scope")) == "virtual_key"
            if words(row.get("model_name")) != "*" or words(row.get("scope")) not in ("", "global", "virtual_key"):
                self._unsaid(of_key if is_of_key else "", f"a cap of the model {words(row.get('model_name'))!r} alone")
            elif is_of_key:
                self.key_rows.setdefault(of_key, []).append((where, row))
            else:
                self._of_everybody(draft, where, row, governed, words(row.get("provider")))
        for row in map(mapping, sequence(governance.get("providers"))):
            self._of_everybody(
                draft, f"governance.providers.{words(row.get('name'))}", row, governed, words(row.get("name")) or "?"
            )

    def _unsaid(self, key: str, what: str) -> None:
        text = f"{what} cannot be said yet"
        if key:
            self.of_keys.setdefault(key, []).append(text)
        else:
            self.of_all.append(text)

    def _of_everybody(self, draft: Draft, where: str, row: dict[str, Any], governed: Governed, provider: str) -> None:
        budgets = governed.caps.budgets("model_config_id", row.get("id") if "model_name" in row else None, row)
        limits, reasons = governed.caps.limits(draft, where, row)
        accounts = governed.accounts.get(provider, [])
        scope = {"organization": draft.organization()}
        if not provider:
            self.of_all += write_budgets(draft, where, scope, "everybody", budgets)
            self.of_all += [*reasons, *(["a rate limit of all together cannot be said"] if limits else [])]
            return
        self.of_all += reasons
        for account in accounts:
            self.of_all += write_budgets(
                draft,
                where,
                scope,
                f"provider-{account.provider}",
                _shared_out(draft, where, budgets, len(accounts)),
                provider=account.provider,
            )
            own = {name: figure // len(accounts) for name, figure in limits.items()}
            if not all(own.values()):
                self.of_all.append(f"a rate limit of {provider!r} cannot be shared out over its keys")
            _tighten(draft.section("providers")[account.provider], {name: one for name, one in own.items() if one})


def _shared_out(
    draft: Draft, where: str, budgets: list[dict[str, Any] | None], parts: int
) -> list[dict[str, Any] | None]:
    """Budgets for each of several accounts, which allow no more in all."""
    if parts <= 1 or not budgets:
        return budgets
    draft.note(where, "shared out evenly over the accounts, since a budget is of one provider")
    shared: list[dict[str, Any] | None] = []
    for one in budgets:
        whole = None if one is None else amount(one.get("max_limit"))
        shared.append(one if one is None or whole is None else {**one, "max_limit": _part(whole, parts)})
    return shared


def _part(whole: str, parts: int) -> str:
    return str(Decimal(whole) / parts)


def _tighten(spec: dict[str, Any], limits: Mapping[str, int]) -> None:
    """Rate limits that hold besides those that there are."""
    for name, figure in limits.items():
        own = spec.setdefault("rate_limits", {})
        own[name] = min(figure, own.get(name, figure))


def _key(
    draft: Draft,
    where: str,
    key: dict[str, Any],
    governed: Governed,
    owners: _Owners,
    model_caps: _ModelCaps,
    pepper: Pepper | None,
) -> None:
    identifier = words(key.get("id"))
    written = words(key.get("name")) or identifier
    if not written:
        draft.note(where, "left out: it has neither name nor id")
        return
    keys = draft.section("virtual_keys")
    name = unique(entry_name(written), keys)
    spec = keys[name] = {}
    if words(key.get("description")):
        spec["description"] = words(key["description"])
    reasons = [
        *governed.reasons,
        *model_caps.of_all,
        *model_caps.of_keys.get(identifier, ()),
        *_unreadable("key", key, _KEY),
    ]
    reasons += owners.hold(spec, key)
    limits, unsaid = governed.caps.limits(draft, where, key)
    _tighten(spec, limits)
    reasons += unsaid
    scope = {"virtual_key": name}
    own = governed.caps.budgets("virtual_key_id", identifier, key)
    reasons += write_budgets(draft, where, scope, f"key-{name}", own)
    reach, held = _reach(draft, where, name, key, governed, spec)
    reasons += held
    for at, row in model_caps.key_rows.get(identifier, ()):
        reasons += _of_model_config(draft, at, row, governed, name, reach)
    belongs = {("virtual_key", identifier), *owners.of(key)}
    reasons += _routes(draft, where, belongs, governed, spec, reach)
    _conclude(draft, where, name, key, reasons)
    if pepper is not None:
        _secret(draft, where, key, spec, pepper, governed.environ)


def _conclude(draft: Draft, where: str, name: str, key: dict[str, Any], reasons: list[str]) -> None:
    """When a key ends, whether it comes disabled, and what is told besides."""
    spec = draft.section("virtual_keys")[name]
    if not spec["models_allowed"]:
        reasons.append("it may reach no model")
    if key.get("expires_at"):
        if ends := moment(key["expires_at"]):
            spec["expires_at"] = ends
        else:
            reasons.append("when it expires cannot be read")
    for reason in dict.fromkeys(reasons):
        draft.note(where, f"the key {name!r} comes disabled: {reason}")
    if reasons or key.get("is_active") is False:
        spec["state"] = "disabled"
    for member, why in _WHY.items():
        if key.get(member):
            draft.note(f"{where}.{member}", f"not carried over: {why}")


_WHY: Final = {
    "mcp_configs": "no tools are added to requests here; `policy_rules` say which ones requests may bring",
    "disable_content_logging": "see `content_capture` of a key, which is off",
    "metadata": "it has no counterpart",
}


def _unreadable(what: str, row: dict[str, Any], known: set[str]) -> Iterator[str]:
    """What narrows a key and cannot be understood: a member that is not known, or another type than Bifrost writes."""
    for member, value in row.items():
        type_ = _TYPES.get(member)
        if member not in known and value not in (None, False, "", [], {}):
            yield f"{member} of the {what} cannot be said"
            continue
        is_of_type = value is None or type_ is None or isinstance(value, type_)
        if not is_of_type or (isinstance(value, list) and not all(isinstance(one, str | dict) for one in value)):
            yield f"{member} of the {what} cannot be read"


def _reach(
    draft: Draft, where: str, name: str, key: dict[str, Any], governed: Governed, spec: dict[str, Any]
) -> tuple[list[_Reach], list[str]]:
    """The accounts that a key may use, and why what holds it there cannot be said."""
    reasons: list[str] = []
    reach: list[_Reach] = []
    rows = [mapping(one) for one in sequence(key.get("provider_configs"))]
    if key.get("allow_all_providers") is True or (governed.empty_is_all and not rows):
        listed_there = {words(one.get("provider")) for one in rows}
        everything = {"allowed_models": ["*"], "key_ids": ["*"]}
        rows += [{**everything, "provider": one} for one in governed.accounts if one not in listed_there]
    weighted = any(share(one.get("weight")) for one in rows)
    for index, row in enumerate(rows):
        at, provider = f"{where}.provider_configs[{index}]", words(row.get("provider"))
        reasons += _unreadable("provider config", row, _CONFIG)
        keys = (
            None
            if row.get("allow_all_keys") is True
            else listed(row.get("key_ids"), empty_is_all=governed.empty_is_all)
        )
        models = listed(row.get("allowed_models"), empty_is_all=governed.empty_is_all)
        denied = tuple(words(one) for one in sequence(row.get("blacklisted_models")))
        if models is not None and any(one.startswith(_REGEX) for one in models):
            reasons.append("a pattern of models that it may ask for cannot be said (allowed_models)")
        accounts = [one for one in governed.accounts.get(provider, ()) if keys is None or one.name in keys]
        if not accounts:
            draft.note(at, f"leads nowhere: no key of {provider!r} is here")
        whole = sum(one.weight for one in accounts) or 1
        weight = (share(row.get("weight")) or 0.0) if weighted else 1.0
        reach += [
            _Reach(one, provider, models, (*one.denied, *denied), weight * one.weight / whole) for one in accounts
        ]
        reasons += _caps_of_config(draft, at, row, governed, name, accounts, alone=len(rows) == 1, spec=spec)
    return reach, reasons


def _caps_of_config(
    draft: Draft,
    where: str,
    row: dict[str, Any],
    governed: Governed,
    name: str,
    accounts: list[Account],
    *,
    alone: bool,
    spec: dict[str, Any],
) -> list[str]:
    """What a key may spend and ask at one provider."""
    budgets = governed.caps.budgets("provider_config_id", row.get("id"), row)
    reasons: list[str] = []
    for account in accounts:
        shared = _shared_out(draft, where, budgets, len(accounts))
        wanted = f"key-{name}-{account.provider}"
        reasons += write_budgets(draft, where, {"virtual_key": name}, wanted, shared, provider=account.provider)
    limits, unsaid = governed.caps.limits(draft, where, row)
    if alone:
        _tighten(spec, limits)
        return reasons + unsaid
    return reasons + unsaid + (["a rate limit at one of several providers cannot be said yet"] if limits else [])


def _of_model_config(
    draft: Draft, where: str, row: dict[str, Any], governed: Governed, name: str, reach: list[_Reach]
) -> list[str]:
    """A cap of everything that a key asks, or of what it asks at one provider."""
    budgets = governed.caps.budgets("model_config_id", row.get("id"), row)
    limits, reasons = governed.caps.limits(draft, where, row)
    provider, scope = words(row.get("provider")), {"virtual_key": name}
    if not provider:
        _tighten(draft.section("virtual_keys")[name], limits)
        return reasons + write_budgets(draft, where, scope, f"key-{name}", budgets)
    accounts = [one.account.provider for one in reach if one.peers_name == provider]
    for account in accounts:
        shared = _shared_out(draft, where, budgets, len(accounts))
        reasons += write_budgets(draft, where, scope, f"key-{name}-{account}", shared, provider=account)
    return reasons + (["a rate limit at one of several providers cannot be said yet"] if limits else [])


def _routes(
    draft: Draft,
    where: str,
    belongs: set[tuple[str, str]],
    governed: Governed,
    spec: dict[str, Any],
    reach: list[_Reach],
) -> list[str]:
    """Writes what a key may ask for and where each name leads; says which rules cannot be said."""
    allowed: list[str] = []
    for one in reach:
        names = _explicit(one)
        if names is None:
            allowed.append(f"{one.account.provider}/*")
        allowed += [f"{one.account.provider}/{_literal(one.account.model(model))}" for model in names or ()]
    fitting = [one for one in dict.fromkeys(allowed) if len(one) <= _LONGEST_GLOB]
    if len(fitting) < len(dict.fromkeys(allowed)):
        draft.note(where, "a model's name is too long, and left out")
    denied = [pattern for one in reach for pattern in _denied(one)]
    aliases = _aliases(draft, where, reach)
    reasons = _obey(belongs, governed, reach, aliases, denied)
    spec["providers"] = list(dict.fromkeys(one.account.provider for one in reach))
    spec["models_allowed"] = fitting
    if not spec["providers"]:
        del spec["providers"]
    if aliases:
        spec["model_aliases"] = aliases
    if denied:
        spec["policy_rules"] = [{"models": {"deny": list(dict.fromkeys(denied))}}]
    return reasons


def _explicit(one: _Reach) -> list[str] | None:
    """The models that a key may ask an account for by name; `None`: whichever."""
    if "*" in one.denied:
        return []
    if one.models is None and one.account.models is None:
        return None
    names = one.account.models if one.models is None else one.models
    return [name for name in names or () if _may_ask(one, name) and not name.startswith(_REGEX)]


def _may_ask(one: _Reach, model: str) -> bool:
    """Whether a key may ask an account for a model."""
    is_named = one.models is None or model in one.models
    return is_named and "*" not in one.denied and model not in one.denied and one.account.serves(model)


def _literal(name: str) -> str:
    """A glob that only a name matches."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def _denied(one: _Reach) -> Iterator[str]:
    """What a key may not ask an account for, as patterns of rules."""
    provider = re.escape(one.account.provider)
    for name in one.denied:
        if name.startswith(_REGEX):
            yield f"(?i)^{provider}/(?:{name.removeprefix(_REGEX)})$"
        elif name and name != "*":
            for model in dict.fromkeys((name, one.account.model(name))):
                yield f"(?i)^{provider}/{re.escape(model)}$"


def _aliases(draft: Draft, where: str, reach: list[_Reach]) -> dict[str, Any]:
    """What each model that has a name leads to: with its provider before it, and alone."""
    naming: dict[tuple[str, str], None] = {}
    for one in reach:
        names = _explicit(one)
        naming.update(((model, one.peers_name), None) for model in (one.account.aliases if names is None else names))
    serving: dict[str, list[tuple[_Reach, str]]] = {}
    for model, peers_name in naming:
        for one in reach:
            if one.peers_name == peers_name and _may_ask(one, model):
                for spelled in (model, f"{peers_name}/{model}"):
                    serving.setdefault(spelled, []).append((one, one.account.model(model)))
    found: dict[str, Any] = {}
    for model, some in serving.items():
        if len({wire for _, wire in some}) > 1:
            text = f"accounts call {model!r} by different names, so they are asked in order and not in turns"
            draft.note(where, text)
        targets = _targets([(one.account.provider, wire, one.share) for one, wire in some])
        if targets != model:
            found[model] = targets
    return found


def _targets(some: list[tuple[str, str, float]]) -> Any:
    """Targets, each with its share: in turns where all call the model alike; those without a share stand by."""
    sharing = [one for one in some if one[2] > 0] or some
    if len({wire for _, wire, _ in sharing}) == 1:
        targets = in_turns(sharing[0][1], {provider: part for provider, _, part in sharing})
    else:
        targets = [f"{provider}/{wire}" for provider, wire, _ in sorted(sharing, key=lambda one: -one[2])]
    targets += [f"{provider}/{wire}" for provider, wire, part in some if part <= 0]
    targets = [one for index, one in enumerate(targets) if one not in targets[:index]]
    return targets[0] if len(targets) == 1 and isinstance(targets[0], str) else targets


def _obey(
    belongs: set[tuple[str, str]],
    governed: Governed,
    reach: list[_Reach],
    aliases: dict[str, Any],
    denied: list[str],
) -> list[str]:
    """Does to names what routing rules do; says which ones cannot be said."""
    reasons: list[str] = []
    ruled: set[str] = set()
    providers = {one.peers_name for one in reach}
    for rule in governed.rules:
        if rule.scope in SCOPES_OF_OWNERS and (rule.scope, rule.scope_id) not in belongs:
            continue
        if not rule.model:
            if not rule.stays_with or providers - {rule.stays_with}:
                reasons.append(f"the routing rule {rule.name!r} cannot be said")
            continue
        if rule.model in ruled:
            continue
        ruled.add(rule.model)
        led = [one for target in rule.targets for one in _led(target, reach)]
        targets = {(provider, wire): part for provider, wire, part in reversed(led)}
        for spelled in (rule.model, *(f"{one}/{rule.model}" for one in governed.accounts)):
            if targets:
                ordered = [(*place, part) for place, part in reversed(targets.items())]
                aliases[spelled] = _targets(ordered)
            else:
                aliases.pop(spelled, None)
        for one in reach:
            wire = one.account.model(rule.model)
            if (one.account.provider, wire) not in targets:
                denied.append(f"(?i)^{re.escape(one.account.provider)}/{re.escape(wire)}$")
    return reasons


def _led(target: Target, reach: list[_Reach]) -> Iterator[tuple[str, str, float]]:
    """The accounts of a rule's target that a key may use for the model, with their parts."""
    some = [
        one
        for one in reach
        if one.peers_name == target.provider and target.key in ("", one.account.name) and _may_ask(one, target.model)
    ]
    whole = sum(one.account.weight for one in some) or 1
    for one in some:
        yield one.account.provider, one.account.model(target.model), target.share * one.account.weight / whole


def _secret(
    draft: Draft, where: str, key: dict[str, Any], spec: dict[str, Any], pepper: Pepper, environ: Mapping[str, str]
) -> None:
    """The secret goes on where the file, or a variable that it names, has it, or its hash."""
    value = secret(key.get("value"))
    variable = variable_in(value)
    text = environ.get(variable, "") if variable else value if isinstance(value, str) else ""
    kept = words(key.get("value_hash"))
    if text.startswith(PREFIX):
        draft.note(
            f"{where}.value", f"the secret cannot come along: it begins with {PREFIX}, as keys of this gateway do"
        )
    elif text and not text.startswith("vault."):
        keep_secret(spec, hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(), pepper)
    elif _SHA256.fullmatch(kept):
        keep_secret(spec, bytes.fromhex(kept), pepper)
    else:
        why = f"set {variable} while importing, and it goes on" if variable else "it is not in the file"
        draft.note(f"{where}.value", f"the secret cannot come along: {why}")
