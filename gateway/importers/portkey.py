"""Portkey's config JSON: one routing rule becomes one alias (https://portkey.ai/docs/product/ai-gateway/configs)."""

import re
from typing import Any, Final

from gateway.importers.draft import Draft, in_turns, mapping, number, sequence, share, words
from gateway.importers.peers import COMPATIBLE, NATIVE, address_at, is_plain, lists_its_prices, needs_key
from gateway.importers.settle import settle

_LEFT_OUT: Final = {
    "cache": "answers are not cached",
    "retry": "no provider is asked twice for a request; the next one is",
    "input_guardrails": "see policy_rules for rules on tools, MCP servers, URLs and models",
    "output_guardrails": "answers are not judged",
    "before_request_hooks": "see policy_rules",
    "after_request_hooks": "answers are not judged",
    "forward_headers": "all headers but credentials are forwarded",
}
_READ: Final = {
    "strategy",
    "targets",
    "provider",
    "virtual_key",
    "api_key",
    "override_params",
    "weight",
    "request_timeout",
    "custom_host",
    "name",
    "resource_name",
    "deployment_id",
    "api_version",
    "aws_region",
    "vertex_project_id",
    "vertex_region",
    "vertex_service_account_json",
    "on_status_codes",
    "openai_organization",
    "openai_project",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_role_arn",
}
_INHERITED: Final = ("custom_host", "request_timeout")
"""What a group gives to its targets that do not say it themselves; parameters are merged."""
_ACCOUNTS: Final = re.compile(
    r"(anthropic|aws|azure|cortex|databricks|fireworks|google|huggingface|ibm|modal|openai|oracle|predibase|sagemaker"
    r"|snowflake|stability|triton|vertex|watsonx|workers_ai)_(?!beta|version).+|ad_auth|url_to_fetch|foundry_url"
)
"""Members that say which account or address is asked."""
_RESOURCE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,62}")
_CATALOGUED: Final = re.compile(r"@([^/]+)/(.+)", re.DOTALL)
_LONGEST_MODEL: Final = 400
_DEEPEST: Final = 20
_TRIGGERS: Final = {429: "rate_limit", 408: "timeout", 504: "timeout", 404: "not_found"}
_SERVER_ERRORS: Final = 500


def convert(document: object, alias: str = "default", owner: str = "imported") -> Draft:
    """The draft of a config, with its targets under one alias. Never raises for what it holds."""
    draft = Draft(owner)
    config = _with_usual_names(mapping(document))
    for name in ("data", "config"):
        config = _with_usual_names(mapping(config.get(name))) or config
    providers: list[str] = []
    targets = _targets(draft, config, "config", providers, 0)
    if targets:
        draft.section("model_aliases")[alias] = (
            targets[0] if len(targets) == 1 and isinstance(targets[0], str) else targets
        )
    elif providers:
        draft.note("config", f"there is no alias {alias!r}: no target names a model, so clients name it themselves")
    chain = list(dict.fromkeys(providers))
    if not chain:
        draft.note("config", "nothing here could be read as a target")
    elif len(chain) > 1:
        draft.settings["fallback"] = {"chain": chain, **_on(draft, mapping(config.get("strategy")))}
        if timeout := number(config.get("request_timeout"), 10**9):
            draft.settings["fallback"]["timeout_ms"] = timeout
        # At most as many attempts as there may be.
        draft.settings["fallback"]["max_attempts"] = min(len(chain), 10)
    return settle(draft)


def _targets(draft: Draft, config: dict[str, Any], where: str, providers: list[str], depth: int) -> list[Any]:
    _leftovers(draft, config, where)
    inner = sequence(config.get("targets"))
    if not inner:
        return _target(draft, config, where, providers)
    if depth > _DEEPEST:
        draft.note(where, "left out: targets are nested too deep")
        return []
    mode = words(mapping(config.get("strategy")).get("mode")) or "single"
    if mode == "conditional":
        draft.note(f"{where}.strategy", "conditions are not carried over: targets are asked in order")
    if mode == "single":
        inner = inner[:1]
    parts = [
        (target, _targets(draft, target, f"{where}.targets[{index}]", providers, depth + 1))
        for index, target in enumerate(_inheriting(config, _with_usual_names(mapping(one))) for one in inner)
    ]
    if mode == "loadbalance":
        return _balanced(draft, where, parts)
    found: list[Any] = []
    for _, targets in parts:
        found += [one for one in targets if one not in found]
    return found


def _with_usual_names(written: dict[str, Any]) -> dict[str, Any]:
    """Portkey takes `customHost` for `custom_host`."""
    return {
        re.sub(r"(?<=[a-z0-9])[A-Z]", lambda found: f"_{found[0].lower()}", name): one for name, one in written.items()
    }


def _inheriting(group: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    """A target with what its group gives it."""
    given = {name: group[name] for name in _INHERITED if group.get(name) and not target.get(name)}
    overrides = {**mapping(group.get("override_params")), **mapping(target.get("override_params"))}
    return {**target, **given, **({"override_params": overrides} if overrides else {})}


def _balanced(draft: Draft, where: str, parts: list[tuple[dict[str, Any], list[Any]]]) -> list[Any]:
    single = [
        (one, targets[0].partition("/")) for one, targets in parts if len(targets) == 1 and isinstance(targets[0], str)
    ]
    models, providers = {model for _, (_, _, model) in single}, {provider for _, (provider, _, _) in single}
    if len(single) == len(parts) and len(models) == 1 and len(providers) == len(parts) > 1:
        shares = {provider: _share(one.get("weight")) for one, (provider, _, _) in single}
        return in_turns(models.pop(), shares)
    draft.note(where, "targets that name different models, or none, are asked in order and not in turns")
    found: list[Any] = []
    for _, targets in parts:
        found += [one for one in targets if one not in found]
    return found


def _share(written: object) -> float:
    """A weight, which may be a fraction, or nothing; without one it is the whole."""
    found = share(written)
    return 1 if found is None else found


def _target(draft: Draft, target: dict[str, Any], where: str, providers: list[str]) -> list[Any]:
    overrides = mapping(target.get("override_params"))
    model = words(overrides.get("model"))
    stated, key = words(target.get("provider")), words(target.get("virtual_key"))
    if catalogued := _CATALOGUED.fullmatch(model):
        stated, model = f"@{catalogued[1]}", catalogued[2]
    if not stated and not key:
        return []
    key = stated[1:] if stated.startswith("@") else key
    kind = stated if stated and not stated.startswith("@") else _known_as(key)
    if not kind:
        draft.note(where, f"left out: which provider {key!r} leads to is not in the config; write `provider` beside it")
        return []
    members = _members(draft, target, where, kind)
    if members is None:
        return []
    if target.get("api_key") or key or needs_key(members):
        members["api_key"] = draft.credential(target.get("api_key"), f"{key or kind}_api_key", f"{where}.api_key")
    provider = draft.provider(key or kind, members)
    providers.append(provider)
    for name in sorted(set(overrides) - {"model"}):
        draft.note(f"{where}.override_params.{name}", "not carried over: clients send parameters of their own")
    if not model:
        draft.note(where, f"{provider} keeps the model that a client names, so it is no target of the alias")
    return [f"{provider}/{model}"] if model and len(model) < _LONGEST_MODEL else []


def _members(draft: Draft, target: dict[str, Any], where: str, kind: str) -> dict[str, Any] | None:
    """A provider without its key, `None` where its endpoint cannot be said."""
    unsaid = next((name for name in target if _ACCOUNTS.fullmatch(name) and name not in _READ and target[name]), None)
    if unsaid is not None:
        draft.note(f"{where}.{unsaid}", "the target is left out: the account cannot be said by this")
        return None
    members: dict[str, Any] = {"type": NATIVE.get(kind, "custom")}
    host, resource = words(target.get("custom_host")), words(target.get("resource_name"))
    if is_plain(host):
        members["base_url"] = address_at(kind, host)
    elif host:
        draft.note(f"{where}.custom_host", "the target is left out: it is no plain http(s) address")
        return None
    elif members["type"] == "azure" and _RESOURCE.fullmatch(resource):
        members["base_url"] = f"https://{resource}.openai.azure.com"
    elif members["type"] == "custom":
        members["base_url"] = COMPATIBLE.get(kind)
    if members["type"] in ("custom", "azure") and not members.get("base_url"):
        draft.note(where, f"left out: the endpoint of {kind!r} is not given (custom_host)")
        return None
    lists_its_prices(members, kind)
    return {**members, **_place(draft, where, members["type"], target)}


def _known_as(name: str) -> str:
    """The provider that a name in Portkey's catalogue begins with, such as `openai-prod`; empty where none does."""
    known = [one for one in (*NATIVE, *COMPATIBLE) if name == one or name.startswith((f"{one}-", f"{one}_"))]
    return max(known, key=len, default="")


def _place(draft: Draft, where: str, type_: str, target: dict[str, Any]) -> dict[str, str]:
    """Which account is meant, and where a cloud's is."""
    if type_ == "openai":
        stated = {ours: words(target.get(f"openai_{ours}")) for ours in ("organization", "project")}
        return {name: value for name, value in stated.items() if value}
    if type_ == "azure" and (version := words(target.get("api_version"))):
        return {"api_version": version}
    if type_ == "bedrock":
        place = {"region": words(target.get("aws_region")) or "us-east-1"}
        if identifier := words(target.get("aws_access_key_id")):
            place["profile"] = draft.aws_profile("portkey", identifier, f"{where}.aws_access_key_id")
        if role := words(target.get("aws_role_arn")):
            place["role_arn"] = role
        return place
    if type_ == "vertex":
        project = words(target.get("vertex_project_id")) or "set-the-project"
        place = {"project": project, "location": words(target.get("vertex_region")) or "us-central1"}
        if account := target.get("vertex_service_account_json"):
            at = f"{where}.vertex_service_account_json"
            place["credentials"] = draft.credential(account, "vertex_credentials", at)
        return place
    return {}


def _on(draft: Draft, strategy: dict[str, Any]) -> dict[str, Any]:
    """Status codes as the failures that lead to the next provider."""
    codes = [code for one in sequence(strategy.get("on_status_codes")) if (code := number(one, 599)) is not None]
    if not codes:
        return {}
    on = {"5xx": False, **dict.fromkeys(_TRIGGERS.values(), False)}
    for code in codes:
        if code in _TRIGGERS:
            on[_TRIGGERS[code]] = True
        elif code >= _SERVER_ERRORS:
            on["5xx"] = True
        else:
            text = f"{code} reaches the client: the next provider would say the same"
            draft.note("config.strategy.on_status_codes", text)
    return {"on": [*(name for name, wanted in on.items() if wanted), "network_error"]}


def _leftovers(draft: Draft, config: dict[str, Any], where: str) -> None:
    for name in config:
        is_told = "targets" not in config and _ACCOUNTS.fullmatch(name)
        if name not in _READ and not is_told:
            draft.note(f"{where}.{name}", f"not carried over: {_LEFT_OUT.get(name, 'it has no counterpart')}")
