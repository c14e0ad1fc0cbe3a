"""How the model is to answer: limits, sampling, stops, reasoning and the form of the answer.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputFormat.html.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.losses import Losses
from gateway.lanes.openai_chat import effort as effort_asked
from gateway.lanes.openai_chat import output_limit, stops, temperature, top_p
from gateway.lanes.reading import mapping, optional_text, text, wrong

_EFFORTS: Final[Mapping[str, str]] = {
    "none": "",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
"""OpenAI's efforts, and the nearest of the three that Bedrock's reasoning models have; "" is no reasoning."""

_GPT_OSS: Final = re.compile(r"(^|[./])gpt-oss-")
_NOVA_2: Final = re.compile(r"(^|[./])nova-2-")
_NO_EFFORT: Final = "How this model is told its effort is not documented, or it does not reason."
_ALWAYS_REASONS: Final = "This model always reasons."
_HIGH_STANDS_ALONE: Final = "Nova takes no high effort beside `temperature`, `top_p` or a limit; medium is sent."
_NO_SCHEMA: Final = "Converse holds a model to JSON only with a schema."


def inference_config(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The member `inferenceConfig`."""
    heat = temperature(body)
    if heat is not None and heat > 1:
        losses.drop("temperature", "temperature", "Converse goes up to 1, which is sent.")
        heat = 1
    members = {"maxTokens": output_limit(body), "temperature": heat, "topP": top_p(body), "stopSequences": stops(body)}
    config = {name: value for name, value in members.items() if value not in (None, [])}
    return {"inferenceConfig": config} if config else {}


def reasoning(body: Mapping[str, Any], model: str, config: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The member `additionalModelRequestFields`, for models whose effort can be set; `config` is what stands beside."""
    asked = effort_asked(body)
    if asked is None:
        return {}
    effort = _EFFORTS[asked]
    if _GPT_OSS.search(model):
        if effort:
            return {"additionalModelRequestFields": {"reasoning_effort": effort}}
        losses.drop("reasoning_effort", "reasoning_effort", _ALWAYS_REASONS)
        return {}
    if not _NOVA_2.search(model):
        losses.drop("reasoning_effort", "reasoning_effort", _NO_EFFORT)
        return {}
    if not effort:
        return {}
    if effort == "high" and not {"maxTokens", "temperature", "topP"}.isdisjoint(config.get("inferenceConfig", {})):
        losses.drop("reasoning_effort", "reasoning_effort", _HIGH_STANDS_ALONE)
        effort = "medium"
    return {"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}}


def output_config(body: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The member `outputConfig`, where the answer has to keep to a schema."""
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
    named = {name: optional_text(members.get(name), f"{path}.{name}") for name in ("name", "description")}
    if members.get("schema") is None:
        losses.drop("response_format", f"{path}.schema", _NO_SCHEMA)
        return {}
    schema = msgspec.json.encode(mapping(members["schema"], f"{path}.schema")).decode()
    definition = {"schema": schema, **{name: value for name, value in named.items() if value}}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}}
