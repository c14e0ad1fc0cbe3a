"""A request for Converse or ConverseStream, whose bodies are the same.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and what it links,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html. In JSON, bytes are base64 text. The
model is named by the URL, and so is whether the answer streams.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.lanes.base import Target, usable_call_id
from gateway.lanes.call_arguments import as_mapping
from gateway.lanes.conversation import (
    ASKS_JSON,
    Audio,
    Call,
    Choice,
    Conversation,
    Document,
    Feature,
    Image,
    Inline,
    Linked,
    Origin,
    Part,
    PlainText,
    Result,
    SearchResult,
    Text,
    Thought,
    Tool,
    Turn,
    Video,
)
from gateway.lanes.converse.parameters import TARGET
from gateway.lanes.data_url import IMAGES
from gateway.lanes.losses import Losses
from gateway.lanes.reading import text, wrong

Block = dict[str, Any]

"""What begins the origin of a signature that one provider's models gave by this API; its name follows."""

_NO_CONTENT: Final = "an array with at least one message of a user that says something"
_USABLE_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
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
_SOUNDS: Final[Mapping[str, str]] = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/ogg": "ogg",
    "audio/flac": "flac",
    "audio/webm": "webm",
}
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
"""Efforts, and the nearest of the three that Bedrock's reasoning models have; "" is no reasoning."""

_GPT_OSS: Final = re.compile(r"(^|[./])gpt-oss-")
_NOVA_2: Final = re.compile(r"(^|[./])nova-2-")
_NO_EFFORT: Final = "How this model is told its effort is not documented, or it does not reason."
_ALWAYS_REASONS: Final = "This model always reasons."

_CACHES: Final = re.compile(r"(^|[./])nova-(micro|lite|pro|premier|2-lite)\b")
"""Models whose prompts are cached up to where the request says, by
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html: their instructions and messages, for five
minutes, never their tools. A mark that asks for an hour has five minutes."""

_WITHIN: Final = re.compile(r"\.(source|image_url|input_audio|file|text)\b.*")
"""What of a part's path stands within the block that has the mark."""

_NO_CACHE: Final = "This model caches nothing, or by itself."
_NO_CACHED_TOOLS: Final = "Tools are not cached by Bedrock's own models."
_HIGH_STANDS_ALONE: Final = "Nova takes no high effort beside `temperature`, `top_p` or a limit; medium is sent."


def write_request(conversation: Conversation, target: Target, losses: Losses) -> dict[str, Any]:
    """See `ProviderSide.write_request`."""
    writer = _Parts(losses, target)
    instructions, turns = conversation.hoisted()
    system = writer.blocks(instructions)
    if conversation.format is not None and conversation.format.schema is None:
        system.append({"text": ASKS_JSON})
    messages = _messages(turns, writer)
    config = _inference_config(conversation, losses)
    return {
        "messages": messages,
        **({"system": system} if system else {}),
        **config,
        **_tool_config(conversation, tuple(writer.called), losses),
        **_output_config(conversation, losses),
        **_reasoning(conversation, target.model, config, losses),
        **_service_tier(conversation, losses),
        **_metadata(conversation, losses),
    }


def _messages(turns: Iterable[Turn], writer: "_Parts") -> list[Block]:
    """The turns that say something; roles alternate."""
    messages: list[Block] = []
    for turn in turns:
        said = writer.blocks(turn.parts)
        if said and messages and messages[-1]["role"] == turn.role.value:
            messages[-1]["content"].extend(said)
        elif said:
            messages.append({"role": turn.role.value, "content": said})
    if not messages:
        raise wrong("messages", _NO_CONTENT)
    return messages


class _Parts:
    """Writes the parts of one request. `called` are the tools that were called, each once.

    Each document has its own name.
    """

    def __init__(self, losses: Losses, target: Target) -> None:
        self.called: dict[str, None] = {}
        self._losses = losses
        self._table = losses.table
        self._origin = Origin.CONVERSE + target.provider
        self._caches = _CACHES.search(target.model) is not None
        self._names: set[str] = set()

    def blocks(self, parts: Sequence[Part]) -> list[Block]:
        """The blocks of what is said, with points up to which to cache.

        Thinking that cannot go back, and blank texts, are none.
        """
        blocks: list[Block] = []
        for part in parts:
            block = _WRITERS[type(part)](self, part)
            if block:
                blocks.append(block)
                marked = next((one for one in (part, *_held(part)) if one.cache is not None), None)
                if marked is not None:
                    self._mark(marked.path, blocks)
        return blocks

    def _mark(self, path: str, blocks: list[Block]) -> None:
        if self._caches:
            blocks.append({"cachePoint": {"type": "default"}})
        else:
            self._losses.lose(f"{_WITHIN.sub('', path)}.cache_control", _NO_CACHE)

    def text(self, part: Text) -> Block:
        """A text. Blank ones are refused by Converse."""
        return {"text": part.text} if part.text.strip() else {}

    def image(self, part: Image) -> Block:
        """An image that is sent along."""
        if isinstance(part.source, Linked):
            raise self._table.unsupported(part.path, _NO_URL)
        if part.source.media_type not in IMAGES:
            raise self._table.unsupported(part.path, "Converse reads images in PNG, JPEG, GIF and WebP.")
        return {"image": {"format": IMAGES[part.source.media_type], "source": {"bytes": part.source.data}}}

    def audio(self, part: Audio) -> Block:
        """Speech that is sent along."""
        if isinstance(part.source, Linked):
            raise self._table.unsupported(part.path, _NO_URL)
        if part.source.media_type not in _SOUNDS:
            raise self._table.unsupported(part.path, "Converse hears WAV, MP3, Ogg, FLAC and WebM.")
        return {"audio": {"format": _SOUNDS[part.source.media_type], "source": {"bytes": part.source.data}}}

    def video(self, part: Video) -> Block:
        """Videos do not cross."""
        raise self._table.unsupported(part.path, TARGET[Feature.VIDEO].note)

    def document(self, part: Document) -> Block:
        """A document that is sent along; one that is made of parts is its texts."""
        source = part.source
        if isinstance(source, Linked):
            raise self._table.unsupported(part.path, _NO_URL)
        stem, _, extension = part.name.rpartition(".")
        if isinstance(source, Inline):
            media_type, data = source.media_type, source.data
        else:
            words = source.text if isinstance(source, PlainText) else _words(source)
            media_type, data = "text/plain", b64encode(words.encode("utf-8", "surrogatepass")).decode()
        format_ = _DOCUMENTS.get(media_type) or extension.lower()
        if format_ not in _DOCUMENTS.values():
            formats = ", ".join(_DOCUMENTS.values())
            raise self._table.unsupported(
                part.path, f"neither its media type nor its name is of a kind that Converse reads: {formats}."
            )
        document = {"format": format_, "name": self._free_name(stem or part.name), "source": {"bytes": data}}
        return {"document": {**document, **({"context": part.context} if part.context else {})}}

    def search_result(self, part: SearchResult) -> Block:
        """A passage, as text."""
        return {"text": "\n".join((part.title, part.source, *part.texts))}

    def thought(self, part: Thought) -> Block:
        """Thinking, for the provider whose model signed it."""
        if part.opaque is None or part.opaque.origin != self._origin:
            return {}
        if "redactedContent" in part.opaque.state:
            return {"reasoningContent": dict(part.opaque.state)}
        return {"reasoningContent": {"reasoningText": {"text": part.text, **part.opaque.state}}}

    def call(self, part: Call) -> Block:
        """A call."""
        self.called[part.name] = None
        identifier = usable_call_id(part.id, _USABLE_ID)
        return {"toolUse": {"toolUseId": identifier, "name": part.name, "input": as_mapping(part.arguments)}}

    def result(self, part: Result) -> Block:
        """What a tool returned. Nothing is marked within it: up to its end is cached."""
        said = [block for one in part.parts if (block := _WRITERS[type(one)](self, one))]
        result: Block = {"toolUseId": usable_call_id(part.call_id, _USABLE_ID), "content": said}
        return {"toolResult": {**result, "status": "error"} if part.failed else result}

    def _free_name(self, wanted: str) -> str:
        """A name in the characters that Converse allows, and not yet another document's of the request."""
        base = _NOT_IN_NAMES.sub(" ", wanted).strip()[:_LONGEST_NAME].rstrip() or "document"
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base} ({number})"
        self._names.add(name)
        return name


_WRITERS: Final[Mapping[type[Part], Callable[[_Parts, Any], Block]]] = {
    Text: _Parts.text,
    Image: _Parts.image,
    Audio: _Parts.audio,
    Video: _Parts.video,
    Document: _Parts.document,
    SearchResult: _Parts.search_result,
    Thought: _Parts.thought,
    Call: _Parts.call,
    Result: _Parts.result,
}


def _held(part: Part) -> tuple[Part, ...]:
    return part.parts if isinstance(part, Result) else ()


def _words(parts: Sequence[Part]) -> str:
    return "\n".join(part.text for part in parts if isinstance(part, Text))


def _inference_config(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The member `inferenceConfig`."""
    config: dict[str, Any] = {}
    if conversation.output_limit is not None:
        config["maxTokens"] = conversation.output_limit.value
    if conversation.temperature is not None:
        heat, path = conversation.temperature
        if heat > 1:
            losses.lose(path, "Converse goes up to 1, which is sent.")
        config["temperature"] = min(heat, 1)
    if conversation.top_p is not None:
        config["topP"] = conversation.top_p.value
    if conversation.stops is not None:
        config["stopSequences"] = list(conversation.stops.value)
    return {"inferenceConfig": config} if config else {}


def _tool_config(conversation: Conversation, called: Sequence[str], losses: Losses) -> dict[str, Any]:
    """The member `toolConfig`; `called` are the tools that the conversation has called before."""
    specs = [_spec(tool) for tool in conversation.tools]
    for tool in conversation.tools:
        if tool.cache is not None:
            losses.lose(f"{tool.path}.cache_control", _NO_CACHED_TOOLS)
    choice = conversation.choice or Choice("", "tool_choice")
    if choice.allowed is not None:
        specs = [spec for spec in specs if spec["name"] in choice.allowed]
    if choice.mode == "required" and not specs:
        raise wrong("tools", "an array with the tools that `tool_choice` demands")
    if choice.mode == "none":
        if not called:
            return {}
        losses.lose(choice.path, _NONE_IMPOSSIBLE)
    specs = specs or [{"name": name, "inputSchema": _schema({})} for name in called]
    if not specs:
        return {}
    config: dict[str, Any] = {"tools": [{"toolSpec": spec} for spec in specs]}
    if choice.mode == "required":
        config["toolChoice"] = {"any": {}} if choice.name is None else {"tool": {"name": choice.name}}
    return {"toolConfig": config}


def _spec(tool: Tool) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": tool.name}
    if tool.description.strip():
        spec["description"] = tool.description
    spec["inputSchema"] = _schema(tool.schema or {})
    if tool.strict:
        spec["strict"] = True
    return spec


def _schema(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A function without parameters takes none."""
    return {"json": dict(parameters) or {"type": "object", "properties": {}}}


def _output_config(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    """The member `outputConfig`, where the answer has to keep to a schema."""
    wanted = conversation.format
    if wanted is None:
        return {}
    if wanted.schema is None:
        losses.lose(wanted.path, TARGET[Feature.JSON_MODE].note)
        return {}
    named = {member: words for member, words in (("name", wanted.name), ("description", wanted.description)) if words}
    definition = {"schema": msgspec.json.encode(wanted.schema).decode(), **named}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}}}}


def _reasoning(conversation: Conversation, model: str, config: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """The member `additionalModelRequestFields`, for models whose effort can be set; `config` is what stands beside."""
    wanted = conversation.reasoning.as_effort()
    if wanted is None:
        return {}
    asked, path = wanted
    level = _EFFORTS[asked]
    if _GPT_OSS.search(model):
        if level:
            return {"additionalModelRequestFields": {"reasoning_effort": level}}
        losses.lose(path, _ALWAYS_REASONS)
        return {}
    if not _NOVA_2.search(model):
        losses.lose(path, _NO_EFFORT)
        return {}
    if not level:
        return {}
    if level == "high" and not {"maxTokens", "temperature", "topP"}.isdisjoint(config.get("inferenceConfig", {})):
        losses.lose(path, _HIGH_STANDS_ALONE)
        level = "medium"
    return {"additionalModelRequestFields": {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": level}}}


def _service_tier(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    if conversation.service_tier is None:
        return {}
    tier, path = conversation.service_tier
    if tier == "scale":
        losses.lose(path, "There is no scale tier.")
    return {"serviceTier": {"type": _TIERS[tier]}} if tier in _TIERS else {}


def _metadata(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    if conversation.metadata is None:
        return {}
    given, path = conversation.metadata
    entries = {key: text(value, path) for key, value in given.items()}
    kept = {
        key: value
        for key, value in entries.items()
        if key and _METADATA_TEXT.fullmatch(key) and _METADATA_TEXT.fullmatch(value)
    }
    kept = dict(list(kept.items())[:_MOST_METADATA])
    if len(kept) < len(given):
        losses.lose(path, _NO_SUCH_METADATA)
    return {"requestMetadata": kept} if kept else {}
