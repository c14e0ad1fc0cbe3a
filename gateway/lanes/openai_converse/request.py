"""A request for OpenAI's Chat Completions becomes one for Converse or ConverseStream, whose bodies are the same."""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.base import Json, Translated
from gateway.lanes.losses import Losses
from gateway.lanes.openai_converse.inference import inference_config, output_config, reasoning
from gateway.lanes.openai_converse.messages import conversation
from gateway.lanes.openai_converse.parameters import TABLE
from gateway.lanes.openai_converse.tools import tool_config
from gateway.lanes.reading import flag, mapping, text, wrong

_TIERS: Final[Mapping[str, str]] = {"flex": "flex", "priority": "priority", "fast": "priority"}
_USUAL_TIERS: Final = ("auto", "default")
_MOST_METADATA: Final = 16
_METADATA_TEXT: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}", re.ASCII)
_NO_SUCH_METADATA: Final = "Bedrock's metadata has 16 entries of 256 letters, digits and a few signs."


def translate_request(body: Json, *, model: str, strict: bool) -> Translated:
    """See `Translation.request`."""
    losses = Losses(TABLE, strict=strict)
    losses.judge(body, "", "")
    _judge_streaming(body, losses)
    system, messages, called = conversation(body, losses)
    config = inference_config(body, losses)
    translated: dict[str, Any] = {
        "messages": messages,
        **({"system": system} if system else {}),
        **config,
        **tool_config(body, called, losses),
        **output_config(body, losses),
        **reasoning(body, model, config, losses),
        **_service_tier(body, losses),
        **_metadata(body, losses),
    }
    return Translated(translated, losses.names)


def _judge_streaming(body: Json, losses: Losses) -> None:
    flag(body.get("stream"), "stream")
    if body.get("stream_options") is not None:
        options = mapping(body["stream_options"], "stream_options")
        losses.judge(options, "stream_options", "stream_options")
        flag(options.get("include_usage"), "stream_options.include_usage")


def _service_tier(body: Json, losses: Losses) -> dict[str, Any]:
    if body.get("service_tier") is None:
        return {}
    tier = text(body["service_tier"], "service_tier")
    if tier in _USUAL_TIERS:
        return {}
    if tier == "scale":
        losses.drop("service_tier", "service_tier", "There is no scale tier.")
        return {}
    if tier not in _TIERS:
        raise wrong("service_tier", f"one of {', '.join((*_USUAL_TIERS, *_TIERS, 'scale'))}")
    return {"serviceTier": {"type": _TIERS[tier]}}


def _metadata(body: Json, losses: Losses) -> dict[str, Any]:
    if body.get("metadata") is None:
        return {}
    given = mapping(body["metadata"], "metadata")
    entries = {key: text(value, "metadata") for key, value in given.items()}
    kept = {
        key: value
        for key, value in entries.items()
        if key and _METADATA_TEXT.fullmatch(key) and _METADATA_TEXT.fullmatch(value)
    }
    kept = dict(list(kept.items())[:_MOST_METADATA])
    if len(kept) < len(given):
        losses.drop("metadata", "metadata", _NO_SUCH_METADATA)
    return {"requestMetadata": kept} if kept else {}
