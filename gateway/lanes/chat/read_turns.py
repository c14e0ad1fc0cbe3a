"""The messages of a request for OpenAI's Chat Completions as turns.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages. What functions returned is part
of the user's turn. Thinking comes back as `thinking_blocks`, which is how the gateway gives it out, as
`reasoning_content`, or as parts that Envoy's clients send.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.lanes.base import Json
from gateway.lanes.call_arguments import as_text
from gateway.lanes.chat.opaque import opened_call, opened_thought
from gateway.lanes.conversation import (
    Audio,
    Call,
    Document,
    Image,
    Inline,
    Linked,
    Part,
    Result,
    Role,
    Text,
    Thought,
    Turn,
    Turns,
)
from gateway.lanes.data_url import PDF, base64_text, document_in, source_at
from gateway.lanes.losses import Losses
from gateway.lanes.reading import mapping, one_of, optional_text, sequence, text, tool_name, wrong
from gateway.lanes.sealing import Seal

_NO_CONTENT: Final = "an array with at least one message of a user that says something"
_ROLES: Final = ("system", "developer", "user", "assistant", "tool")
_PART: Final = "messages[].content[]"
_TEXT: Final = ("text",)
_SAID: Final = ("text", "refusal")
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_RETURNED: Final = ("text", "image_url", "file")
_ASKED: Final = ("text", "image_url", "input_audio", "file")
_SOUNDS: Final[Mapping[str, str]] = {"wav": "audio/wav", "mp3": "audio/mpeg"}
_PDF_URL: Final = re.compile(r"[^?#]+\.pdf(?:[?#].*)?", re.IGNORECASE | re.DOTALL)


class TurnReader:
    """Reads the messages of one request. Raises `GatewayError`."""

    def __init__(self, losses: Losses, seal: Seal | None) -> None:
        self._losses = losses
        self._seal = seal
        self._takes_marks = losses.takes("messages[].cache_control")

    def turns(self, body: Json) -> tuple[Turn, ...]:
        """The turns. OpenAI answers instructions alone: what was said last stands in for the user's words."""
        turns = Turns()
        instructions: list[tuple[list[Part], str]] = []
        for index, value in enumerate(sequence(body.get("messages"), "messages")):
            path = f"messages[{index}]"
            message = mapping(value, path)
            role = self._role(message, path)
            self._losses.judge(message, "messages[]", path)
            if role in ("system", "developer"):
                said = self._marked(self._parts(message.get("content"), f"{path}.content", _TEXT), message, path)
                turns.say(Role.SYSTEM, said, path)
                if said:
                    instructions.append((said, path))
            elif role == "assistant":
                turns.say(Role.ASSISTANT, self._marked(self._answer(message, path), message, path), path)
            elif role == "user":
                said = self._parts(message.get("content"), f"{path}.content", _ASKED)
                turns.say(Role.USER, self._marked(said, message, path), path)
            else:
                turns.say(Role.USER, self._marked([self._returned(message, path)], message, path), path)
        made = turns.made()
        if any(turn.role is not Role.SYSTEM for turn in made):
            return made
        if not instructions:
            raise wrong("messages", _NO_CONTENT)
        turns = Turns()
        for said, path in instructions[:-1]:
            turns.say(Role.SYSTEM, said, path)
        turns.say(Role.USER, *instructions[-1])
        return turns.made()

    def _role(self, message: Mapping[str, Any], path: str) -> str:
        if message.get("role") == "function":
            raise self._losses.table.unsupported(f"{path}.role", self._losses.table.rows["functions"].note)
        return one_of(_ROLES, message.get("role"), f"{path}.role")

    def _answer(self, message: Mapping[str, Any], path: str) -> list[Part]:
        said = self._thoughts(message, path)
        content = message.get("content")
        if content is not None:
            said += self._parts(content, f"{path}.content", (*_SAID, *_THOUGHTS))
        said += _texts(optional_text(message.get("refusal"), f"{path}.refusal"), f"{path}.refusal")
        calls = message.get("tool_calls")
        declared = [] if calls is None else sequence(calls, f"{path}.tool_calls")
        return said + [self._call(call, f"{path}.tool_calls[{index}]") for index, call in enumerate(declared)]

    def _thoughts(self, message: Mapping[str, Any], path: str) -> list[Part]:
        """What the answer was thought with; `reasoning_content` is the same text where there are blocks."""
        if message.get("thinking_blocks") is None:
            thought = optional_text(message.get("reasoning_content"), f"{path}.reasoning_content")
            return [Thought(text=thought, path=f"{path}.reasoning_content")] if thought else []
        said: list[Part] = []
        for index, value in enumerate(sequence(message["thinking_blocks"], f"{path}.thinking_blocks")):
            at = f"{path}.thinking_blocks[{index}]"
            block = mapping(value, at)
            self._losses.judge(block, "messages[].thinking_blocks[]", at)
            said.append(self._thought(one_of(_THOUGHTS, block.get("type"), f"{at}.type"), block, at))
        return said

    def _thought(self, kind: str, block: Mapping[str, Any], path: str) -> Thought:
        """A block or a part; Envoy's clients have other names for two of the members."""
        if kind == "redacted_thinking":
            is_envoys = block.get("data") is None and block.get("redactedContent") is not None
            name = "redactedContent" if is_envoys else "data"
            data = text(block.get(name), f"{path}.{name}")
            return Thought(text="", opaque=opened_thought(self._seal, data=data), path=path)
        name = "text" if block.get("thinking") is None else "thinking"
        thought = optional_text(block.get(name), f"{path}.{name}")
        signature = optional_text(block.get("signature"), f"{path}.signature")
        return Thought(text=thought, opaque=opened_thought(self._seal, thought, signature=signature), path=path)

    def _call(self, value: Any, path: str) -> Part:
        call = mapping(value, path)
        self._losses.judge(call, "messages[].tool_calls[]", path)
        kind = one_of(("function", "custom"), call.get("type") or "function", f"{path}.type")
        identifier = text(call.get("id"), f"{path}.id")
        members, at = mapping(call.get(kind), f"{path}.{kind}"), f"{path}.{kind}"
        self._losses.judge(members, f"messages[].tool_calls[].{kind}", at)
        name = tool_name(members.get("name"), f"{at}.name")
        given = members.get("arguments" if kind == "function" else "input")
        if kind == "custom":
            arguments = text(given, f"{at}.input")
        elif isinstance(given, Mapping):
            arguments = as_text(given, f"{at}.arguments")
        else:
            arguments = optional_text(given, f"{at}.arguments")
        opaque = opened_call(self._seal, call.get("extra_content"), name)
        made = Call(id=identifier, name=name, arguments=arguments, is_custom=kind == "custom", opaque=opaque, path=path)
        return self._marked([made], call, path)[0]

    def _returned(self, message: Mapping[str, Any], path: str) -> Part:
        identifier = text(message.get("tool_call_id"), f"{path}.tool_call_id")
        parts = self._parts(message.get("content"), f"{path}.content", _RETURNED)
        return Result(call_id=identifier, parts=tuple(parts), path=path)

    def _parts(self, content: Any, path: str, kinds: Sequence[str]) -> list[Part]:
        """The parts of a content that may be of these kinds; a string stands for one text."""
        if isinstance(content, str):
            return _texts(content, path)
        if not isinstance(content, list):
            raise wrong(path, "a string or an array of parts")
        return [
            one
            for index, part in enumerate(content)
            for one in self._part(mapping(part, f"{path}[{index}]"), f"{path}[{index}]", kinds)
        ]

    def _part(self, part: Mapping[str, Any], path: str, kinds: Sequence[str]) -> list[Part]:
        kind = text(part.get("type"), f"{path}.type")
        if kind not in kinds:
            raise wrong(f"{path}.type", f"one of {', '.join(kinds)} in this place")
        self._losses.judge(part, _PART, path)
        if kind in _THOUGHTS:
            return [self._thought(kind, part, path)]
        at = f"{path}.{kind}"
        if kind in _SAID:
            return self._marked(_texts(text(part.get(kind), at), at), part, path)
        members = mapping(part.get(kind), at)
        self._losses.judge(members, f"{_PART}.{kind}", at)
        if kind == "image_url":
            made = _image(members, at)
        elif kind == "input_audio":
            made = _sound(members, at)
        else:
            made = _file(members, at)
        return self._marked([made], part, path)

    def _marked(self, said: list[Part], holder: Mapping[str, Any], path: str) -> list[Part]:
        """Parts with the mark on their holder, which is one on the last of them, unless that is a thought."""
        mark = holder.get("cache_control")
        if mark is None or not self._takes_marks or not said or isinstance(said[-1], Thought):
            return said
        cache = mapping(mark, f"{path}.cache_control")
        return [*said[:-1], msgspec.structs.replace(said[-1], cache=cache)]


def _texts(said: str, path: str) -> list[Part]:
    return [Text(text=said, path=path)] if said.strip() else []


def _image(members: Mapping[str, Any], path: str) -> Part:
    """An image by a URL of any kind; a PDF in its place is a document, which it is to every model."""
    path = f"{path}.url"
    source = source_at(text(members.get("url"), path), path)
    if isinstance(source, Inline) and source.media_type == PDF:
        return Document(source=source, path=path)
    if isinstance(source, Linked) and source.url.lower().startswith("http") and _PDF_URL.fullmatch(source.url):
        return Document(source=source, path=path)
    detail = members.get("detail")
    return Image(source=source, detail=detail if isinstance(detail, str) else "", path=path)


def _sound(members: Mapping[str, Any], path: str) -> Part:
    format_ = one_of(_SOUNDS, members.get("format"), f"{path}.format")
    data = base64_text(text(members.get("data"), f"{path}.data"), f"{path}.data")
    return Audio(source=Inline(_SOUNDS[format_], data), path=path)


def _file(members: Mapping[str, Any], path: str) -> Part:
    name = optional_text(members.get("filename"), f"{path}.filename")
    path = f"{path}.file_data"
    return Document(source=document_in(text(members.get("file_data"), path), path), name=name, path=path)
