"""A request for OpenAI's Chat Completions becomes one for Anthropic's Messages."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.base import Json, Translated
from gateway.lanes.losses import Losses
from gateway.lanes.openai_anthropic.messages import conversation
from gateway.lanes.openai_anthropic.model_families import family_of
from gateway.lanes.openai_anthropic.parameters import TABLE
from gateway.lanes.openai_anthropic.reasoning import reasoning_and_sampling
from gateway.lanes.openai_anthropic.tools import tools_and_choice
from gateway.lanes.openai_chat import output_limit, stops
from gateway.lanes.reading import flag, mapping, optional_text, text, wrong

_TIERS: Final[Mapping[str, str]] = {"auto": "auto", "default": "standard_only"}
_OTHER_TIERS: Final = ("flex", "scale", "priority", "fast")
_NO_SCHEMA: Final = "Anthropic holds a model to JSON only with a schema."


def translate_request(body: Json, *, model: str, strict: bool) -> Translated:
    """See `Translation.request`."""
    losses = Losses(TABLE, strict=strict)
    losses.judge(body, "", "")
    streams = _streams(body, losses)
    system, messages = conversation(body, losses)
    family = family_of(model)
    limit = output_limit(body) or family.default_limit
    tools = tools_and_choice(body, losses)
    members: dict[str, Any] = {
        "model": model,
        "max_tokens": limit,
        **({"system": system} if system else {}),
        "messages": messages,
        **tools,
        **_stop_sequences(body),
        **_metadata(body),
        **_service_tier(body, losses),
        **({"stream": True} if streams else {}),
    }
    format_ = _output_format(body, losses)
    thought = reasoning_and_sampling(body, family, limit, tools, messages, losses)
    config = {**thought.pop("output_config", {}), **format_}
    members.update(thought)
    if config:
        members["output_config"] = config
    return Translated(members, losses.names)


def _streams(body: Json, losses: Losses) -> bool:
    if body.get("stream_options") is not None:
        options = mapping(body["stream_options"], "stream_options")
        losses.judge(options, "stream_options", "stream_options")
        flag(options.get("include_usage"), "stream_options.include_usage")
    return flag(body.get("stream"), "stream")


def _stop_sequences(body: Json) -> dict[str, Any]:
    given = [stop for stop in stops(body) if stop.strip()]
    return {"stop_sequences": given} if given else {}


def _metadata(body: Json) -> dict[str, Any]:
    user = optional_text(body.get("safety_identifier"), "safety_identifier") or optional_text(body.get("user"), "user")
    return {"metadata": {"user_id": user}} if user else {}


def _service_tier(body: Json, losses: Losses) -> dict[str, Any]:
    if body.get("service_tier") is None:
        return {}
    tier = text(body["service_tier"], "service_tier")
    if tier in _TIERS:
        return {"service_tier": _TIERS[tier]}
    if tier not in _OTHER_TIERS:
        raise wrong("service_tier", f"one of {', '.join((*_TIERS, *_OTHER_TIERS))}")
    losses.drop("service_tier", "service_tier", f"There is no {tier} tier.")
    return {}


def _output_format(body: Json, losses: Losses) -> dict[str, Any]:
    if body.get("response_format") is None:
        return {}
    wanted = mapping(body["response_format"], "response_format")
    losses.judge(wanted, "response_format", "response_format")
    kind = text(wanted.get("type"), "response_format.type")
    if kind not in ("text", "json_object", "json_schema"):
        raise wrong("response_format.type", "one of text, json_object, json_schema")
    if kind == "text":
        return {}
    if kind == "json_object":
        losses.drop("response_format", "response_format.type", _NO_SCHEMA)
        return {}
    path = "response_format.json_schema"
    members = mapping(wanted.get("json_schema"), path)
    losses.judge(members, path, path)
    description = optional_text(members.get("description"), f"{path}.description")
    if members.get("schema") is None:
        losses.drop("response_format", f"{path}.schema", _NO_SCHEMA)
        return {}
    schema = dict(mapping(members["schema"], f"{path}.schema"))
    if description:
        schema.setdefault("description", description)
    return {"format": {"type": "json_schema", "schema": schema}}
