"""LiteLLM's config.yaml, and its virtual keys from a dump (https://docs.litellm.ai/docs/proxy/configs)."""

from decimal import Decimal
from typing import Any, Final

from gateway.importers.draft import Draft, amount, mapping, number, sequence, words
from gateway.importers.litellm_keys import Models, read_keys
from gateway.importers.litellm_models import Deployment, read_models, targets_of
from gateway.importers.litellm_prices import read_discounts
from gateway.importers.settle import settle
from gateway.keys.digest import Pepper

_WHY: Final = {
    "litellm_settings.drop_params": "translations leave out what has no counterpart, and say so in a header",
    "litellm_settings.cache": "answers are not cached; `cache` of a key is about prompt caching at the provider",
    "litellm_settings.success_callback": "see decision records and metrics",
    "litellm_settings.failure_callback": "see decision records and metrics",
    "litellm_settings.callbacks": "see decision records and metrics",
    "litellm_settings.context_window_fallbacks": "a provider's own 400 reaches the client",
    "litellm_settings.content_policy_fallbacks": "a provider's own 400 reaches the client",
    "litellm_settings.cost_margin_config": "spend is what providers charge; `price_factor` may be above 1",
    "router_settings.num_retries": "no provider is asked twice for a request; the next one is",
    "general_settings.master_key": "the control plane has tokens, which `gateway tokens create` makes",
    "general_settings.database_url": "the ledger's database is GATEWAY_DATABASE_URL",
    "general_settings.global_max_parallel_requests": "set `rate_limits.concurrency` of the providers",
    "environment_variables": "set them where the gateway runs",
}
_CAPS: Final = {"max_budget", "budget_duration", "max_end_user_budget"}
_READ: Final = {
    "credential_list": set[str](),
    "litellm_settings": {"fallbacks", "default_fallbacks", "request_timeout", "cost_discount_config", *_CAPS},
    "router_settings": {
        "fallbacks",
        "default_fallbacks",
        "model_group_alias",
        "timeout",
        "allowed_fails",
        "cooldown_time",
        "routing_strategy",
        "provider_budget_config",
    },
    "general_settings": _CAPS,
}
_IN_ORDER: Final = ("", "simple-shuffle")


def convert(document: object, keys: object = None, owner: str = "imported", pepper: Pepper | None = None) -> Draft:
    """The draft of a config.yaml, with the keys of a dump where there is one. Never raises for what they hold.

    Under `pepper` the secrets of the keys go on as they are.
    """
    draft = Draft(owner)
    config = mapping(document)
    deployments, patterns = read_models(draft, config)
    if not deployments and not draft.sections:
        draft.note("model_list", "nothing here could be read as a model")
    settings, router = mapping(config.get("litellm_settings")), mapping(config.get("router_settings"))
    leads_to = _aliases(draft, deployments, settings, router)
    _providers(draft, settings, router)
    peers_names = {one.provider: one.prefix for some in (*deployments.values(), *patterns.values()) for one in some}
    read_discounts(draft, settings, peers_names)
    _budgets(draft, config, peers_names)
    _leftovers(draft, config)
    if keys is not None:
        of_patterns = {name: [f"{one.provider}/{one.model}" for one in some] for name, some in patterns.items()}
        read_keys(draft, keys, Models(_access_groups(config), of_patterns, leads_to), pepper)
    return settle(draft)


def _access_groups(config: dict[str, Any]) -> dict[str, list[str]]:
    """The names of models in each group, by which keys and teams may be allowed them."""
    groups: dict[str, list[str]] = {}
    for one in sequence(config.get("model_list")):
        for group in sequence(mapping(mapping(one).get("model_info")).get("access_groups")):
            groups.setdefault(words(group), []).append(words(mapping(one).get("model_name")))
    return groups


def _aliases(
    draft: Draft, deployments: dict[str, list[Deployment]], settings: dict[str, Any], router: dict[str, Any]
) -> dict[str, list[Any]]:
    """Writes the aliases. Gives what each leads to by itself, without what it falls back to."""
    strategy = words(router.get("routing_strategy"))
    if strategy not in (*_IN_ORDER, "least-busy"):
        text = "not carried over: targets are asked in order, or balanced by weight or by the fewest under way"
        draft.note("router_settings.routing_strategy", text)
    own = {
        name: targets_of(draft, name, some, least_busy=strategy == "least-busy") for name, some in deployments.items()
    }
    fallbacks, default = _fallbacks(draft, own, settings, router)
    aliases = draft.section("model_aliases")
    for name, targets in own.items():
        following: list[Any] = []
        for other in (*fallbacks.get(name, ()), *fallbacks.get("*", ()), *default):
            if other not in own and other != name:
                draft.note("fallbacks", f"{name!r} falls back to {other!r}, which is no model of the list")
            elif other != name:
                following += own[other]
        every = [*targets, *(one for one in following if one not in targets)]
        aliases[name] = every[0] if len(every) == 1 and isinstance(every[0], str) else _once(every)
    alone = dict(own)
    for name, written in mapping(router.get("model_group_alias")).items():
        group = words(written) or words(mapping(written).get("model"))
        if group in own:
            aliases[name], alone[name] = aliases[group], own[group]
        else:
            draft.note(
                "router_settings.model_group_alias", f"{name!r} stands for {group!r}, which is no model of the list"
            )
    return alone


def _fallbacks(
    draft: Draft, own: dict[str, list[Any]], settings: dict[str, Any], router: dict[str, Any]
) -> tuple[dict[str, list[str]], list[str]]:
    """What each model falls back to, and what every model does."""
    found: dict[str, list[str]] = {}
    default: list[str] = []
    for place, written in (("litellm_settings", settings), ("router_settings", router)):
        default += [words(one) for one in sequence(written.get("default_fallbacks"))]
        for one in sequence(written.get("fallbacks")):
            for name, others in mapping(one).items():
                found.setdefault(name, []).extend(words(other) for other in sequence(others))
                if name not in own and name != "*":
                    draft.note(f"{place}.fallbacks", f"there is no model {name!r}")
    return found, default


def _once(targets: list[Any]) -> list[Any]:
    found: list[Any] = []
    for one in targets:
        if one not in found:
            found.append(one)
    return found


def _providers(draft: Draft, settings: dict[str, Any], router: dict[str, Any]) -> None:
    """Timeouts and cooldowns, which here are the providers'."""
    seconds = number(router.get("timeout"), 86_400) or number(settings.get("request_timeout"), 86_400)
    fails, cooldown = number(router.get("allowed_fails"), 10_000), number(router.get("cooldown_time"), 86_400)
    for provider in draft.section("providers").values():
        if seconds is not None and "timeouts" not in provider:
            provider["timeouts"] = {"first_byte_ms": seconds * 1000}
        breaker = {**({"failures": fails} if fails else {}), **({"open_ms": cooldown * 1000} if cooldown else {})}
        if breaker:
            provider["circuit_breaker"] = breaker


def _budgets(draft: Draft, config: dict[str, Any], peers_names: dict[str, str]) -> None:
    """What everybody together may spend, each end user, and all that goes to a provider."""
    everybody = {"organization": draft.organization()}
    for section in ("litellm_settings", "general_settings"):
        settings = mapping(config.get(section))
        draft.budget(section, everybody, "everybody", settings)
        each = {"max_budget": settings.get("max_end_user_budget"), "budget_duration": settings.get("budget_duration")}
        draft.budget(f"{section}.max_end_user_budget", everybody, "end-users", each, each="end_user")
    for name, written in mapping(mapping(config.get("router_settings")).get("provider_budget_config")).items():
        where = f"router_settings.provider_budget_config.{name}"
        stated = mapping(written)
        row = {
            "max_budget": stated.get("max_budget", stated.get("budget_limit")),
            "budget_duration": stated.get("budget_duration", stated.get("time_period")),
        }
        providers = [one for one, peers_name in peers_names.items() if peers_name == name]
        if len(providers) > 1 and (whole := amount(row["max_budget"])) is not None:
            draft.note(where, "shared out evenly over the accounts, since a budget is of one provider")
            row["max_budget"] = Decimal(whole) / len(providers)
        for provider in providers:
            draft.budget(where, everybody, f"provider-{provider}", row, provider=provider)
        if not providers:
            draft.note(where, "not carried over: no model is of this provider")


def _leftovers(draft: Draft, config: dict[str, Any]) -> None:
    for section, inner in config.items():
        if section == "model_list":
            continue
        if section not in _READ:
            draft.note(section, f"not carried over: {_WHY.get(section, 'it has no counterpart')}")
            continue
        for name in mapping(inner):
            if name not in _READ[section]:
                why = _WHY.get(f"{section}.{name}", "it has no counterpart")
                draft.note(f"{section}.{name}", f"not carried over: {why}")
