"""A request for OpenAI's Chat Completions becomes one for Converse or ConverseStream, whose bodies are the same.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and what it links,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html. In JSON, bytes are base64 text, as they
are in data URLs. The model is named by the URL, and so is whether the answer streams.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.lanes.base import Json, Target
from gateway.lanes.chat_request import (
    IMAGES,
    PDF,
    Block,
    Conversation,
    Function,
    answer_schema,
    effort,
    functions,
    output_limit,
    service_tier,
    stops,
    streams,
    temperature,
    tool_choice,
    top_p,
)
from gateway.lanes.data_url import DataUrl, base64_text, data_url, encoded
from gateway.lanes.losses import Losses
from gateway.lanes.reading import mapping, one_of, optional_text, text, wrong

_TIERS: Final[Mapping[str, str]] = {"flex": "flex", "priority": "priority", "fast": "priority"}
_MOST_METADATA: Final = 16
_METADATA_TEXT: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}", re.ASCII)
_NO_SUCH_METADATA: Final = "Bedrock's metadata has 16 entries of 256 letters, digits and a few signs."

_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_DOCUMENTS: Final[Mapping[str, str]] = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
}
_AUDIO: Final = ("wav", "mp3")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9()\[\]-]+")
_LONGEST_NAME: Final = 180
_NO_URL: Final = "Converse fetches nothing; send it along as a data URL in base64."
_NONE_IMPOSSIBLE: Final = "Converse wants the tools that the conversation calls declared, and cannot forbid their use."

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


def converse_request(body: Json, target: Target, losses: Losses) -> dict[str, Any]:
    """See `Translation.written`."""
    streams(body, losses)
    conversation = _Conversation(losses)
    system, turns = conversation.read(body)
    config = _inference_config(body, losses)
    return {
        "messages": turns,
        **({"system": system} if system else {}),
        **config,
        **_tool_config(body, tuple(conversation.called), losses),
        **_output_config(body, losses),
        **_reasoning(body, target.model, config, losses),
        **_service_tier(body, losses),
        **_metadata(body, losses),
    }


class _Conversation(Conversation):
    """See `Conversation`. `called` are the functions that were called, each once; each document has its own name."""

    usable_id = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")

    def __init__(self, losses: Losses) -> None:
        super().__init__(losses)
        self.called: dict[str, None] = {}
        self._names: set[str] = set()

    def text(self, said: str) -> Block:
        return {"text": said}

    def image(self, url: str, path: str) -> Block:
        opened = data_url(url)
        if opened is None:
            raise self.table.unsupported(path, _NO_URL)
        if opened.media_type == PDF:
            return self.file("", url, path)
        data = encoded(opened, path)
        if opened.media_type not in IMAGES:
            raise self.table.unsupported(path, "Converse reads images in PNG, JPEG, GIF and WebP.")
        return {"image": {"format": IMAGES[opened.media_type], "source": {"bytes": data}}}

    def audio(self, members: Mapping[str, Any], path: str) -> Block:
        format_ = one_of(_AUDIO, members.get("format"), f"{path}.format")
        data = base64_text(text(members.get("data"), f"{path}.data"), f"{path}.data")
        return {"audio": {"format": format_, "source": {"bytes": data}}}

    def file(self, name: str, data: str, path: str) -> Block:
        opened = data_url(data) or DataUrl("", is_base64=True, data=data)
        source = {"bytes": encoded(opened, path)}
        stem, _, extension = name.rpartition(".")
        format_ = _DOCUMENTS.get(opened.media_type) or extension.lower()
        if format_ not in _DOCUMENTS.values():
            formats = ", ".join(_DOCUMENTS.values())
            raise self.table.unsupported(
                path, f"neither its media type nor its name is of a kind that Converse reads: {formats}."
            )
        return {"document": {"format": format_, "name": self._free_name(stem or name), "source": source}}

    def call(self, identifier: str, name: str, arguments: dict[str, Any]) -> Block:
        self.called[name] = None
        return {"toolUse": {"toolUseId": identifier, "name": name, "input": arguments}}

    def result(self, identifier: str, content: list[Block]) -> Block:
        return {"toolResult": {"toolUseId": identifier, "content": content}}

    def _free_name(self, wanted: str) -> str:
        """A name in the characters that Converse allows, and not yet another document's of the request."""
        base = _NOT_IN_NAMES.sub(" ", wanted).strip()[:_LONGEST_NAME].rstrip() or "document"
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base} ({number})"
        self._names.add(name)
        return name


def _inference_config(body: Json, losses: Losses) -> dict[str, Any]:
    """The member `inferenceConfig`."""
    heat = temperature(body)
    if heat is not None and heat > 1:
        losses.drop("temperature", "temperature", "Converse goes up to 1, which is sent.")
        heat = 1
    members = {"maxTokens": output_limit(body), "temperature": heat, "topP": top_p(body), "stopSequences": stops(body)}
    config = {name: value for name, value in members.items() if value not in (None, [])}
    return {"inferenceConfig": config} if config else {}


def _tool_config(body: Json, called: Sequence[str], losses: Losses) -> dict[str, Any]:
    """The member `toolConfig`; `called` are the tools that the conversation has called before."""
    specs = [_spec(function) for function in functions(body, losses)]
    choice = tool_choice(body, losses)
    if choice.allowed is not None:
        specs = [spec for spec in specs if spec["name"] in choice.allowed]
    if choice.mode == "required" and not specs:
        raise wrong("tools", "an array with the tools that `tool_choice` demands")
    if choice.mode == "none":
        if not called:
            return {}
        losses.drop("tool_choice", "tool_choice", _NONE_IMPOSSIBLE)
    specs = specs or [{"name": name, "inputSchema": _schema({})} for name in called]
    if not specs:
        return {}
    config: dict[str, Any] = {"tools": [{"toolSpec": spec} for spec in specs]}
    if choice.mode == "required":
        config["toolChoice"] = {"any": {}} if choice.name is None else {"tool": {"name": choice.name}}
    return {"toolConfig": config}


def _spec(function: Function) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": function.name}
    if function.description.strip():
        spec["description"] = function.description
    spec["inputSchema"] = _schema(function.parameters or {})
    if function.strict:
        spec["strict"] = True
    return spec


def _schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A function without parameters takes none."""
    return {"json": dict(parameters) or {"type": "object", "properties": {}}}


def _output_config(body: Json, losses: Losses) -> dict[str, Any]:
    """The member `outputConfig`, where the answer has to keep to a schema."""
    wanted = answer_schema(body, losses, _NO_SCHEMA)
    if wanted is None:
        return {}
    name = optional_text(wanted.get("name"), "response_format.json_schema.name")
    named = {member: words for member, words in (("name", name), ("description", wanted.get("description"))) if words}
    definition = {"schema": msgspec.json.encode(wanted["schema"]).decode(), **named}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}}


def _reasoning(body: Mapping[str, Any], model: str, config: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The member `additionalModelRequestFields`, for models whose effort can be set; `config` is what stands beside."""
    asked = effort(body)
    if asked is None:
        return {}
    level = _EFFORTS[asked]
    if _GPT_OSS.search(model):
        if level:
            return {"additionalModelRequestFields": {"reasoning_effort": level}}
        losses.drop("reasoning_effort", "reasoning_effort", _ALWAYS_REASONS)
        return {}
    if not _NOVA_2.search(model):
        losses.drop("reasoning_effort", "reasoning_effort", _NO_EFFORT)
        return {}
    if not level:
        return {}
    if level == "high" and not {"maxTokens", "temperature", "topP"}.isdisjoint(config.get("inferenceConfig", {})):
        losses.drop("reasoning_effort", "reasoning_effort", _HIGH_STANDS_ALONE)
        level = "medium"
    return {"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}}


def _service_tier(body: Json, losses: Losses) -> dict[str, Any]:
    tier = service_tier(body)
    if tier == "scale":
        losses.drop("service_tier", "service_tier", "There is no scale tier.")
    return {"serviceTier": {"type": _TIERS[tier]}} if tier is not None and tier in _TIERS else {}


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
