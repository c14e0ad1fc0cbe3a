"""A request for `generateContent` or `streamGenerateContent`, whose bodies are the same.

Sources: https://ai.google.dev/api/generate-content, https://ai.google.dev/gemini-api/docs/function-calling,
https://ai.google.dev/gemini-api/docs/thought-signatures. The model is named by the URL, and so is whether the answer
streams.
"""

import mimetypes
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from gateway.lanes.base import Target
from gateway.lanes.call_arguments import as_mapping
from gateway.lanes.conversation import (
    ASKS_JSON,
    Audio,
    Call,
    Choice,
    Conversation,
    Document,
    Image,
    Inline,
    Linked,
    Opaque,
    Origin,
    Part,
    PlainText,
    Result,
    Role,
    SearchResult,
    Text,
    Thought,
    Tool,
    Turn,
    Video,
)
from gateway.lanes.generate_content.family import Family, family_of, thinking_config
from gateway.lanes.generate_content.opaque import signature
from gateway.lanes.losses import Losses
from gateway.lanes.reading import wrong

Json = dict[str, Any]

_ROLES: Final[Mapping[Role, str]] = {Role.USER: "user", Role.ASSISTANT: "model"}
_MODES: Final[Mapping[str, str]] = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_TIERS: Final[Mapping[str, str]] = {"flex": "flex", "priority": "priority", "fast": "priority", "default": "standard"}
_JSON: Final = "application/json"
_UNSIGNED: Final = "skip_thought_signature_validator"
"""What Google documents in the place of a signature, for calls of a history that another model made."""

_MOST_STOPS: Final = 5
_NO_CONTENT: Final = "an array with at least one message of a user that says something"
_NO_CALL: Final = "the result of a call that the conversation has"
_NO_KIND: Final = "neither its media type nor its name says what it is."
_NO_JSON: Final = "Models before Gemini 3 take no schema beside functions; the model is told to answer in JSON."
_FEWER_STOPS: Final = "Google stops at five texts; the first of them are sent."


def write_request(conversation: Conversation, target: Target, losses: Losses) -> Json:
    """See `ProviderSide.write_request`."""
    family = family_of(target.model)
    writer = _Parts(losses, family)
    instructions, turns = conversation.hoisted()
    system = writer.parts(instructions)
    format_ = _format(conversation, family, losses)
    if conversation.format is not None and not format_:
        system.append({"text": ASKS_JSON})
    config = {**_generation(conversation, losses), **thinking_config(conversation, family, losses), **format_}
    return {
        "contents": _contents(turns, writer),
        **({"systemInstruction": {"parts": system}} if system else {}),
        **_tools(conversation),
        **({"generationConfig": config} if config else {}),
        **_service_tier(conversation, losses),
    }


def _contents(turns: Sequence[Turn], writer: "_Parts") -> list[Json]:
    """The turns that say something; roles alternate."""
    contents: list[Json] = []
    for turn in turns:
        role, parts = _ROLES[turn.role], writer.turn(turn)
        if parts and contents and contents[-1]["role"] == role:
            contents[-1]["parts"].extend(parts)
        elif parts:
            contents.append({"role": role, "parts": parts})
    if not contents:
        raise wrong("messages", _NO_CONTENT)
    return contents


class _Parts:
    """Writes the parts of one request. Raises `GatewayError` for what has no place."""

    def __init__(self, losses: Losses, family: Family) -> None:
        self._table = losses.table
        self._family = family
        self._calls: dict[str, tuple[int, str]] = {}  # by their ids: which it is, and the function's name

    def turn(self, turn: Turn) -> list[Json]:
        """What a side says. What tools returned comes first, in the order of the calls, as Google demands."""
        if turn.role is Role.ASSISTANT:
            parts = self.parts(turn.parts)
            called = next((part for part in parts if "functionCall" in part), None)
            if called is not None and self._family.is_third:
                called.setdefault("thoughtSignature", _UNSIGNED)
            return parts
        results = [part for part in turn.parts if isinstance(part, Result)]
        for result in results:
            if result.call_id not in self._calls:
                raise wrong(result.path, _NO_CALL)
        results.sort(key=lambda result: self._calls[result.call_id])
        responses: list[Json] = []
        beside: list[Json] = []
        for result in results:
            response, shown = self._response(result)
            responses.append(response)
            beside += shown
        return [*responses, *beside, *self.parts([part for part in turn.parts if not isinstance(part, Result)])]

    def parts(self, parts: Sequence[Part]) -> list[Json]:
        """The parts of what is said; thinking that cannot go back, and blank texts, are none."""
        return [written for part in parts for written in _WRITERS[type(part)](self, part)]

    def text(self, part: Text) -> Iterator[Json]:
        """A text."""
        if part.text.strip():
            yield {"text": part.text}

    def medium(self, part: Image | Audio | Video) -> Iterator[Json]:
        """A picture, a sound or a video."""
        yield self._shown(part.source, "", part.path)

    def document(self, part: Document) -> Iterator[Json]:
        """A document behind its name; one that is made of parts is those parts."""
        head = "\n".join(filter(None, (part.name, part.context)))
        if head:
            yield {"text": head}
        source = part.source
        if isinstance(source, PlainText):
            yield from self.text(Text(text=source.text, path=part.path))
        elif isinstance(source, Inline | Linked):
            yield self._shown(source, part.name, part.path)
        else:
            yield from self.parts(source)

    def search_result(self, part: SearchResult) -> Iterator[Json]:
        """A passage, as text."""
        yield {"text": "\n".join((part.title, part.source, *part.texts))}

    def thought(self, part: Thought) -> Iterator[Json]:
        """Thinking that Gemini signed. Without a text it is the signature of what was said before."""
        signed = _own_signature(part.opaque)
        if signed:
            yield {"text": part.text, **({"thought": True} if part.text else {}), **signed}

    def call(self, part: Call) -> Iterator[Json]:
        """A call."""
        self._calls[part.id] = (len(self._calls), part.name)
        call = {"name": part.name, "args": as_mapping(part.arguments)}
        yield {"functionCall": {**self._id(part.id), **call}, **_own_signature(part.opaque)}

    def _id(self, identifier: str) -> Json:
        """Earlier models know calls by the names and the order of their functions."""
        return {"id": identifier} if self._family.is_third else {}

    def _response(self, result: Result) -> tuple[Json, list[Json]]:
        """What a tool returned, and what it showed that has to stand beside it."""
        shown = self.parts(result.parts)
        said = "\n".join([part["text"] for part in shown if "text" in part])
        media = [part for part in shown if "text" not in part]
        _, name = self._calls[result.call_id]
        response = {
            **self._id(result.call_id),
            "name": name,
            "response": {"error" if result.failed else "output": said},
        }
        within = [part for part in media if self._family.is_third and "inlineData" in part]
        if within:
            response["parts"] = within
        return {"functionResponse": response}, [part for part in media if part not in within]

    def _shown(self, source: Inline | Linked, name: str, path: str) -> Json:
        if isinstance(source, Inline):
            kind = source.media_type or mimetypes.guess_type(name)[0]
            if not kind:
                raise self._table.unsupported(path, _NO_KIND)
            return {"inlineData": {"mimeType": "image/jpeg" if kind == "image/jpg" else kind, "data": source.data}}
        kind = mimetypes.guess_type(urlsplit(source.url).path)[0]
        return {"fileData": {**({"mimeType": kind} if kind else {}), "fileUri": source.url}}


_WRITERS: Final[Mapping[type[Part], Callable[[_Parts, Any], Iterator[Json]]]] = {
    Text: _Parts.text,
    Image: _Parts.medium,
    Audio: _Parts.medium,
    Video: _Parts.medium,
    Document: _Parts.document,
    SearchResult: _Parts.search_result,
    Thought: _Parts.thought,
    Call: _Parts.call,
}


def _own_signature(opaque: Opaque | None) -> Mapping[str, str]:
    return signature(opaque, "", None) if opaque is not None and opaque.origin == Origin.GEMINI else {}


def _tools(conversation: Conversation) -> Json:
    """The members `tools` and `toolConfig`."""
    choice = conversation.choice
    tools = [
        tool for tool in conversation.tools if choice is None or choice.allowed is None or _is_allowed(tool, choice)
    ]
    if not tools:
        if choice is not None and choice.mode == "required":
            raise wrong("tools", "an array with the tools that `tool_choice` demands")
        return {}
    members: Json = {"tools": [{"functionDeclarations": [_declaration(tool) for tool in tools]}]}
    if choice is not None:
        named = {} if choice.name is None else {"allowedFunctionNames": [choice.name]}
        members["toolConfig"] = {"functionCallingConfig": {"mode": _MODES[choice.mode], **named}}
    return members


def _is_allowed(tool: Tool, choice: Choice) -> bool:
    return choice.allowed is not None and tool.name in choice.allowed


def _declaration(tool: Tool) -> Json:
    declared: Json = {"name": tool.name}
    if tool.description:
        declared["description"] = tool.description
    if tool.schema is not None:
        declared["parametersJsonSchema"] = dict(tool.schema)
    return declared


def _generation(conversation: Conversation, losses: Losses) -> Json:
    """The members of `generationConfig` that are the request's own figures."""
    given = {
        "maxOutputTokens": conversation.output_limit,
        "temperature": conversation.temperature,
        "topP": conversation.top_p,
        "topK": conversation.top_k,
        "seed": conversation.seed,
    }
    config: Json = {name: one.value for name, one in given.items() if one is not None}
    if conversation.stops is not None:
        stops, path = conversation.stops
        if len(stops) > _MOST_STOPS:
            losses.lose(path, _FEWER_STOPS)
        config["stopSequences"] = list(stops[:_MOST_STOPS])
    return config


def _format(conversation: Conversation, family: Family, losses: Losses) -> Json:
    """The JSON that the answer has to be; empty where the model cannot be held to it."""
    wanted = conversation.format
    if wanted is None:
        return {}
    if conversation.tools and not family.is_third:
        losses.lose(wanted.path, _NO_JSON)
        return {}
    if wanted.schema is None:
        return {"responseMimeType": _JSON}
    described = {"description": wanted.description} if wanted.description else {}
    return {"responseMimeType": _JSON, "responseJsonSchema": {**described, **wanted.schema}}


def _service_tier(conversation: Conversation, losses: Losses) -> Json:
    if conversation.service_tier is None:
        return {}
    tier, path = conversation.service_tier
    if tier == "scale":
        losses.lose(path, "There is no scale tier.")
    return {"serviceTier": _TIERS[tier]} if tier in _TIERS else {}
