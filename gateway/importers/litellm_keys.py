"""LiteLLM's virtual keys with their teams, users and budgets, from its database or `/key/list`, as JSON.

https://docs.litellm.ai/docs/proxy/virtual_keys, https://docs.litellm.ai/docs/proxy/users

LiteLLM keeps SHA-256 digests of its secrets. Under the pepper each becomes a keyed hash, so that people go on with the
secrets that they have; without one, keys come without a hash, and a control plane mints secrets at apply. A key whose
cap or restriction cannot be said here comes disabled: nobody may do more than before.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple

from gateway.importers.draft import Draft, amount, entry_name, mapping, number, sequence, unique, words
from gateway.importers.kept_secrets import GO_ON, WITHOUT_PEPPER, keep_secret, moment
from gateway.keys.digest import Pepper

_LIMITS: Final = {"rpm_limit": "rpm", "tpm_limit": "tpm", "max_parallel_requests": "concurrency"}
_EVERY_MODEL: Final = ("all-proxy-models", "*")
_OF_THE_TEAM: Final = "all-team-models"
_LONGEST_GLOB: Final = 512
_EVERY_ROUTE: Final = ("*", "llm_api_routes", "openai_routes")
_RESTRICTIONS: Final = {
    "model_max_budget": "a budget of one model",
    "config": "a configuration",
    "router_settings": "a list of router settings",
    "object_permission": "a list of servers and stores",
    "policies": "a list of policies",
    "allowed_model_region": "a region of models",
    "tpd_limit": "a limit of tokens per day",
    "allowed_cache_controls": "a list of cache controls",
    "budget_fallbacks": "a fallback for a budget",
    "object_permission_id": "a list of servers and stores",
    "model_rpm_limit": "a limit of one model's requests",
    "model_tpm_limit": "a limit of one model's tokens",
    "agent_id": "an agent with limits",
    "metadata.model_rpm_limit": "a limit of one model's requests",
    "metadata.model_tpm_limit": "a limit of one model's tokens",
    "metadata.guardrails": "a guardrail",
    "metadata.policies": "a list of policies",
    "metadata.enforced_params": "a list of parameters that requests must have",
    "metadata.max_iterations": "a limit of iterations",
}
"""What narrows a key, and comes along in part or not at all."""
_TYPES: Final[dict[str, type]] = {
    **dict.fromkeys(("models", "allowed_routes", "budget_limits"), list),
    **dict.fromkeys(("metadata", "aliases"), dict),
    **dict.fromkeys(("team_id", "user_id", "project_id", "organization_id", "org_id", "budget_id"), str),
    "blocked": bool,
}
"""What LiteLLM writes in the members that say what a key may do."""
_OWNERS: Final = ("teams", "users", "team_memberships", "budgets", "projects", "organizations", "tags")
"""The tables that say what holds keys beside their own rows."""
_OF_MODELS: Final = {
    **dict.fromkeys(("model_rpm_limit", "metadata.model_rpm_limit"), "rpm"),
    **dict.fromkeys(("model_tpm_limit", "metadata.model_tpm_limit"), "tpm"),
}
"""Limits of a key's single models, and what they are called here."""
_LONGEST_TAG: Final = 256
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class Models(NamedTuple):
    """What names stand for: access groups, patterns, and the names of the list with what each leads to by itself."""

    groups: dict[str, list[str]]
    patterns: dict[str, list[str]]
    leads_to: dict[str, list[Any]]


class Dump:
    """The rows of a dump by their ids."""

    def __init__(self, dump: object) -> None:
        document = mapping(dump)
        rows = sequence(dump) or sequence(document.get("keys")) or sequence(document.get("data"))
        self.keys = [mapping(one) for one in rows]
        self.names: list[str] = []
        """What each key is called here, empty where it is left out."""
        self.teams = _by_id(document, "teams", "team_id")
        self.users = _by_id(document, "users", "user_id")
        self.budgets = _by_id(document, "budgets", "budget_id")
        self.projects = _by_id(document, "projects", "project_id")
        self.organizations = _by_id(document, "organizations", "organization_id")
        self.tags = _by_id(document, "tags", "tag_name")
        self.end_users = _by_id(document, "end_users", "user_id")
        self.memberships = [mapping(one) for one in sequence(document.get("team_memberships"))]
        self.sharing = {name: Counter(words(key.get(name)) for key in self.keys) for name in ("team_id", "user_id")}
        self.missing = [name for name in _OWNERS if not isinstance(document.get(name), list)]
        """Tables of owners that the dump does not have."""

    def with_budget(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with what the budget that it names says; its own comes first."""
        named = mapping(row.get("litellm_budget_table")) or self.budgets.get(words(row.get("budget_id")), {})
        return {**{name: value for name, value in named.items() if value is not None}, **_stated(row)}


def _by_id(document: dict[str, Any], section: str, name: str) -> dict[str, dict[str, Any]]:
    rows = [mapping(one) for one in sequence(document.get(section))]
    return {words(row.get(name)): row for row in rows if words(row.get(name))}


def _stated(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def read_keys(draft: Draft, written: object, models: Models, pepper: Pepper | None = None) -> None:
    """Adds keys, teams, principals and budgets: of a list of keys, or of a mapping of LiteLLM's tables, or their rows.

    With `pepper` the secrets go on.
    """
    dump = written if isinstance(written, Dump) else Dump(written)
    _tell_unseen(draft, dump)
    for identifier, row in dump.teams.items():
        _team(draft, dump, identifier, row)
    for identifier, row in dump.users.items():
        _user(draft, dump, identifier, row)
    _others(draft, dump)
    for index, key in enumerate(dump.keys):
        _key(draft, dump, f"keys[{index}]", dump.with_budget(key), models)
    if pepper is not None:
        _keep_secrets(draft, dump, pepper)
    elif draft.sections.get("virtual_keys"):
        draft.note("keys", WITHOUT_PEPPER)


def _others(draft: Draft, dump: Dump) -> None:
    """Caps of tags, organizations and end users."""
    carried = {tag for one in dump.keys for tag in _tags(one).get("tags", ())}
    for tag, row in dump.tags.items():
        if tag in carried:
            _budgets(draft, f"tags.{tag}", {"tag": tag}, f"tag-{tag}", dump.with_budget(row))
        elif dump.with_budget(row).get("max_budget") is not None:
            draft.note(f"tags.{tag}", "not carried over: no key has this tag, and requests name none here")
    for identifier, row in dump.organizations.items():
        if dump.with_budget(row).get("max_budget") is not None:
            text = "there is one organization here: write a budget for each of its teams"
            draft.note(f"organizations.{identifier}.max_budget", f"the keys of its teams come disabled: {text}")
    for identifier, row in dump.end_users.items():
        if row.get("blocked") is True or dump.with_budget(row).get("max_budget") is not None:
            draft.note(f"end_users.{identifier}", "not carried over: an end user has no entry of their own here")


def _tell_unseen(draft: Draft, dump: Dump) -> None:
    if dump.keys and dump.missing:
        text = (
            f"what caps teams, users and the like is not seen: the dump has no {', '.join(dump.missing)}. Keys that "
            "one of these may hold come disabled; give the tables beside `keys`"
        )
        draft.note("keys", text)


def _keep_secrets(draft: Draft, dump: Dump, pepper: Pepper) -> None:
    for index, (name, key) in enumerate(zip(dump.names, dump.keys, strict=True)):
        spec = draft.section("virtual_keys").get(name)
        token = words(key.get("token"))
        if spec is None:
            continue
        if _SHA256.fullmatch(token):
            keep_secret(spec, bytes.fromhex(token), pepper)
        else:
            draft.note(f"keys[{index}].token", f"the secret of {name!r} cannot come along: it is no SHA-256 in hex")
    draft.note("keys", GO_ON)


def _team(draft: Draft, dump: Dump, identifier: str, row: dict[str, Any]) -> None:
    name = _team_name(draft, identifier)
    if alias := words(row.get("team_alias")):
        draft.section("teams")[name]["description"] = alias
    where = f"teams.{identifier}"
    _budgets(draft, where, {"team": name}, f"team-{name}", dump.with_budget(row))
    _shared_limits(draft, {"team": name}, f"team-{name}", dump.with_budget(row), dump.sharing["team_id"][identifier])
    shared = _of_members_alike(dump, identifier)
    members = [one for one in member_rows(dump) if words(one.get("team_id")) == identifier] or (
        [] if shared is None else [shared]
    )
    capped = [one for one in members if one.get("max_budget") is not None]
    if capped and len(capped) == len(members) and len({str(_cap(one)) for one in capped}) == 1:
        draft.budget(where, {"team": name}, f"team-{name}-members", capped[0], each="principal")


def member_rows(dump: Dump) -> list[dict[str, Any]]:
    """What each member of a team may spend in it: a budget of their own, else the one that the team gives to all."""
    rows = [dump.with_budget(one) for one in dump.memberships]
    shared = [_of_members_alike(dump, words(one.get("team_id"))) or {} for one in rows]
    return [{**whole, **_stated(one)} for whole, one in zip(shared, rows, strict=True)]


def _of_members_alike(dump: Dump, team: str) -> dict[str, Any] | None:
    metadata = mapping(dump.teams.get(team, {}).get("metadata"))
    return dump.budgets.get(words(metadata.get("team_member_budget_id")))


def _cap(row: dict[str, Any]) -> tuple[Any, Any]:
    return row.get("max_budget"), row.get("budget_duration")


def _user(draft: Draft, dump: Dump, identifier: str, row: dict[str, Any]) -> None:
    name = _principal_name(draft, identifier)
    _budgets(draft, f"users.{identifier}", {"principal": name}, f"principal-{name}", dump.with_budget(row))
    keys = dump.sharing["user_id"][identifier]
    _shared_limits(draft, {"principal": name}, f"principal-{name}", dump.with_budget(row), keys)


def _shared_limits(draft: Draft, match: dict[str, str], wanted: str, row: dict[str, Any], keys: int) -> None:
    """Limits of a row that several keys share; those of a key alone are its own."""
    if keys > 1:
        limits = {ours: number(row.get(theirs)) for theirs, ours in _LIMITS.items()}
        draft.limit(match, wanted, {ours: most for ours, most in limits.items() if most is not None})


def _team_name(draft: Draft, identifier: str) -> str:
    name = draft.entry("teams", identifier)
    draft.section("teams").setdefault(name, {})
    return name


def _principal_name(draft: Draft, identifier: str) -> str:
    name = draft.entry("principals", identifier)
    if draft.section("principals").setdefault(name, {}) == {} and name != identifier:
        draft.section("principals")[name]["description"] = identifier
    return name


def _budgets(draft: Draft, where: str, scope: dict[str, str], wanted: str, row: dict[str, Any]) -> None:
    """The caps of a row: one that warns, one that blocks, and those of several windows."""
    draft.budget(where, scope, wanted, row)
    if row.get("soft_budget") is not None:
        soft = {"max_budget": row["soft_budget"], "budget_duration": row.get("budget_duration")}
        draft.budget(f"{where}.soft_budget", scope, f"{wanted}-soft", soft, on_breach="warn")
    for one in sequence(row.get("budget_limits")):
        draft.budget(f"{where}.budget_limits", scope, wanted, mapping(one))
    if row.get("spend"):
        draft.note(
            f"{where}.spend", "windows begin at zero; `gateway import litellm --spend DUMP` writes what was spent"
        )


def _key(draft: Draft, dump: Dump, where: str, key: dict[str, Any], models: Models) -> None:
    written = words(key.get("key_alias")) or words(key.get("key_name"))
    keys = draft.section("virtual_keys")
    name = unique(entry_name(written), keys) if written else ""
    dump.names.append(name)
    if not name:
        draft.note(where, "left out: it has neither key_alias nor key_name")
        return
    owner = _Owner(dump, key)
    allowed = _models(draft, where, _allowed(key, owner, models.groups), models)
    spec = keys[name] = {
        **({"team": _team_name(draft, owner.team_id)} if owner.team_id else {}),
        **({"principal": _principal_name(draft, owner.user_id)} if owner.user_id else {}),
        "models_allowed": allowed,
        **_aliases(draft, where, key),
        **_limits(key, owner),
        **_tags(key),
    }
    said = _of_single_models(draft, where, name, key, models)
    reasons = [*_unseen(dump, key, owner), *_reasons(key, owner, said), *_of_members(draft, dump, owner, spec)]
    if not allowed:
        reasons.append("there is no model that both it and its team may ask for")
    if key.get("expires"):
        ends = moment(key["expires"])
        if ends:
            spec["expires_at"] = ends
        else:
            reasons.append("when it expires cannot be read")
    for reason in reasons:
        draft.note(where, f"the key {name!r} comes disabled: {reason}")
    if reasons or key.get("blocked") is True:
        spec["state"] = "disabled"
    _budgets(draft, where, {"virtual_key": name}, f"key-{name}", key)


class _Owner:
    """Whose a key is: the rows of its team, user and project, empty where it has none."""

    def __init__(self, dump: Dump, key: dict[str, Any]) -> None:
        self.team_id, self.user_id = words(key.get("team_id")), words(key.get("user_id"))
        self.team = dump.with_budget(dump.teams.get(self.team_id, {}))
        self.user = dump.with_budget(dump.users.get(self.user_id, {}))
        self.project = dump.with_budget(dump.projects.get(words(key.get("project_id")), {}))
        self.sharing = {
            "team": dump.sharing["team_id"][self.team_id],
            "user": dump.sharing["user_id"][self.user_id],
        }
        rows = (self.team, key)
        stated = [words(row.get(name)) for row in rows for name in ("organization_id", "org_id")]
        self.organization_id = next(filter(None, stated), "")
        self.organization = dump.with_budget(dump.organizations.get(self.organization_id, {}))

    @property
    def rows(self) -> tuple[tuple[str, dict[str, Any]], ...]:
        return (
            ("team", self.team),
            ("user", self.user),
            ("project", self.project),
            ("organization", self.organization),
        )


def _aliases(draft: Draft, where: str, key: dict[str, Any]) -> dict[str, Any]:
    known, aliases = draft.section("model_aliases"), {}
    for name, model in mapping(key.get("aliases")).items():
        if words(model) in known:
            aliases[name] = known[words(model)]
        else:
            text = f"{name!r} stands for {words(model)!r}, which is no model of the list"
            draft.note(f"{where}.aliases", text)
    return {"model_aliases": aliases} if aliases else {}


def _limits(key: dict[str, Any], owner: _Owner) -> dict[str, Any]:
    """The limits of a key, and those of its team and its user where it is their only one."""
    limits: dict[str, int] = {}
    alone = [row for what, row in owner.rows if owner.sharing.get(what) == 1]
    for row in (key, *alone):
        for theirs, ours in _LIMITS.items():
            limit = number(row.get(theirs))
            if limit is not None:
                limits[ours] = min(limit, limits.get(ours, limit))
    return {"rate_limits": limits} if limits else {}


def _tags(key: dict[str, Any]) -> dict[str, Any]:
    tags = [words(one)[:_LONGEST_TAG] for one in sequence(mapping(key.get("metadata")).get("tags")) if words(one)]
    return {"tags": tags} if tags else {}


def _of_single_models(draft: Draft, where: str, name: str, key: dict[str, Any], models: Models) -> set[str]:
    """Limits and budgets of single models of a key; the members that are said whole.

    A name that leads to several models at once would have to be one glob.
    """
    stated = {**{f"metadata.{one}": value for one, value in mapping(key.get("metadata")).items()}, **key}
    said: set[str] = set()
    limits: dict[str, dict[str, int]] = {}
    for field, ours in _OF_MODELS.items():
        wanted = {model: number(most) for model, most in mapping(stated.get(field)).items()}
        targets = {model: _leads_to(models.leads_to.get(model, [])) for model in wanted}
        if all(wanted.values()) and all(len(found) == 1 for found in targets.values()):
            said.add(field)
            for model, most in wanted.items():
                limits.setdefault(targets[model][0], {})[ours] = most or 1
    for target, found in limits.items():
        draft.limit({"virtual_key": name, "model": target}, f"key-{name}-{target}", found)
    caps = {model: _cap_of_model(written) for model, written in mapping(key.get("model_max_budget")).items()}
    targets = {model: _leads_to(models.leads_to.get(model, [])) for model in caps}
    if all(amount(one["max_budget"]) for one in caps.values()) and all(len(found) == 1 for found in targets.values()):
        said.add("model_max_budget")
        for model, cap in caps.items():
            (target,) = targets[model]
            draft.budget(where, {"virtual_key": name}, f"key-{name}-{target}", cap, model=target)
    return said


def _cap_of_model(written: object) -> dict[str, Any]:
    """`{budget_limit: 5, time_period: 1d}`, which later versions call as elsewhere, or the amount alone."""
    cap = mapping(written) or {"max_budget": written}
    most = cap.get("max_budget", cap.get("budget_limit"))
    return {"max_budget": most, "budget_duration": cap.get("budget_duration", cap.get("time_period"))}


def _reasons(key: dict[str, Any], owner: _Owner, said: Collection[str]) -> Iterator[str]:
    """Why a key would do more here than there, as far as it would; `said` are members of its own that come along."""
    for what, row in (("key", key), *owner.rows):
        yield from _unreadable(what, row)
        stated = {**row, **{f"metadata.{name}": value for name, value in mapping(row.get("metadata")).items()}}
        for field, restriction in _RESTRICTIONS.items():
            if stated.get(field) and not (what == "key" and field in said):
                yield f"{restriction} of the {what} cannot be said yet ({field})"
    routes = [words(one) for one in sequence(key.get("allowed_routes"))]
    if routes and not any(one in _EVERY_ROUTE for one in routes):
        yield "a list of routes cannot be said (allowed_routes)"
    yield from _of_owners(owner)


def _unseen(dump: Dump, key: dict[str, Any], owner: _Owner) -> Iterator[str]:
    """What may hold a key, and is not in the dump."""
    if owner.team_id and owner.team_id not in dump.teams:
        yield "its team is not in the dump, and may have caps (`teams`)"
    # Keys may name a user that LiteLLM has no row of, and members need none: only that there is a table tells.
    if owner.user_id and "users" in dump.missing:
        yield "its user is not in the dump, and may have caps (`users`)"
    if owner.team_id and owner.user_id and "team_memberships" in dump.missing:
        yield "what its user may spend in its team is not in the dump (`team_memberships`)"
    if _tags(key) and "tags" in dump.missing:
        yield "its tags are not in the dump, and may have caps (`tags`, which is [] where LiteLLM has no such table)"
    if (project := words(key.get("project_id"))) and project not in dump.projects:
        yield "its project is not in the dump, and may have caps (`projects`)"
    if owner.organization_id and owner.organization_id not in dump.organizations:
        yield "its organization is not in the dump, and may have caps (`organizations`)"
    yield from _unseen_budgets(dump, key, owner)


def _unseen_budgets(dump: Dump, key: dict[str, Any], owner: _Owner) -> Iterator[str]:
    members = {"team's members": {"budget_id": mapping(owner.team.get("metadata")).get("team_member_budget_id")}}
    for one in dump.memberships:
        if (words(one.get("team_id")), words(one.get("user_id"))) == (owner.team_id, owner.user_id):
            members["member of the team"] = one
    for what, row in (("key", key), *owner.rows, *members.items()):
        named = words(row.get("budget_id"))
        if named and named not in dump.budgets and not mapping(row.get("litellm_budget_table")):
            yield f"the budget {named!r} of the {what} is not in the dump (`budgets`)"


def _of_owners(owner: _Owner) -> Iterator[str]:
    """What holds a key through whose it is, and cannot be said."""
    for what, row in owner.rows:
        if row.get("blocked") is True:
            yield f"its {what} is blocked"
        if any(number(row.get(limit)) is not None for limit in _LIMITS) and what not in owner.sharing:
            yield f"limits of its {what} cannot be said"
    if mapping(owner.user.get("metadata")).get("scim_active") is False:
        yield "its user is not active any more"
    for what, row in (("project", owner.project), ("organization", owner.organization)):
        if row.get("max_budget") is not None:
            yield f"the budget of its {what} cannot be said"


def _unreadable(what: str, row: dict[str, Any]) -> Iterator[str]:
    """What narrows a key and cannot be understood: a limit of nothing, or another type than LiteLLM writes."""
    for field in _LIMITS:
        if row.get(field) is not None and number(row[field]) is None:
            yield f"{field} of the {what} is no number from 1 on"
    for one in (row, *map(mapping, sequence(row.get("budget_limits")))):
        if one.get("max_budget") is not None and amount(one["max_budget"]) is None:
            yield f"max_budget of the {what} is no amount"
    for field, type_ in _TYPES.items():
        written = row.get(field)
        is_list_of_others = isinstance(written, list) and not all(isinstance(one, str | dict) for one in written)
        if written is not None and (not isinstance(written, type_) or is_list_of_others):
            yield f"{field} of the {what} cannot be read"


def _of_members(draft: Draft, dump: Dump, owner: _Owner, spec: dict[str, Any]) -> Iterator[str]:
    """The cap that a member of a team has in it is said where all of its members have the same."""
    is_said = f"team-{spec.get('team')}-members" in draft.section("budgets")
    for one in dump.memberships:
        if (words(one.get("team_id")), words(one.get("user_id"))) != (owner.team_id, owner.user_id):
            continue
        row = dump.with_budget(one)
        if row.get("max_budget") is not None and not is_said:
            yield "a budget of one member of a team cannot be said"
        if row.get("allowed_models") or any(row.get(limit) is not None for limit in _LIMITS):
            yield "limits of one member of a team cannot be said"


def _allowed(key: dict[str, Any], owner: _Owner, groups: dict[str, list[str]]) -> list[str] | None:
    """Names that clients may ask for: those of the key, as far as those above it have them. `None` are all.

    What a user may ask for counts where the key is of no team.
    """
    allowed = None if _OF_THE_TEAM in sequence(key.get("models")) else _names(key.get("models"), groups)
    for row in (owner.team if owner.team_id else owner.user, owner.project, owner.organization):
        allowed = _both(allowed, _names(row.get("models"), groups))
    return allowed


def _both(one: list[str] | None, other: list[str] | None) -> list[str] | None:
    """The names that two lists have in common, where either may have globs."""
    if one is None or other is None:
        return other if one is None else one
    both = [name for name in one if any(fnmatchcase(name, glob) for glob in other)]
    return both + [name for name in other if name not in both and any(fnmatchcase(name, glob) for glob in one)]


def _names(written: object, groups: dict[str, list[str]]) -> list[str] | None:
    stated = [words(one) for one in sequence(written) if words(one)]
    if not stated or any(one in _EVERY_MODEL for one in stated):
        return None
    return [name for one in stated for name in groups.get(one, [one])]


def _models(draft: Draft, where: str, names: list[str] | None, models: Models) -> list[str]:
    """What names lead to, which is what is judged here. All names are those of the list; others lead nowhere.

    What a name falls back to is not among it: whoever may reach a model here may ask for it by name, too.
    """
    aliases, patterns = draft.section("model_aliases"), models.patterns
    allowed: list[str] = []
    fallbacks: list[str] = []
    for name in [*aliases, *patterns] if names is None else names:
        for alias in (one for one in aliases if fnmatchcase(one, name)):
            allowed += _leads_to(models.leads_to[alias])
            fallbacks += _leads_to(aliases[alias])
        covered = [one for one in patterns if fnmatchcase(one, name)]
        for pattern in covered:
            allowed += patterns[pattern]
        # A name of the list is meant before any pattern, and of patterns the one that says most.
        wider = [one for one in patterns if one.count("*") == 1 and fnmatchcase(name, one)]
        if wider and not covered and name not in aliases:
            pattern = max(wider, key=len)
            before, _, behind = pattern.partition("*")
            rest = name[len(before) : len(name) - len(behind)]
            allowed += [one.replace("*", rest, 1) for one in patterns[pattern]]
    if cut := [one for one in dict.fromkeys(fallbacks) if not any(fnmatchcase(one, glob) for glob in allowed)]:
        text = f"it does not fall back to {', '.join(cut)}, which it may not ask for: add it to `models_allowed`"
        draft.note(f"{where}.models", text)
    if any(len(one) > _LONGEST_GLOB for one in allowed):
        draft.note(where, "a model's name is too long, and left out")
    return list(dict.fromkeys(one for one in allowed if len(one) <= _LONGEST_GLOB))


def _leads_to(targets: Any) -> list[str]:
    """Every model at a provider that an alias may lead to."""
    found: list[str] = []
    for one in targets if isinstance(targets, list) else [targets]:
        found += [one] if isinstance(one, str) else [f"{provider}/{one['model']}" for provider in one["balance"]]
    return found
