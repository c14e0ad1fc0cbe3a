"""A request for Anthropic's Messages becomes one for OpenAI's Chat Completions."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.anthropic_openai.messages import conversation
from gateway.lanes.anthropic_openai.output_format import response_format
from gateway.lanes.anthropic_openai.parameters import TABLE
from gateway.lanes.anthropic_openai.reasoning import reasoning_and_sampling
from gateway.lanes.anthropic_openai.tools import tools_and_choice
from gateway.lanes.base import Json, Translated
from gateway.lanes.losses import Losses
from gateway.lanes.reading import flag, mapping, sequence, text, whole_number, wrong

_MAX_STOPS: Final = 4
_MAX_USER_CHARACTERS: Final = 64
_SERVICE_TIERS: Final[Mapping[str, str]] = {"auto": "auto", "standard_only": "default"}


def translate_request(body: Json, *, model: str, strict: bool) -> Translated:
    """See `Translation.request`."""
    losses = Losses(TABLE, strict=strict)
    losses.judge(body, "", "")
    translated = {
        "model": model,
        "messages": conversation(body, losses),
        "max_completion_tokens": _max_tokens(body),
        **_streaming(body),
        **_stop(body),
        **reasoning_and_sampling(body, model, losses),
        **tools_and_choice(body, losses),
        **response_format(body, losses),
        **_user(body, losses),
        **_service_tier(body),
    }
    return Translated(translated, losses.names)


def _max_tokens(body: Json) -> int:
    limit = whole_number(body.get("max_tokens"), "max_tokens")
    if limit == 0:
        raise TABLE.unsupported("max_tokens", "0 only fills Anthropic's prompt cache; OpenAI fills its own.")
    return limit


def _streaming(body: Json) -> dict[str, Any]:
    return {"stream": True, "stream_options": {"include_usage": True}} if flag(body.get("stream"), "stream") else {}


def _stop(body: Json) -> dict[str, Any]:
    if body.get("stop_sequences") is None:
        return {}
    stops = [
        text(stop, f"stop_sequences[{index}]")
        for index, stop in enumerate(sequence(body["stop_sequences"], "stop_sequences"))
    ]
    if len(stops) > _MAX_STOPS:
        raise TABLE.unsupported("stop_sequences", f"OpenAI takes {_MAX_STOPS} at most, and these are {len(stops)}.")
    return {"stop": stops} if stops else {}


def _user(body: Json, losses: Losses) -> dict[str, Any]:
    """`user`, which every provider of the shape knows; OpenAI's newer `safety_identifier` only its own API does."""
    if body.get("metadata") is None:
        return {}
    metadata = mapping(body["metadata"], "metadata")
    losses.judge(metadata, "metadata", "metadata")
    if metadata.get("user_id") is None:
        return {}
    user = text(metadata["user_id"], "metadata.user_id")
    if len(user) > _MAX_USER_CHARACTERS:
        user = hashlib.sha256(user.encode("utf-8", "surrogatepass")).hexdigest()
    return {"user": user} if user else {}


def _service_tier(body: Json) -> dict[str, Any]:
    if body.get("service_tier") is None:
        return {}
    tier = text(body["service_tier"], "service_tier")
    if tier not in _SERVICE_TIERS:
        raise wrong("service_tier", f"one of {', '.join(_SERVICE_TIERS)}")
    return {"service_tier": _SERVICE_TIERS[tier]}
