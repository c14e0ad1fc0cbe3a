"""A request for Anthropic's Messages becomes one for OpenAI's Chat Completions.

Sources: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview,
https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs,
https://platform.openai.com/docs/api-reference/chat/create, https://platform.openai.com/docs/guides/function-calling and
https://platform.openai.com/docs/guides/structured-outputs#supported-schemas.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import GatewayError
from gateway.lanes.anthropic_openai.conversation import conversation
from gateway.lanes.anthropic_openai.parameters import TABLE
from gateway.lanes.anthropic_openai.reasoning import reasoning_and_sampling
from gateway.lanes.base import Json, Target
from gateway.lanes.losses import Losses
from gateway.lanes.reading import flag, mapping, one_of, optional_text, sequence, text, whole_number, wrong
from gateway.lanes.strict_schema import fits_strict_mode
from gateway.wire.unsigned_thinking import marked

_MAX_STOPS: Final = 4
_MAX_USER_CHARACTERS: Final = 64
_SERVICE_TIERS: Final[Mapping[str, str]] = {"auto": "auto", "standard_only": "default"}
_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "any": "required", "none": "none"}
_NOT_STRICT: Final = "OpenAI's strict mode cannot hold the schema."
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEFAULT_NAME: Final = "answer"
_NOT_HELD: Final = f"{_NOT_STRICT[:-1]}; the model is asked to keep to it, but not held to it."


def chat_request(body: Json, target: Target, losses: Losses) -> dict[str, Any]:
    """See `Translation.written`."""
    return {
        "model": target.model,
        "messages": conversation(body, losses, marked(target.provider)),
        "max_completion_tokens": _max_tokens(body),
        **_streaming(body),
        **_stop(body),
        **reasoning_and_sampling(body, target.model, losses),
        **_tools_and_choice(body, losses),
        **_response_format(body, losses),
        **_end_user(body, losses),
        **_service_tier(body),
    }


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


def _end_user(body: Json, losses: Losses) -> dict[str, Any]:
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
    return {"service_tier": _SERVICE_TIERS[one_of(_SERVICE_TIERS, body["service_tier"], "service_tier")]}


def _tools_and_choice(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The members `tools`, `tool_choice` and `parallel_tool_calls`; OpenAI takes the latter two only beside tools."""
    declared = [] if body.get("tools") is None else sequence(body["tools"], "tools")
    functions = [_function(tool, f"tools[{index}]", losses) for index, tool in enumerate(declared)]
    choice = _choice(body, losses)
    if functions:
        return {"tools": functions, **choice}
    if choice.get("tool_choice", "auto") not in ("auto", "none"):
        raise wrong("tools", "an array of at least one tool, since `tool_choice` demands one")
    return {}


def _function(tool: Any, path: str, losses: Losses) -> dict[str, Any]:
    tool = mapping(tool, path)
    optional_text(tool.get("type"), f"{path}.type")
    losses.judge(tool, "tools[]", path)
    function: dict[str, Any] = {"name": text(tool.get("name"), f"{path}.name")}
    description = optional_text(tool.get("description"), f"{path}.description")
    if description:
        function["description"] = description
    schema = mapping(tool.get("input_schema"), f"{path}.input_schema")
    function["parameters"] = _with_properties(schema)
    if flag(tool.get("strict"), f"{path}.strict"):
        if fits_strict_mode(function["parameters"]):
            function["strict"] = True
        else:
            losses.drop("tools[].strict", f"{path}.strict", _NOT_STRICT)
    return {"type": "function", "function": function}


def _with_properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI refuses an object without `properties`; Anthropic takes it as one without any."""
    if schema.get("type") == "object" and schema.get("properties") is None:
        return {**schema, "properties": {}}
    return dict(schema)


def _choice(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    if body.get("tool_choice") is None:
        return {}
    choice = mapping(body["tool_choice"], "tool_choice")
    losses.judge(choice, "tool_choice", "tool_choice")
    kind = text(choice.get("type"), "tool_choice.type")
    members: dict[str, Any] = {}
    if kind == "tool":
        name = text(choice.get("name"), "tool_choice.name")
        members["tool_choice"] = {"type": "function", "function": {"name": name}}
    elif kind in _CHOICES:
        members["tool_choice"] = _CHOICES[kind]
    else:
        raise wrong("tool_choice.type", "one of auto, any, tool, none")
    if flag(choice.get("disable_parallel_tool_use"), "tool_choice.disable_parallel_tool_use"):
        members["parallel_tool_calls"] = False
    return members


def _response_format(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The member `response_format`, if the request asks for a format. OpenAI's needs a name: the schema's title."""
    config = body.get("output_config")
    newer = None if config is None else mapping(config, "output_config").get("format")
    older = body.get("output_format")
    if newer is not None and older is not None:
        raise GatewayError(
            "bad_request", "Both `output_config.format` and `output_format` are set; keep one.", param="output_format"
        )
    if newer is None and older is None:
        return {}
    path = "output_format" if newer is None else "output_config.format"
    wanted = mapping(older if newer is None else newer, path)
    losses.judge(wanted, path, path)
    if wanted.get("type") != "json_schema":
        raise wrong(f"{path}.type", '"json_schema"')
    schema = dict(mapping(wanted.get("schema"), f"{path}.schema"))
    title = schema.get("title")
    name = title if isinstance(title, str) and _NAME.fullmatch(title) else _DEFAULT_NAME
    strict = fits_strict_mode(schema)
    if not strict:
        losses.drop(path, f"{path}.schema", _NOT_HELD)
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": name, "schema": schema, "strict": strict},
        }
    }
