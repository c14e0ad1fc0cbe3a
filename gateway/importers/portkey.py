"""Portkey's config JSON: one routing rule becomes one alias (https://portkey.ai/docs/product/ai-gateway/configs)."""

from typing import Any, Final

from gateway.importers.draft import Draft, mapping, number, sequence, words
from gateway.importers.peers import COMPATIBLE, NATIVE, lists_its_prices, needs_key
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
    "on_status_codes",
}
_DEEPEST: Final = 20
_TRIGGERS: Final = {429: "rate_limit", 408: "timeout", 504: "timeout", 404: "not_found"}
_SERVER_ERRORS: Final = 500


def convert(document: object, alias: str = "default", owner: str = "imported") -> Draft:
    """The draft of a config, with its targets under one alias. Never raises for what it holds."""
    draft = Draft(owner)
    config = mapping(document)
    config = mapping(config.get("config")) or config
    providers: list[str] = []
    targets = _targets(draft, config, "config", providers, 0)
    if targets:
        draft.section("model_aliases")[alias] = (
            targets[0] if len(targets) == 1 and isinstance(targets[0], str) else targets
        )
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
        (mapping(one), _targets(draft, mapping(one), f"{where}.targets[{index}]", providers, depth + 1))
        for index, one in enumerate(inner)
    ]
    if mode == "loadbalance":
        return _balanced(draft, where, parts)
    found: list[Any] = []
    for _, targets in parts:
        found += [one for one in targets if one not in found]
    return found


def _balanced(draft: Draft, where: str, parts: list[tuple[dict[str, Any], list[Any]]]) -> list[Any]:
    single = [
        (one, targets[0].partition("/")) for one, targets in parts if len(targets) == 1 and isinstance(targets[0], str)
    ]
    models, providers = {model for _, (_, _, model) in single}, {provider for _, (provider, _, _) in single}
    if len(single) == len(parts) and len(models) == 1 and len(providers) == len(parts) > 1:
        weights = {provider: _weight(one.get("weight")) for one, (provider, _, _) in single}
        return [{"model": models.pop(), "balance": weights}]
    draft.note(where, "targets that name different models, or none, are asked in order and not in turns")
    found: list[Any] = []
    for _, targets in parts:
        found += [one for one in targets if one not in found]
    return found


def _weight(written: object) -> int:
    """Portkey's weights may be fractions."""
    try:
        return max(1, min(1_000_000, round(float(str(written)) * 100)))
    except (ValueError, OverflowError):
        return 100


def _target(draft: Draft, target: dict[str, Any], where: str, providers: list[str]) -> list[Any]:
    kind, key = words(target.get("provider")).lstrip("@"), words(target.get("virtual_key"))
    if not kind and not key:
        return []
    members: dict[str, Any] = {"type": NATIVE.get(kind, "custom")}
    if not kind:
        draft.note(where, f"what the virtual key {key!r} leads to is not in the config: openai is assumed")
        members["type"] = "openai"
    if (host := words(target.get("custom_host"))).startswith(("http://", "https://")) and not set(host) & set("@?# "):
        members["base_url"] = host.rstrip("/")
    elif members["type"] == "azure" and (resource := words(target.get("resource_name"))) and resource.isalnum():
        members["base_url"] = f"https://{resource}.openai.azure.com"
    elif members["type"] == "custom":
        members["base_url"] = COMPATIBLE.get(kind)
    if members["type"] in ("custom", "azure") and not members.get("base_url"):
        draft.note(where, f"left out: the endpoint of {kind!r} is not given (custom_host)")
        return []
    lists_its_prices(members, kind)
    members |= _place(members["type"], target)
    if target.get("api_key") or key or needs_key(members):
        members["api_key"] = draft.credential(target.get("api_key"), f"{key or kind}_api_key", f"{where}.api_key")
    provider = draft.provider(key or kind, members)
    providers.append(provider)
    overrides = mapping(target.get("override_params"))
    model = words(overrides.get("model"))
    for name in sorted(set(overrides) - {"model"}):
        draft.note(f"{where}.override_params.{name}", "not carried over: clients send parameters of their own")
    return [f"{provider}/{model}"] if model and len(model) < 400 else []  # noqa: PLR2004 - what a target may have


def _place(type_: str, target: dict[str, Any]) -> dict[str, str]:
    """Where a cloud's account is."""
    if type_ == "bedrock":
        return {"region": words(target.get("aws_region")) or "us-east-1"}
    if type_ == "vertex":
        project = words(target.get("vertex_project_id")) or "set-the-project"
        return {"project": project, "location": words(target.get("vertex_region")) or "us-central1"}
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
        if name not in _READ:
            draft.note(f"{where}.{name}", f"not carried over: {_LEFT_OUT.get(name, 'it has no counterpart')}")
