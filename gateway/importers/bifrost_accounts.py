"""Bifrost's `providers`: each key of one is an account, and so a provider of its own here.

https://docs.getbifrost.ai/deployment-guides/config-json/providers; addresses as `core/providers` of maximhq/bifrost has
them.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.importers.draft import Draft, is_reference, mapping, number, provider_name, sequence, share, words
from gateway.importers.peers import COMPATIBLE, is_plain, lists_its_prices, variable_of

_NATIVE: Final = {name: name for name in ("openai", "anthropic", "azure", "bedrock", "vertex", "gemini")}
_ADDRESSES: Final = {
    **{
        name: COMPATIBLE[name]
        for name in (
            "cerebras",
            "cohere",
            "deepseek",
            "groq",
            "huggingface",
            "mistral",
            "openrouter",
            "parasail",
            "perplexity",
            "sarvam",
            "xai",
        )
    },
    "fireworks": COMPATIBLE["fireworks_ai"],
    "nebius": "https://api.tokenfactory.nebius.com/v1",
    "ollama": None,
    "sgl": None,
    "vllm": None,
}
"""Providers that are asked in OpenAI's API here, and where; `None` where everybody has one of their own."""

_WITHOUT_V1: Final = ("perplexity",)
_OWN_ADDRESS_UNSAID: Final = ("cohere", "huggingface")
"""Bifrost asks these in another API, whose paths a base address of one's own is made for."""

_PROVIDER: Final = {
    "keys",
    "network_config",
    "custom_provider_config",
    "proxy_config",
    "openai_config",
}
_NETWORK: Final = {
    "base_url",
    "extra_headers",
    "default_request_timeout_in_seconds",
    "stream_idle_timeout_in_seconds",
}
_KEY: Final = {"id", "name", "value", "models", "blacklisted_models", "weight", "aliases", "enabled", "description"}
_WHY: Final = {
    "concurrency_and_buffer_size": "nothing is queued; `rate_limits.concurrency` refuses what is beyond",
    "max_retries": "no provider is asked twice for a request; the next one is",
    "insecure_skip_verify": "certificates are always verified; SSL_CERT_FILE names authorities of your own",
    "ca_cert_pem": "SSL_CERT_FILE names authorities of your own",
    "prompt_cache": "see `cache` of a key",
    "use_for_batch_api": "batches go to the provider that holds their files",
}
_CONFIG_OF: Final = {
    "azure": "azure_key_config",
    "bedrock": "bedrock_key_config",
    "vertex": "vertex_key_config",
    "vllm": "vllm_key_config",
    "ollama": "ollama_key_config",
    "sgl": "sgl_key_config",
}
_CONFIG: Final = {
    "azure": {"endpoint", "client_id", "client_secret", "tenant_id", "deployments"},
    "bedrock": {"region", "access_key", "secret_key", "session_token", "role_arn", "deployments"},
    "vertex": {"project_id", "region", "auth_credentials", "deployments"},
    "vllm": {"url", "model_name"},
    "ollama": {"url"},
    "sgl": {"url"},
}
_DECIDES: Final = {
    "azure": {"scopes"},
    "bedrock": {"arn", "external_id", "project_id"},
    "vertex": {"project_number", "force_single_region"},
}
"""What decides about the account or the place, and has no counterpart: a key with it is left out."""


class Account(msgspec.Struct, frozen=True):
    """A key of Bifrost's: the provider that it is here, and the models that it serves.

    `models` are those that clients may name, `None` all; `aliases` what some of them are called at the provider;
    `denied` those that it does not serve, `["*"]` none at all.
    """

    provider: str
    name: str
    models: tuple[str, ...] | None
    aliases: Mapping[str, str]
    denied: tuple[str, ...]
    weight: float

    def model(self, asked: str) -> str:
        """What a model is called at the provider."""
        return self.aliases.get(asked, asked)

    def serves(self, asked: str) -> bool:
        """Whether it is an account for a model."""
        return asked not in self.denied and (self.models is None or asked in self.models)


def read_accounts(draft: Draft, config: dict[str, Any], *, empty_is_all: bool) -> dict[str, list[Account]]:
    """The accounts of each of Bifrost's providers. `empty_is_all`: lists that are empty allow everything."""
    found: dict[str, list[Account]] = {}
    beside = {words(one.get("name")): one for one in map(mapping, _governed(config))}
    for name, written in mapping(config.get("providers")).items():
        where, provider = f"providers.{name}", mapping(written)
        if more := beside.get(name):
            settings = {member: more[member] for member in _PROVIDER if more.get(member)}
            provider = {**provider, **settings}
        tell_rest(draft, where, provider, _PROVIDER)
        kind = _kind(draft, where, name, provider)
        if kind:
            found[name] = _accounts(draft, where, (name, kind), provider, empty_is_all=empty_is_all)
    return found


def _governed(config: dict[str, Any]) -> list[Any]:
    return sequence(mapping(config.get("governance")).get("providers"))


def tell_rest(draft: Draft, where: str, written: Mapping[str, Any], read: set[str]) -> None:
    """Tells the members that are not read."""
    for member, value in written.items():
        if member not in read and value not in (None, False, "", [], {}):
            draft.note(f"{where}.{member}", f"not carried over: {_WHY.get(member, 'it has no counterpart')}")


def _kind(draft: Draft, where: str, name: str, provider: dict[str, Any]) -> str:
    """Which of Bifrost's own providers it is asked as; empty where that cannot be said, which is told."""
    custom = mapping(provider.get("custom_provider_config"))
    kind = words(custom.get("base_provider_type")) or name
    if kind not in _NATIVE and kind not in _ADDRESSES:
        draft.note(where, f"left out: {kind!r} is no provider whose API is known here")
        return ""
    for member, why in (
        ("allowed_requests", "which kinds of requests it takes cannot be limited; without this member it is carried"),
        ("request_path_overrides", "its paths are its own"),
    ):
        if custom.get(member):
            draft.note(f"{where}.custom_provider_config.{member}", f"the provider is left out: {why}")
            return ""
    tell_rest(draft, f"{where}.custom_provider_config", custom, {"base_provider_type", "is_key_less"})
    proxy = mapping(provider.get("proxy_config"))
    if proxy and words(proxy.get("type")) not in ("", "none", "environment"):
        draft.note(f"{where}.proxy_config", "the provider is left out: no provider has a proxy of its own")
        return ""
    return kind


def _accounts(
    draft: Draft, where: str, names: tuple[str, str], provider: dict[str, Any], *, empty_is_all: bool
) -> list[Account]:
    name, kind = names
    network = mapping(provider.get("network_config"))
    tell_rest(draft, f"{where}.network_config", network, _NETWORK)
    keys = [mapping(one) for one in sequence(provider.get("keys"))]
    is_keyless = mapping(provider.get("custom_provider_config")).get("is_key_less") is True
    if not keys and (is_keyless or (kind in _ADDRESSES and _ADDRESSES[kind] is None)):
        keys = [{"name": name, "models": ["*"], "weight": 1}]
    found: list[Account] = []
    for index, key in enumerate(keys):
        at = f"{where}.keys[{index}]"
        if key.get("enabled") is False:
            draft.note(at, "left out: it is not enabled")
            continue
        models = listed(key.get("models"), empty_is_all=empty_is_all)
        if models == ():
            draft.note(
                at, "left out: `models` is empty, so it serves none (in a file of `version: 1` it would serve all)"
            )
            continue
        members = _members(draft, at, names, key, network)
        if members is None:
            continue
        if mapping(provider.get("openai_config")).get("disable_store") is True:
            members["request"] = {"store": {"set": False}}
        aliases, denied = _aliases(draft, at, kind, key)
        own = provider_name(name) if index == 0 else f"{name}-{words(key.get('name')) or index + 1}"
        account = Account(
            provider=draft.provider(own, members, own=True),
            name=words(key.get("name")) or words(key.get("id")),
            models=models,
            aliases=aliases,
            denied=(*denied, *(words(one) for one in sequence(key.get("blacklisted_models")))),
            weight=1.0 if share(key.get("weight")) is None else share(key.get("weight")) or 0.0,
        )
        if "*" in account.denied:
            draft.note(at, "no key may ask it for anything: all models are blacklisted")
        found.append(account)
    if not keys:
        draft.note(where, "left out: it has no keys")
    return found


def listed(written: object, *, empty_is_all: bool) -> tuple[str, ...] | None:
    """The names of a list that may be `["*"]`; `None` for all of them."""
    names = tuple(dict.fromkeys(words(one) for one in sequence(written) if words(one)))
    if "*" in names or (empty_is_all and not sequence(written)):
        return None
    return names


def _aliases(draft: Draft, where: str, kind: str, key: dict[str, Any]) -> tuple[dict[str, str], list[str]]:
    """What models are called at the provider, and those that would lead to another place, which are denied."""
    aliases: dict[str, str] = {}
    denied: list[str] = []
    config = mapping(key.get(_CONFIG_OF.get(kind, "")))
    for name, written in {**mapping(config.get("deployments")), **mapping(key.get("aliases"))}.items():
        stated = mapping(written)
        model = words(written) or words(stated.get("model_id"))
        elsewhere = [one for one in stated if one not in ("model_id", "model_name", "model_family", "description")]
        if elsewhere or not model:
            why = f"it leads to a place of its own ({elsewhere[0]})" if elsewhere else "it says no model"
            draft.note(f"{where}.aliases.{name}", f"left out: {why}")
            denied.append(name)
        else:
            aliases[name] = model
    return aliases, denied


def _members(
    draft: Draft, where: str, names: tuple[str, str], key: dict[str, Any], network: dict[str, Any]
) -> dict[str, Any] | None:
    """A provider, `None` where the account or the address cannot be said, which is told."""
    name, kind = names
    stated = mapping(key.get(_CONFIG_OF.get(kind, "")))
    tell_rest(draft, where, key, {*_KEY, _CONFIG_OF.get(kind, "")})
    for member in sorted(_DECIDES.get(kind, ())):
        if stated.get(member):
            draft.note(
                f"{where}.{_CONFIG_OF[kind]}.{member}", "the key is left out: it decides where it leads, or as whom"
            )
            return None
    if kind in _CONFIG:
        tell_rest(draft, f"{where}.{_CONFIG_OF[kind]}", stated, _CONFIG[kind])
    is_named_otherwise = name != kind
    type_ = "custom" if kind not in _NATIVE or (kind == "openai" and is_named_otherwise) else kind
    members: dict[str, Any] = {"type": type_}
    base = words(network.get("base_url")) or words(stated.get("url")) or words(stated.get("endpoint"))
    if base and not is_reference(base) and not is_plain(base):
        draft.note(where, "left out: its address is no plain http(s) address")
        return None
    if base and kind in _OWN_ADDRESS_UNSAID:
        draft.note(where, f"left out: {kind} at an address of its own is asked in another API")
        return None
    if base:
        members["base_url"] = (
            base if kind in (*_WITHOUT_V1, *_NATIVE) and kind != "openai" else _with_v1(draft, where, base)
        )
    elif type_ == "custom":
        members["base_url"] = _ADDRESSES.get(kind)
    if type_ in ("custom", "azure") and not members.get("base_url"):
        draft.note(where, "left out: its address is not given")
        return None
    lists_its_prices(members, kind)
    if not _place(draft, where, kind, members, key, stated):
        return None
    _wire(draft, where, members, network)
    return members


def _with_v1(draft: Draft, where: str, base: str) -> str:
    """The address that `/chat/completions` is appended to, where Bifrost appends `/v1` first."""
    if is_reference(base):
        draft.note(where, f"the address in {base} has to end with /v1, which Bifrost appends")
        return base
    return f"{base.rstrip('/').removesuffix('/v1').rstrip('/')}/v1"


def _place(
    draft: Draft, where: str, kind: str, members: dict[str, Any], key: dict[str, Any], stated: dict[str, Any]
) -> bool:
    """The credential, and where a cloud's account is; false where it cannot be said."""
    value = secret(key.get("value"))
    if kind == "bedrock":
        return _bedrock(draft, where, members, value, stated)
    if kind == "vertex":
        return _vertex(draft, where, members, value, stated)
    if kind == "azure" and not value:
        _entra(draft, where, members, stated)
    elif value or members["type"] in ("openai", "anthropic", "gemini"):
        host = members.get("base_url", "")
        wanted = f"{host.partition('://')[2]}_api_key" if value and is_plain(host) else variable_of(kind)
        members["api_key"] = draft.credential(value, wanted, f"{where}.value")
    return True


def _bedrock(draft: Draft, where: str, members: dict[str, Any], value: object, stated: dict[str, Any]) -> bool:
    members["region"] = words(stated.get("region"))
    if not members["region"]:
        draft.note(where, "left out: it has no region")
        return False
    if value:
        members["api_key"] = draft.credential(value, "bedrock_api_key", f"{where}.value")
    elif stated.get("access_key"):
        at = f"{where}.bedrock_key_config.access_key"
        members["profile"] = draft.aws_profile("bifrost", str(stated["access_key"]), at)
    if role := words(stated.get("role_arn")):
        members["role_arn"] = role
    return True


def _vertex(draft: Draft, where: str, members: dict[str, Any], value: object, stated: dict[str, Any]) -> bool:
    members["project"], members["location"] = words(stated.get("project_id")), words(stated.get("region"))
    if value or not members["project"] or not members["location"]:
        why = "Vertex AI is asked as a service account, not with a key" if value else "it has no project or region"
        draft.note(where, f"left out: {why}")
        return False
    if given := secret(stated.get("auth_credentials")):
        at = f"{where}.vertex_key_config.auth_credentials"
        members["credentials"] = draft.credential(given, "vertex_credentials", at)
        draft.note(at, "the variable has to hold the JSON of the service account, not its base64")
    return True


def _entra(draft: Draft, where: str, members: dict[str, Any], stated: dict[str, Any]) -> None:
    members["entra"] = {ours: words(stated.get(ours)) for ours in ("tenant_id", "client_id") if words(stated.get(ours))}
    if given := secret(stated.get("client_secret")):
        at = f"{where}.azure_key_config.client_secret"
        members["entra"]["client_secret"] = draft.credential(given, "azure_client_secret", at)


def secret(written: object) -> object:
    """A credential, where it is an object of Bifrost's too: `{"value": ..., "env_var": "env.NAME"}`."""
    stated = mapping(written)
    return (stated.get("env_var") or stated.get("ref") or stated.get("value")) if stated else written


def _wire(draft: Draft, where: str, members: dict[str, Any], network: dict[str, Any]) -> None:
    """Headers and deadlines."""
    if headers := draft.headers(network.get("extra_headers"), f"{where} extra_headers"):
        members["headers"] = headers
    timeouts = {
        ours: seconds * 1000
        for theirs, ours in (
            ("default_request_timeout_in_seconds", "first_byte_ms"),
            ("stream_idle_timeout_in_seconds", "idle_ms"),
        )
        if (seconds := number(network.get(theirs), 86_400)) is not None
    }
    if timeouts:
        members["timeouts"] = timeouts
