"""LiteLLM's `model_list`: deployments become providers, model names become aliases."""

from typing import Any

import msgspec

from gateway.importers.draft import Draft, mapping, number, sequence, words
from gateway.importers.litellm_prices import is_in_data_zone, is_of_prices, read_prices
from gateway.importers.peers import COMPATIBLE, NATIVE, guessed, lists_its_prices, needs_key

_CARRIED = {
    "model",
    "api_key",
    "api_base",
    "base_url",
    "api_version",
    "organization",
    "aws_region_name",
    "vertex_project",
    "vertex_location",
    "rpm",
    "tpm",
    "weight",
    "order",
}


class Deployment(msgspec.Struct, frozen=True):
    """One entry: where it leads, and with which weight; `prefix` is what LiteLLM calls the provider."""

    provider: str
    prefix: str
    model: str
    weight: int


def read_models(draft: Draft, written: object) -> dict[str, list[Deployment]]:
    """Every deployment by the name that clients ask for."""
    found: dict[str, list[Deployment]] = {}
    for index, one in enumerate(sequence(written)):
        where = f"model_list[{index}]"
        entry = mapping(one)
        name, parameters = words(entry.get("model_name")), mapping(entry.get("litellm_params"))
        if not name or not words(parameters.get("model")):
            draft.note(where, "left out: it has no model_name, or no litellm_params.model")
            continue
        deployment = _deployment(draft, where, parameters, mapping(entry.get("model_info")))
        if deployment is None:
            continue
        if "*" in name:
            draft.note(where, f"{name!r} needs no alias: clients ask for `{deployment.provider}/MODEL`")
        else:
            found.setdefault(name, []).append(deployment)
    return found


def targets_of(draft: Draft, name: str, deployments: list[Deployment]) -> list[Any]:
    """The targets of an alias: balanced where the deployments serve one model, else in their order."""
    models = {one.model for one in deployments}
    providers = {one.provider: one.weight for one in deployments}
    if len(deployments) > 1 and len(models) == 1 and len(providers) == len(deployments):
        return [{"model": deployments[0].model, "balance": providers}]
    if len(deployments) > 1:
        text = f"the deployments of {name!r} differ in their models, so they are asked in order and not in turns"
        draft.note("model_list", text)
    return list(dict.fromkeys(f"{one.provider}/{one.model}" for one in deployments))


def _deployment(draft: Draft, where: str, parameters: dict[str, Any], information: dict[str, Any]) -> Deployment | None:
    written = words(parameters["model"])
    prefix, slash, model = written.partition("/")
    if not slash or (prefix not in NATIVE and prefix not in COMPATIBLE):
        prefix, model = words(parameters.get("custom_llm_provider")) or guessed(written), written
    members = _members(draft, where, prefix, parameters)
    if members is None:
        return None
    if members["type"] == "azure" and is_in_data_zone({**information, **parameters}):
        members["zone"] = "data_zone"
    if members["type"] == "bedrock":
        model = model.removeprefix("converse/").removeprefix("invoke/")
    provider = draft.provider(prefix.replace("_", "-"), members)
    for field in ("rpm", "tpm"):
        if (limit := number(parameters.get(field))) is not None:
            limits = draft.section("providers")[provider].setdefault("rate_limits", {})
            if field in limits:
                draft.note(
                    where, f"{field} of several deployments are added up: here it is the account's, for all models"
                )
            limits[field] = limits.get(field, 0) + limit
    read_prices(draft, where, f"{provider}/{model}", {**information, **parameters})
    for field in sorted(set(parameters) - _CARRIED - {"custom_llm_provider"}):
        if is_of_prices(field):
            continue
        draft.note(f"{where}.litellm_params.{field}", "not carried over: clients send parameters of their own")
    return Deployment(provider, prefix, model, number(parameters.get("weight"), 1_000_000) or 1)


def _members(draft: Draft, where: str, prefix: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    base = words(parameters.get("api_base")) or words(parameters.get("base_url"))
    members: dict[str, Any] = {"type": NATIVE.get(prefix, "custom")}
    if base.startswith("os.environ/"):
        members["base_url"] = draft.credential(base.replace("$${", "${"), "", where)
    elif base.startswith(("http://", "https://")) and "@" not in base and "?" not in base and " " not in base:
        members["base_url"] = base.rstrip("/")
    elif members["type"] == "custom":
        members["base_url"] = COMPATIBLE.get(prefix)
    if members["type"] in ("custom", "azure") and not members.get("base_url"):
        draft.note(where, f"left out: the endpoint of {prefix!r} is not given (api_base)")
        return None
    lists_its_prices(members, prefix)
    key = parameters.get("api_key")
    if key or needs_key(members):
        members["api_key"] = draft.credential(key, f"{prefix}_api_key", f"{where}.litellm_params.api_key")
    return _more(draft, where, members, parameters)


def _more(draft: Draft, where: str, members: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """What some types have beside endpoint and key."""
    type_ = members["type"]
    if type_ == "openai" and words(parameters.get("organization")):
        members["organization"] = words(parameters["organization"])
    elif type_ == "azure" and (version := words(parameters.get("api_version"))):
        members["api_version"] = version
    elif type_ == "bedrock":
        members["region"] = words(parameters.get("aws_region_name")) or "us-east-1"
        if not words(parameters.get("aws_region_name")):
            draft.note(where, "no aws_region_name: us-east-1 is assumed")
    elif type_ == "vertex":
        members["project"] = words(parameters.get("vertex_project")) or "set-the-project"
        members["location"] = words(parameters.get("vertex_location")) or "us-central1"
        if members["project"] == "set-the-project":
            draft.note(where, "no vertex_project: set `project` of the provider")
    return members
