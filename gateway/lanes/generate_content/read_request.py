"""What a request for Gemini's `generateContent` asks (https://ai.google.dev/api/generate-content).

Google's servers take one object in the place of a list, and members by the names of their fields; so does this.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from gateway.errors import GatewayError
from gateway.lanes.base import Json
from gateway.lanes.conversation import (
    EFFORTS,
    Audio,
    Call,
    Choice,
    Conversation,
    Document,
    Format,
    Given,
    Image,
    Inline,
    Linked,
    Part,
    Reasoning,
    Result,
    Role,
    Text,
    Thought,
    Tool,
    Turn,
    Turns,
    Video,
)
from gateway.lanes.generate_content.opaque import opened
from gateway.lanes.generate_content.schema import json_schema
from gateway.lanes.losses import Losses
from gateway.lanes.reading import (
    flag,
    mapping,
    number,
    optional_text,
    parameter,
    text,
    tool_name,
    whole_number,
    wrong,
)
from gateway.lanes.sealing import Seal
from gateway.shapes.google_request import spellings

_ROLES: Final = {"user": Role.USER, "function": Role.USER, "model": Role.ASSISTANT}
_MODES: Final = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}
_Value = TypeVar("_Value")

_CONFIG: Final = "generationConfig"
_CALLING: Final = "toolConfig.functionCallingConfig"
_JSON: Final = "application/json"
_LONGEST_NUMBER: Final = 18


def read_request(body: Json, losses: Losses, seal: Seal | None) -> Conversation:
    """See `ClientSide.read_request`."""
    body = _camel(body)
    config = _object(body.get(_CONFIG), _CONFIG)
    losses.judge(config, _CONFIG, _CONFIG)
    instructions = body.get("systemInstruction")
    return Conversation(
        turns=_Contents(losses, seal).turns(body),
        instructions=() if instructions is None else tuple(_instructions(instructions)),
        tools=tuple(_tools(body, losses)),
        choice=_choice(body, losses),
        output_limit=_given(_whole, config, "maxOutputTokens"),
        temperature=_given(number, config, "temperature"),
        top_p=_given(number, config, "topP"),
        top_k=_top_k(config),
        seed=_given(_whole, config, "seed") if losses.takes(f"{_CONFIG}.seed") else None,
        frequency_penalty=_penalty(config, "frequencyPenalty", losses),
        presence_penalty=_penalty(config, "presencePenalty", losses),
        stops=_stops(config),
        format=_format(config),
        reasoning=_reasoning(config, losses),
        service_tier=_tier(body),
        streams=flag(body.get("stream"), "stream"),
    )


def camel_case(name: str) -> str:
    """A member as it is usually spelled."""
    first, *more = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in more)


def _camel(members: Mapping[str, Any]) -> dict[str, Any]:
    """The members as they are usually spelled. Raises `bad_request` for one that is there in two spellings."""
    made: dict[str, Any] = {}
    for name, value in members.items():
        spelled = camel_case(name)
        if spelled in made:
            raise wrong(name, f"left out: `{spelled}` is there already, in another spelling")
        made[spelled] = value
    return made


def _object(value: Any, path: str) -> dict[str, Any]:
    return {} if value is None else _camel(mapping(value, path))


def _listed(value: Any, path: str) -> Iterator[tuple[Any, str]]:
    """The elements of a list, or the one that stands in its place, each with its path."""
    if isinstance(value, list):
        yield from ((one, f"{path}[{index}]") for index, one in enumerate(value))
    elif value is not None:
        yield value, path


def _whole(value: Any, path: str) -> int:
    """A whole number in any of the spellings that the JSON of protocol buffers has: `6e2` and `"600"` are 600."""
    is_digits = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER
    if is_digits or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return whole_number(value, path)


def _given(read: Callable[[Any, str], _Value], config: Mapping[str, Any], name: str) -> Given[_Value] | None:
    """A setting, where there is one."""
    return parameter(read, config, name, f"{_CONFIG}.{name}")


def _top_k(config: Mapping[str, Any]) -> Given[int] | None:
    given = _given(number, config, "topK")
    return None if given is None else Given(int(given.value), given.path)


def _penalty(config: Mapping[str, Any], name: str, losses: Losses) -> Given[float] | None:
    return _given(number, config, name) if losses.takes(f"{_CONFIG}.{name}") else None


def _stops(config: Mapping[str, Any]) -> Given[tuple[str, ...]] | None:
    path = f"{_CONFIG}.stopSequences"
    stops = tuple(filter(None, (text(one, at) for one, at in _listed(config.get("stopSequences"), path))))
    return Given(stops, path) if stops else None


def _format(config: Mapping[str, Any]) -> Format | None:
    for name, plain in (("responseJsonSchema", False), ("responseSchema", True)):
        if (stated := config.get(name)) is not None:
            schema = mapping(stated, f"{_CONFIG}.{name}")
            return Format(path=f"{_CONFIG}.{name}", schema=json_schema(schema) if plain else schema)
    return Format(path=f"{_CONFIG}.responseMimeType") if config.get("responseMimeType") == _JSON else None


def _reasoning(config: Mapping[str, Any], losses: Losses) -> Reasoning:
    path = f"{_CONFIG}.thinkingConfig"
    thinking = _object(config.get("thinkingConfig"), path)
    losses.judge(thinking, path, path)
    level, budget = thinking.get("thinkingLevel"), thinking.get("thinkingBudget")
    effort = optional_text(level, f"{path}.thinkingLevel").lower()
    if effort in EFFORTS:
        return Reasoning(effort=Given(effort, f"{path}.thinkingLevel"))
    at = f"{path}.thinkingBudget"
    if budget is None or budget == -1:
        return Reasoning()
    tokens = _whole(budget, at)
    if not tokens:
        return Reasoning(mode=Given("disabled", at))
    return Reasoning(mode=Given("enabled", at), budget=Given(tokens, at))


def thinking_budget(member: Callable[[str], Any]) -> int:
    """See `ClientSide.thinking_budget`: what `thinkingConfig` says; 0 for a request that will be refused."""
    try:
        body = _camel({name: value for (name,) in spellings(_CONFIG) if (value := member(name)) is not None})
        thinking = _object(_object(body.get(_CONFIG), _CONFIG).get("thinkingConfig"), _CONFIG)
        budget = thinking.get("thinkingBudget")
        return 0 if budget is None else _whole(budget, _CONFIG)
    except GatewayError:
        return 0


def _tier(body: Mapping[str, Any]) -> Given[str] | None:
    tier = optional_text(body.get("serviceTier"), "serviceTier").lower()
    named = {"standard": "default", "flex": "flex", "priority": "priority"}.get(tier)
    return None if named is None else Given(named, "serviceTier")


def _tools(body: Mapping[str, Any], losses: Losses) -> Iterator[Tool]:
    for stated, path in _listed(body.get("tools"), "tools"):
        tool = _camel(mapping(stated, path))
        losses.judge(tool, "tools[]", path)
        for one, at in _listed(tool.get("functionDeclarations"), f"{path}.functionDeclarations"):
            declared = _camel(mapping(one, at))
            losses.judge(declared, "tools[].functionDeclarations[]", at)
            schema = declared.get("parametersJsonSchema")
            if schema is None and declared.get("parameters") is not None:
                schema = json_schema(mapping(declared["parameters"], f"{at}.parameters"))
            yield Tool(
                name=tool_name(declared.get("name"), f"{at}.name"),
                path=at,
                description=optional_text(declared.get("description"), f"{at}.description"),
                schema=None if schema is None else mapping(schema, f"{at}.parametersJsonSchema"),
            )


def _choice(body: Mapping[str, Any], losses: Losses) -> Choice | None:
    config = _object(body.get("toolConfig"), "toolConfig")
    losses.judge(config, "toolConfig", "toolConfig")
    if config.get("functionCallingConfig") is None:
        return None
    calling = _object(config["functionCallingConfig"], _CALLING)
    losses.judge(calling, _CALLING, _CALLING)
    mode = _MODES.get(optional_text(calling.get("mode"), f"{_CALLING}.mode").upper(), "auto")
    at = f"{_CALLING}.allowedFunctionNames"
    allowed = tuple(text(one, path) for one, path in _listed(calling.get("allowedFunctionNames"), at))
    if mode == "required" and len(allowed) == 1:
        return Choice(mode, _CALLING, allowed[0])
    return Choice(mode, _CALLING, None, allowed if allowed and mode != "none" else None)


def _instructions(stated: Any) -> Iterator[Part]:
    if isinstance(stated, str):
        stated = {"parts": [{"text": stated}]}
    content = _camel(mapping(stated, "systemInstruction"))
    for part, path in _listed(content.get("parts"), "systemInstruction.parts"):
        said = optional_text(mapping(part, path).get("text"), f"{path}.text")
        if said.strip():
            yield Text(path=path, text=said)


_Said = tuple[Role, dict[str, Any], str]
"""Who says a part, the part, and where it stands."""


def _parts(body: Mapping[str, Any]) -> Iterator[_Said]:
    for stated, path in _listed(body.get("contents"), "contents"):
        content = {"parts": [{"text": stated}]} if isinstance(stated, str) else _camel(mapping(stated, path))
        name = content.get("role") or "user"
        role = _ROLES.get(name) if isinstance(name, str) else None
        if role is None:
            raise wrong(f"{path}.role", f"one of {', '.join(_ROLES)}")
        for one, at in _listed(content.get("parts"), f"{path}.parts"):
            yield role, {"text": one} if isinstance(one, str) else _camel(mapping(one, at)), at


def _together(parts: Iterator[_Said]) -> Iterator[_Said]:
    """The parts, with those as one that a stream brought piece by piece: a thought's signature comes with its last."""
    before: _Said | None = None
    for said in parts:
        if before is not None and _goes_on(before, said):
            joined = {**said[1], "text": before[1]["text"] + said[1]["text"]}
            before = (said[0], joined, before[2])
            continue
        if before is not None:
            yield before
        before = said
    if before is not None:
        yield before


def _goes_on(before: _Said, said: _Said) -> bool:
    if before[0] is not Role.ASSISTANT or said[0] is not Role.ASSISTANT or "thoughtSignature" in before[1]:
        return False
    texts = all(isinstance(part.get("text"), str) for part in (before[1], said[1]))
    return texts and (before[1].get("thought") is True) is (said[1].get("thought") is True)


class _Contents:
    """Reads the turns; results go by the id of their call, or by its name where none is stated."""

    def __init__(self, losses: Losses, seal: Seal | None) -> None:
        self._losses = losses
        self._seal = seal
        self._calls: list[tuple[str, str]] = []  # ids and names of those that wait for a result
        self._count = 0

    def turns(self, body: Mapping[str, Any]) -> tuple[Turn, ...]:
        """The conversation."""
        turns = Turns()
        for role, part, path in _together(_parts(body)):
            turns.say(role, tuple(self._part(part, path, role)), path)
        return turns.made()

    def _part(self, part: Mapping[str, Any], path: str, role: Role) -> Iterator[Part]:
        self._losses.judge(part, "contents[].parts[]", path)
        if (call := part.get("functionCall")) is not None:
            yield self._call(_camel(mapping(call, f"{path}.functionCall")), part, path)
        elif (result := part.get("functionResponse")) is not None:
            yield self._result(_camel(mapping(result, f"{path}.functionResponse")), path)
        elif (data := part.get("inlineData")) is not None:
            blob = _camel(mapping(data, f"{path}.inlineData"))
            kind = optional_text(blob.get("mimeType"), f"{path}.inlineData.mimeType").lower()
            written = text(blob.get("data"), f"{path}.inlineData.data").replace("-", "+").replace("_", "/")
            yield _medium(Inline(kind, written), kind, path)
        elif (file := part.get("fileData")) is not None:
            yield self._file(_camel(mapping(file, f"{path}.fileData")), path)
        else:
            said = optional_text(part.get("text"), f"{path}.text")
            if part.get("thought") is True and role is Role.ASSISTANT:
                yield Thought(path=path, text=said, opaque=opened(part.get("thoughtSignature"), said, self._seal))
            elif said.strip():
                yield Text(path=path, text=said)

    def _call(self, call: Mapping[str, Any], part: Mapping[str, Any], path: str) -> Call:
        name = tool_name(call.get("name"), f"{path}.functionCall.name")
        arguments = mapping(call.get("args") or {}, f"{path}.functionCall.args")
        identifier = optional_text(call.get("id"), f"{path}.functionCall.id") or f"call_{self._count}"
        self._count += 1
        self._calls.append((identifier, name))
        return Call(
            path=path,
            id=identifier,
            name=name,
            arguments=msgspec.json.encode(arguments).decode(),
            opaque=opened(part.get("thoughtSignature"), name, self._seal),
        )

    def _result(self, result: Mapping[str, Any], path: str) -> Result:
        at = f"{path}.functionResponse"
        name, stated = text(result.get("name"), f"{at}.name"), optional_text(result.get("id"), f"{at}.id")
        waiting = [one for one in self._calls if (one[0] == stated if stated else one[1] == name)]
        if waiting:
            self._calls.remove(waiting[0])
        elif not stated:
            raise wrong(f"{at}.name", "the name of a function that the conversation calls")
        response = mapping(result.get("response") or {}, f"{at}.response")
        said = next((response[key] for key in ("result", "output") if isinstance(response.get(key), str)), None)
        shown = said if said is not None and len(response) == 1 else msgspec.json.encode(response).decode()
        parts: list[Part] = [Text(path=f"{at}.response", text=shown)]
        for one, inner in _listed(result.get("parts"), f"{at}.parts"):
            parts += self._part(_camel(mapping(one, inner)), inner, Role.USER)
        failed = "error" in response
        return Result(path=path, call_id=waiting[0][0] if waiting else stated, parts=tuple(parts), failed=failed)

    def _file(self, file: Mapping[str, Any], path: str) -> Part:
        uri = text(file.get("fileUri"), f"{path}.fileData.fileUri")
        kind = optional_text(file.get("mimeType"), f"{path}.fileData.mimeType").lower()
        if not uri.startswith(("http://", "https://")) or "generativelanguage.googleapis.com/" in uri:
            raise self._losses.table.unsupported(f"{path}.fileData", "the file is held by Google's servers.")
        return _medium(Linked(uri), kind, path)


def _medium(source: Inline | Linked, kind: str, path: str) -> Part:
    if kind.startswith("image/"):
        return Image(path=path, source=source)
    if kind.startswith("audio/"):
        return Audio(path=path, source=source)
    if kind.startswith("video/"):
        return Video(path=path, source=source)
    return Document(path=path, source=source)
