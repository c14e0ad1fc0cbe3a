"""LiteLLM's `model_list`: deployments become providers, model names become aliases.

https://docs.litellm.ai/docs/proxy/configs, https://docs.litellm.ai/docs/routing
"""

import re
from itertools import groupby
from typing import Any, Final

import msgspec

from gateway.importers.draft import (
    Draft,
    in_turns,
    is_reference,
    mapping,
    number,
    sequence,
    share,
    variable_name,
    variables_in,
    words,
)
from gateway.importers.litellm_prices import is_in_data_zone, is_of_prices, read_prices
from gateway.importers.peers import (
    COMPATIBLE,
    NATIVE,
    address_at,
    guessed,
    is_plain,
    lists_its_prices,
    needs_key,
    variable_of,
)

_LIMITS: Final = {"rpm": "rpm", "tpm": "tpm", "rpd": "rpd", "max_parallel_requests": "concurrency"}
_OTHER_NAMES: Final = {
    "base_url": "api_base",
    "region_name": "aws_region_name",
    "vertex_ai_project": "vertex_project",
    "vertex_ai_location": "vertex_location",
    "vertex_ai_credentials": "vertex_credentials",
}
_CARRIED: Final = {
    *_LIMITS,
    *_OTHER_NAMES,
    *_OTHER_NAMES.values(),
    "model",
    "api_key",
    "api_version",
    "organization",
    "aws_profile_name",
    "aws_role_name",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_session_name",
    "aws_bedrock_runtime_endpoint",
    "tenant_id",
    "client_id",
    "client_secret",
    "extra_headers",
    "timeout",
    "stream_timeout",
    "weight",
    "order",
    "max_budget",
    "budget_duration",
    "custom_llm_provider",
    "litellm_credential_name",
}
_OF_NO_ACCOUNT: Final = {*_LIMITS, "timeout", "stream_timeout", "weight", "order", "max_budget", "budget_duration"}
_NOT_SAID: Final = {
    "azure_ad_token": "a token of Entra ID ends by itself; use `entra` or a key",
    "azure_username": "a person's password is no credential here; use `entra` or a key",
    "azure_password": "a person's password is no credential here; use `entra` or a key",
    "aws_web_identity_token": "a web identity is found by AWS's own chain, from AWS_WEB_IDENTITY_TOKEN_FILE",
    "aws_external_id": "a role is assumed without an external id",
    "api_key_file": "write the key as `${file:PATH}`",
    "use_litellm_proxy": "the request would go through another LiteLLM",
    "anthropic_federation_rule_id": "Anthropic is asked with a key",
}
"""What decides about the account, and has no counterpart: a deployment with it is left out."""
_ROUTES: Final = {
    "azure": re.compile(r"(?:o_series|responses|gpt5_series)/"),
    "openai": re.compile(r"responses/"),
    "bedrock": re.compile(r"(?:converse|converse_like|invoke)/"),
}
_USUAL_REGION: Final = "us-west-2"
_USUAL_LOCATION: Final = "us-central1"
_PATH: Final = re.compile(r"[\w./~@%+ -]{1,256}\.json|[/.~][\w./~@%+ -]{1,256}")
"""The file of a service account, and nothing that may be the account itself."""
_REGION: Final = re.compile(r"([a-z]{2}(?:-[a-z]+)+-\d)/")
_OF_ALL: Final = {
    "api_base": None,
    "api_key": None,
    "organization": "openai",
    "vertex_project": "vertex",
    "vertex_location": "vertex",
    "vertex_credentials": "vertex",
}
"""Members of deployments that `litellm_settings` may have for all that state none, and the type that each is about."""
_DECIDES: Final = "decides where it leads, or as whom; write that into the deployment"
_ADDRESS: Final = re.compile(r"(.+?)_(?:API_BASE|BASE_URL|API_URL|ENDPOINT)")


class Deployment(msgspec.Struct, frozen=True):
    """One entry: where it leads, and how much of the requests; `prefix` is what LiteLLM calls the provider.

    `shares` are the figures that LiteLLM may go by: the weight, the limit of requests and that of tokens.
    """

    provider: str
    prefix: str
    model: str
    shares: tuple[float, float, float] = (0, 0, 0)
    order: float = 0


def read_models(
    draft: Draft, config: dict[str, Any]
) -> tuple[dict[str, list[Deployment]], dict[str, list[Deployment]]]:
    """Every deployment by the name that clients ask for; apart from them those whose name is a pattern."""
    found: dict[str, list[Deployment]] = {}
    patterns: dict[str, list[Deployment]] = {}
    settings, environment = mapping(config.get("litellm_settings")), mapping(config.get("environment_variables"))
    if where := _leads_all_elsewhere(config):
        draft.note(where, "all deployments are left out: it decides where requests go, or as whom")
        return found, patterns
    known = {
        words(mapping(one).get("credential_name")): mapping(mapping(one).get("credential_values"))
        for one in sequence(config.get("credential_list"))
    }
    entries = [mapping(one) for one in sequence(config.get("model_list"))]
    draft.reserved |= variables_in(entries) | variables_in(known) | {_usual(entry) for entry in entries}
    for index, entry in enumerate(entries):
        where = f"model_list[{index}]"
        name, parameters = words(entry.get("model_name")), mapping(entry.get("litellm_params"))
        if not name or not words(parameters.get("model")):
            draft.note(where, "left out: it has no model_name, or no litellm_params.model")
            continue
        credential = words(parameters.get("litellm_credential_name"))
        if credential and credential not in known:
            draft.note(where, f"left out: there is no credential {credential!r} in credential_list")
            continue
        parameters = {**known.get(credential, {}), **parameters}
        for other, usual in _OTHER_NAMES.items():
            if parameters.get(usual) is None and parameters.get(other) is not None:
                parameters[usual] = parameters[other]
        information = mapping(entry.get("model_info"))
        if why := _of_one_team(information) or _said_elsewhere(parameters, settings, environment):
            draft.note(where, f"left out: {why}")
            continue
        deployment = _deployment(draft, where, parameters, information)
        if deployment is None:
            continue
        if "*" in name:
            draft.note(where, f"{name!r} needs no alias: clients ask for `{deployment.provider}/MODEL`")
        (patterns if "*" in name else found).setdefault(name, []).append(deployment)
    return found, patterns


def _leads_all_elsewhere(config: dict[str, Any]) -> str:
    """The setting that sends all requests to another place than their deployments say, or nothing."""
    if mapping(config.get("litellm_settings")).get("use_litellm_proxy"):
        return "litellm_settings.use_litellm_proxy"
    of_all = mapping(mapping(config.get("router_settings")).get("default_litellm_params"))
    stated = [name for name in of_all if name in _NOT_SAID or (name in _CARRIED and name not in _OF_NO_ACCOUNT)]
    return f"router_settings.default_litellm_params.{stated[0]}" if stated else ""


def _of_one_team(information: dict[str, Any]) -> str:
    return "it is for one team alone, which cannot be said (model_info.team_id)" if information.get("team_id") else ""


def _said_elsewhere(parameters: dict[str, Any], settings: dict[str, Any], environment: dict[str, Any]) -> str:
    """Why a deployment that states no account or address of its own cannot be said, or nothing."""
    prefix, _ = _named(words(parameters["model"]), words(parameters.get("custom_llm_provider")))
    type_ = NATIVE.get(prefix, "custom")
    for member, only in _OF_ALL.items():
        if settings.get(member) and not parameters.get(member) and only in (None, type_):
            return f"litellm_settings.{member} {_DECIDES}"
    own_key = f"{prefix.replace('-', '_')}_key"
    if settings.get(own_key) and not parameters.get("api_key"):
        return f"litellm_settings.{own_key} {_DECIDES}"
    called = {prefix.upper().replace("-", "_"), variable_name(variable_of(prefix)).removesuffix("_API_KEY")}
    for name in () if parameters.get("api_base") else environment:
        if (address := _ADDRESS.fullmatch(name)) and address[1] in called:
            return f"environment_variables.{name} {_DECIDES}"
    return ""


def _usual(entry: dict[str, Any]) -> str:
    """The variable that LiteLLM reads the key of a deployment from that states none, else nothing."""
    parameters = mapping(entry.get("litellm_params"))
    if parameters.get("api_key") or parameters.get("litellm_credential_name"):
        return ""
    return variable_name(
        variable_of(_named(words(parameters.get("model")), words(parameters.get("custom_llm_provider")))[0])
    )


def targets_of(draft: Draft, name: str, deployments: list[Deployment], *, least_busy: bool) -> list[Any]:
    """The targets of an alias: those of the first `order` before the next, balanced where they serve one model."""
    targets: list[Any] = []
    for _, some in groupby(sorted(deployments, key=lambda one: one.order), key=lambda one: one.order):
        targets += _equals(draft, name, list(some), least_busy=least_busy)
    return targets


def _equals(draft: Draft, name: str, deployments: list[Deployment], *, least_busy: bool) -> list[Any]:
    """The targets of deployments that are asked in turns; one whose share is nothing stands by."""
    every = {f"{one.provider}/{one.model}": one for one in deployments}
    if len(every) < len(deployments):
        draft.note("model_list", f"several deployments of {name!r} lead to the same place, and are one here")
    if len(every) == 1:
        return list(every)
    if len({one.model for one in every.values()}) > 1:
        text = f"the deployments of {name!r} differ in their models, so they are asked in order and not in turns"
        draft.note("model_list", text)
        return list(every)
    further = {"by": "least_busy"} if least_busy else {}
    return in_turns(next(iter(every.values())).model, _proportions(list(every.values())), **further)


def _proportions(deployments: list[Deployment]) -> dict[str, float]:
    """The first figures that any deployment states, as LiteLLM takes them; else all alike."""
    stated = (figures for figures in zip(*(one.shares for one in deployments), strict=True) if any(figures))
    return dict(zip((one.provider for one in deployments), next(stated, (1.0,) * len(deployments)), strict=True))


def _deployment(draft: Draft, where: str, parameters: dict[str, Any], information: dict[str, Any]) -> Deployment | None:
    prefix, model = _named(words(parameters["model"]), words(parameters.get("custom_llm_provider")))
    unsaid = [name for name in _NOT_SAID if parameters.get(name)]
    if unsaid:
        draft.note(f"{where}.litellm_params.{unsaid[0]}", f"the deployment is left out: {_NOT_SAID[unsaid[0]]}")
        return None
    if prefix not in NATIVE and prefix not in COMPATIBLE:
        text = (
            f"left out: {prefix!r} is no provider whose API is known here"
            if prefix
            else "left out: it names no provider"
        )
        draft.note(where, f"{text}; if it speaks OpenAI's, declare one of `type: custom`")
        return None
    if prefix == "bedrock" and (placed := _REGION.match(model)):
        parameters, model = {"aws_region_name": placed[1], **parameters}, model[placed.end() :]
    members = _members(draft, where, prefix, parameters)
    if members is None:
        return None
    if members["type"] == "azure" and is_in_data_zone({**information, **parameters}):
        members["zone"] = "data_zone"
    limits = {ours: limit for theirs, ours in _LIMITS.items() if (limit := number(parameters.get(theirs))) is not None}
    if limits:
        members["rate_limits"] = limits
    # A limit is the deployment's own: what it is of is a provider of its own.
    own = bool(limits) or parameters.get("max_budget") is not None
    provider = draft.provider(prefix.replace("_", "-"), members, own=own)
    draft.budget(where, {"organization": draft.organization()}, f"provider-{provider}", parameters, provider=provider)
    read_prices(draft, where, f"{provider}/{model}", {**information, **parameters})
    for field in sorted(set(parameters) - _CARRIED):
        if not is_of_prices(field):
            draft.note(f"{where}.litellm_params.{field}", "not carried over: clients send parameters of their own")
    return Deployment(provider, prefix, model, _shares(parameters), share(parameters.get("order")) or 0)


def _named(written: str, said: str) -> tuple[str, str]:
    """What LiteLLM calls the provider, and the model without that and without the route that it takes there."""
    prefix, slash, model = written.partition("/")
    if said:
        prefix, model = said, model if slash and prefix == said else written
    elif not slash:
        prefix, model = guessed(written), written
    route = _ROUTES.get(prefix)
    return prefix, model if route is None else route.sub("", model, count=1) if route.match(model) else model


def _shares(parameters: dict[str, Any]) -> tuple[float, float, float]:
    """What LiteLLM's shuffle goes by: weights, else limits of requests, else of tokens."""
    weight, requests, tokens = (share(parameters.get(field)) or 0 for field in ("weight", "rpm", "tpm"))
    return weight, requests, tokens


def _members(draft: Draft, where: str, prefix: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    base = words(parameters.get("api_base")) or words(parameters.get("aws_bedrock_runtime_endpoint"))
    members: dict[str, Any] = {"type": NATIVE.get(prefix, "custom")}
    if is_reference(base):
        members["base_url"] = base
    elif is_plain(base):
        members["base_url"] = address_at(prefix, base)
    elif base:
        draft.note(f"{where}.litellm_params.api_base", "the deployment is left out: it is no plain http(s) address")
        return None
    elif members["type"] == "custom":
        members["base_url"] = COMPATIBLE.get(prefix)
    if members["type"] in ("custom", "azure") and not members.get("base_url"):
        draft.note(where, f"left out: the endpoint of {prefix!r} is not given (api_base)")
        return None
    lists_its_prices(members, prefix)
    if not _more(draft, where, members, parameters):
        return None
    key = parameters.get("api_key")
    if members["type"] == "vertex" and key:
        draft.note(f"{where}.litellm_params.api_key", "not carried over: Vertex AI is asked as a service account")
    elif key or (needs_key(members) and "entra" not in members):
        own_host = bool(base) and not is_reference(base)
        wanted = f"{members['base_url'].partition('://')[2]}_api_key" if key and own_host else variable_of(prefix)
        members["api_key"] = draft.credential(key, wanted, f"{where}.litellm_params.api_key")
    return members


def _more(draft: Draft, where: str, members: dict[str, Any], parameters: dict[str, Any]) -> bool:
    """What some types have beside endpoint and key; false where the account cannot be said."""
    type_ = members["type"]
    if type_ == "openai" and words(parameters.get("organization")):
        members["organization"] = words(parameters["organization"])
    elif type_ == "azure":
        _azure(draft, where, members, parameters)
    elif type_ == "bedrock":
        _bedrock(draft, where, members, parameters)
    elif type_ == "vertex":
        _vertex(draft, where, members, parameters)
    if headers := draft.headers(parameters.get("extra_headers"), f"{where}.litellm_params.extra_headers"):
        members["headers"] = headers
    seconds = [share(parameters.get(name)) for name in ("stream_timeout", "timeout")]
    first_byte = next((one for one in seconds if one), None)
    if first_byte:
        members["timeouts"] = {"first_byte_ms": max(1, round(first_byte * 1000))}
    return True


def _azure(draft: Draft, where: str, members: dict[str, Any], parameters: dict[str, Any]) -> None:
    if version := words(parameters.get("api_version")):
        members["api_version"] = version
    if not parameters.get("api_key") and (tenant := words(parameters.get("tenant_id"))):
        members["entra"] = {"tenant_id": tenant, "client_id": words(parameters.get("client_id"))}
        if parameters.get("client_secret"):
            at = f"{where}.litellm_params.client_secret"
            members["entra"]["client_secret"] = draft.credential(parameters["client_secret"], "azure_client_secret", at)


def _bedrock(draft: Draft, where: str, members: dict[str, Any], parameters: dict[str, Any]) -> None:
    members["region"] = words(parameters.get("aws_region_name")) or _USUAL_REGION
    if not words(parameters.get("aws_region_name")):
        text = f"no aws_region_name: {_USUAL_REGION} is written, which LiteLLM takes where AWS_REGION_NAME is not set"
        draft.note(where, text)
    if profile := words(parameters.get("aws_profile_name")):
        members["profile"] = profile
    elif identifier := words(parameters.get("aws_access_key_id")):
        at = f"{where}.litellm_params.aws_access_key_id"
        members["profile"] = draft.aws_profile("litellm", identifier, at)
    if role := words(parameters.get("aws_role_name")):
        members["role_arn"] = role


def _vertex(draft: Draft, where: str, members: dict[str, Any], parameters: dict[str, Any]) -> None:
    members["project"] = words(parameters.get("vertex_project")) or "${env:VERTEXAI_PROJECT}"
    members["location"] = words(parameters.get("vertex_location")) or _USUAL_LOCATION
    if not words(parameters.get("vertex_location")):
        text = (
            f"no vertex_location: {_USUAL_LOCATION} is written, which LiteLLM takes where VERTEXAI_LOCATION is not set"
        )
        draft.note(where, text)
    given = parameters.get("vertex_credentials")
    if not given:
        return
    at = f"{where}.litellm_params.vertex_credentials"
    if isinstance(given, str) and _PATH.fullmatch(given) and not is_reference(words(given)):
        members["credentials"] = f"${{file:{words(given)}}}"
    else:
        members["credentials"] = draft.credential(given, "vertex_credentials", at)
        draft.note(at, "the variable has to hold the JSON of the service account, not the name of its file")
