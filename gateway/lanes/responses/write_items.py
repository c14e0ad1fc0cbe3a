"""The turns of a conversation as items of `input`.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from gateway.lanes.base import Target, usable_call_id
from gateway.lanes.conversation import (
    Audio,
    Call,
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
    Role,
    SearchResult,
    Text,
    Thought,
    Turn,
    Video,
)
from gateway.lanes.data_url import PDF
from gateway.lanes.losses import Losses
from gateway.lanes.responses.target_parameters import TARGET_TABLE

Item = dict[str, Any]

"""The beginning of the origin of encrypted reasoning: `id` and `encrypted_content` of its item, for one provider."""

_USABLE_ID: Final = re.compile(r"(?s).{1,64}")
_HAS_BREAKPOINTS: Final = re.compile(r"gpt-(5\.([6-9]|\d\d)|[6-9])")
_ERROR: Final = "Error: "
_FILE: Final = "document"


class ItemWriter:
    """Writes what is said for one model of a provider. Raises `GatewayError` for what the API has no place for."""

    def __init__(self, target: Target, losses: Losses) -> None:
        self._table = losses.table
        self._origin = Origin.OPENAI + target.provider
        self._has_breakpoints = _HAS_BREAKPOINTS.match(target.model) is not None
        self._custom: set[str] = set()

    def instructions(self, parts: Sequence[Part]) -> tuple[str, list[Item]]:
        """The member `instructions`, or the item in its place that can carry marks of the cache."""
        if self._has_breakpoints and any(part.cache is not None for part in parts):
            return "", self._message("developer", parts)
        return "\n\n".join(part.text for part in parts if isinstance(part, Text) and part.text.strip()), []

    def items(self, conversation: Conversation) -> list[Item]:
        """The items of all turns."""
        if conversation.turns and conversation.turns[-1].role is Role.ASSISTANT:
            raise self._table.unsupported(conversation.turns[-1].path, TARGET_TABLE[Feature.PREFILL].note)
        return [item for turn in conversation.turns for item in self._turn(turn)]

    def _turn(self, turn: Turn) -> list[Item]:
        if turn.role is Role.ASSISTANT:
            return self._answer(turn.parts)
        if turn.role is Role.SYSTEM:
            return self._message("developer", turn.parts)
        results = [self._result(part) for part in turn.parts if isinstance(part, Result)]
        return results + self._message("user", [part for part in turn.parts if not isinstance(part, Result)])

    def _message(self, role: str, parts: Sequence[Part]) -> list[Item]:
        content = self._content(parts)
        return [{"type": "message", "role": role, "content": content}] if content else []

    def _answer(self, parts: Sequence[Part]) -> list[Item]:
        """What the model said, thought and called, in its order; reasoning without what follows it is refused."""
        items: list[Item] = []
        for part in parts:
            if isinstance(part, Thought):
                items += self._thought(part)
            elif isinstance(part, Call):
                items.append(self._call(part))
            elif isinstance(part, Text) and part.text.strip():
                items.append({"type": "message", "role": "assistant", "content": part.text})
        while items and items[-1]["type"] == "reasoning":
            items.pop()
        return items

    def _thought(self, part: Thought) -> list[Item]:
        """Reasoning goes back to the provider that encrypted it."""
        if part.opaque is None or part.opaque.origin != self._origin:
            return []
        summary = [{"type": "summary_text", "text": part.text}] if part.text else []
        return [{"type": "reasoning", **part.opaque.state, "summary": summary}]

    def _call(self, part: Call) -> Item:
        identifier = usable_call_id(part.id, _USABLE_ID)
        if part.is_custom:
            self._custom.add(part.id)
            return {"type": "custom_tool_call", "call_id": identifier, "name": part.name, "input": part.arguments}
        return {"type": "function_call", "call_id": identifier, "name": part.name, "arguments": part.arguments}

    def _result(self, part: Result) -> Item:
        kind = "custom_tool_call_output" if part.call_id in self._custom else "function_call_output"
        content = self._content(part.parts)
        output: Any = content
        if all(one["type"] == "input_text" for one in content):
            output = "\n".join(one["text"] for one in content)
        if part.failed and isinstance(output, str):
            output = _ERROR + output
        elif part.failed:
            output = [{"type": "input_text", "text": _ERROR.strip()}, *content]
        return {"type": kind, "call_id": usable_call_id(part.call_id, _USABLE_ID), "output": output}

    def _content(self, parts: Sequence[Part]) -> list[Item]:
        """What somebody says, with marks of the cache where the model knows them."""
        content: list[Item] = []
        for part in parts:
            written = self._part(part)
            if written and part.cache is not None and self._has_breakpoints:
                written[-1]["prompt_cache_breakpoint"] = {"mode": "explicit"}
            content += written
        return content

    def _part(self, part: Part) -> list[Item]:
        if isinstance(part, Text):
            return [_text(part.text)] if part.text.strip() else []
        if isinstance(part, Image):
            url = part.source.url if isinstance(part.source, Linked) else _data_url(part.source)
            return [{"type": "input_image", "image_url": url, "detail": part.detail or "auto"}]
        if isinstance(part, Document):
            return self._document(part)
        if isinstance(part, SearchResult):
            return [_text("\n".join((part.title, part.source, *part.texts)))]
        if isinstance(part, Audio | Video):
            feature = Feature.AUDIO if isinstance(part, Audio) else Feature.VIDEO
            raise self._table.unsupported(part.path, TARGET_TABLE[feature].note)
        return []

    def _document(self, part: Document) -> list[Item]:
        source = part.source
        context = [_text(part.context)] if part.context else []
        if isinstance(source, Linked):
            return [*context, {"type": "input_file", "file_url": source.url}]
        if isinstance(source, Inline):
            is_pdf = source.media_type in ("", PDF)
            name = part.name or _FILE
            if is_pdf and not name.lower().endswith(".pdf"):
                name += ".pdf"
            data = _data_url(Inline(PDF, source.data) if is_pdf else source)
            return [*context, {"type": "input_file", "filename": name, "file_data": data}]
        words = [_text(source.text)] if isinstance(source, PlainText) else self._content(source)
        return [*([_text(part.name)] if part.name else []), *context, *words]


def _text(words: str) -> Item:
    return {"type": "input_text", "text": words}


def _data_url(source: Inline) -> str:
    return f"data:{source.media_type};base64,{source.data}"
