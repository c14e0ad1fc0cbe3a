"""Bifrost's config.json: its providers, virtual keys, caps and routing rules.

https://docs.getbifrost.ai/deployment-guides/config-json, `transports/config.schema.json` of maximhq/bifrost
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.importers.bifrost_accounts import read_accounts
from gateway.importers.bifrost_caps import Caps
from gateway.importers.bifrost_keys import Governed, read_keys
from gateway.importers.bifrost_routes import read_rules
from gateway.importers.draft import Draft, mapping, sequence, variables_in, words
from gateway.importers.settle import settle
from gateway.keys.digest import Pepper

_ENV: Final = re.compile(r"env\.([A-Za-z_][A-Za-z0-9_]*)")
_OF_LITELLM: Final = "os.environ/"
_DEEPEST: Final = 50
_OLD: Final = 1
"""The `version` of files in which an empty list allows everything."""

_WHY: Final = {
    "$schema": "",
    "version": "",
    "providers": "",
    "governance": "",
    "encryption_key": "the control plane's is GATEWAY_ENCRYPTION_KEYS",
    "config_store": "`gateway.yaml` is the configuration; what only Bifrost's database has is not seen here",
    "logs_store": "the ledger's database is GATEWAY_DATABASE_URL",
    "vector_store": "answers are not cached",
    "mcp": "no tools are run here; requests bring their own, and `policy_rules` judge them",
    "plugins": "see policy_rules, metrics and traces",
    "framework": "prices are in the catalogue, and under `prices`",
    "guardrails_config": "answers are not judged; see policy_rules",
    "cluster_config": "gateways share limits and budgets over Redis",
    "auth_config": "the control plane has tokens, which `gateway tokens create` makes",
    "client.enforce_auth_on_inference": "",
    "client.enforce_governance_header": "",
    "client.allow_direct_keys": "clients cannot bring a provider's key; each has a virtual key",
    "client.required_headers": "",
    "client.max_request_body_size_mb": "set GATEWAY_MAX_REQUEST_BODY_BYTES",
    "client.enable_logging": "see decision records",
    "client.allowed_origins": "set GATEWAY_CORS_ORIGINS",
    "client.header_filter_config": "all headers but credentials are forwarded",
    "governance.auth_config": "the control plane has tokens, which `gateway tokens create` makes",
    "governance.pricing_overrides": "write them under `prices`",
    "governance.roles": "the control plane has tokens with scopes",
}
_READ: Final = {
    "budgets",
    "rate_limits",
    "customers",
    "teams",
    "business_units",
    "virtual_keys",
    "routing_rules",
    "model_configs",
    "providers",
}


def convert(
    document: object,
    owner: str = "imported",
    pepper: Pepper | None = None,
    environ: Mapping[str, str] | None = None,
) -> Draft:
    """The draft of a config.json. Never raises for what it holds.

    Under `pepper` the secrets of the keys go on as they are; `environ` has those that the file only refers to.
    """
    draft = Draft(owner)
    config = mapping(_with_references(document, 0))
    providers, governance = mapping(config.get("providers")), mapping(config.get("governance"))
    draft.reserved |= variables_in(config)
    empty_is_all = config.get("version") == _OLD and config.get("version") is not True
    accounts = read_accounts(draft, config, empty_is_all=empty_is_all)
    if not providers:
        draft.note("providers", "nothing here could be read as a provider")
    reasons = []
    if mapping(config.get("client")).get("required_headers"):
        reasons.append("headers that requests must have cannot be said (client.required_headers)")
    governed = Governed(accounts, Caps(governance), read_rules(draft, governance), reasons, empty_is_all, environ or {})
    read_keys(draft, governance, governed, pepper)
    client = mapping(config.get("client"))
    if not (client.get("enforce_auth_on_inference") or client.get("enforce_governance_header")):
        draft.note("client.enforce_auth_on_inference", "Bifrost served requests without a key; here each needs one")
    _leftovers(draft, config, "", set())
    _leftovers(draft, client, "client.", set())
    _leftovers(draft, governance, "governance.", _READ)
    return settle(draft)


def _with_references(value: object, depth: int) -> Any:
    """What a file holds, with `env.NAME` as references are written in drafts.

    What happens to look like one of these already is none to Bifrost, and stays what it is.
    """
    if depth > _DEEPEST:
        return None
    if isinstance(value, str):
        found = _ENV.fullmatch(value)
        return f"{_OF_LITELLM}{found[1]}" if found else value.replace(_OF_LITELLM, f"{_OF_LITELLM} ")
    if isinstance(value, dict):
        return {str(name): _with_references(inner, depth + 1) for name, inner in value.items()}
    return [_with_references(one, depth + 1) for one in value] if isinstance(value, list) else value


def _leftovers(draft: Draft, section: dict[str, Any], prefix: str, read: set[str]) -> None:
    for name, value in section.items():
        if name in read or (not prefix and name == "client"):
            continue
        why = _WHY.get(f"{prefix}{name}", "it has no counterpart")
        if not why:
            continue
        if f"{prefix}{name}" == "plugins":
            for index, plugin in enumerate(sequence(value)):
                stated = mapping(plugin)
                if stated.get("enabled") is not False:
                    draft.note(f"plugins[{index}]", f"not carried over ({words(stated.get('name'))}): {why}")
        else:
            draft.note(f"{prefix}{name}", f"not carried over: {why}")
