"""The conversation of a request for Anthropic's Messages: the system prompt, and turns made of blocks.

Sources: https://docs.anthropic.com/en/api/messages#body-messages-content,
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use and
https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from gateway.lanes.base import said
from gateway.lanes.call_arguments import as_text
from gateway.lanes.conversation import (
    Call,
    Document,
    Image,
    Inline,
    Linked,
    Part,
    PlainText,
    Result,
    Role,
    SearchResult,
    Text,
    Thought,
    Turn,
    Turns,
)
from gateway.lanes.losses import Losses, Treatment
from gateway.lanes.messages.opaque import opened_call, opened_thought
from gateway.lanes.reading import flag, mapping, one_of, optional_text, sequence, text, wrong
from gateway.lanes.sealing import Seal

_SAID: Final = ("text", "image", "document", "search_result", "tool_reference")
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_KINDS: Final[Mapping[Role, Sequence[str]]] = {
    Role.SYSTEM: ("text",),
    Role.USER: (*_SAID, "tool_result"),
    Role.ASSISTANT: ("text", "tool_use", *_THOUGHTS),
}
_BLOCK: Final = "messages[].content[]"
_PREFILL: Final = "messages[role=assistant]"
_PDF: Final = "application/pdf"
_UNKNOWN_BLOCK: Final = "this kind of block is not known."
_BILLING: Final = "x-anthropic-billing-header:"


class _Block(NamedTuple):
    """A block of content with its kind, and where it stands in the body."""

    kind: str
    members: Mapping[str, Any]
    path: str

    @property
    def cache(self) -> Mapping[str, Any] | None:
        """The cache mark on it."""
        mark = self.members.get("cache_control")
        return None if mark is None else mapping(mark, f"{self.path}.cache_control")

    def text(self, name: str) -> str:
        """A member that has to be a text."""
        return text(self.members.get(name), f"{self.path}.{name}")

    def optional_text(self, name: str) -> str:
        """A member that may be a text."""
        return optional_text(self.members.get(name), f"{self.path}.{name}")


class TurnReader:
    """Reads the conversation of one request."""

    __slots__ = ("_losses", "_seal")

    def __init__(self, losses: Losses, seal: Seal | None) -> None:
        self._losses = losses
        self._seal = seal

    def instructions(self, value: Any) -> tuple[Part, ...]:
        """The member `system`, without what Claude Code tells Anthropic alone, which is another in every request."""
        if value is None or value == "":
            return ()
        said = self._said(Role.SYSTEM, self._blocks(value, "system", "system[]"))
        return tuple(part for part in said if not (isinstance(part, Text) and part.text.startswith(_BILLING)))

    def turns(self, value: Any) -> tuple[Turn, ...]:
        """The member `messages`; consecutive messages of one role are combined, as Anthropic does."""
        messages = sequence(value, "messages")
        if not messages:
            raise wrong("messages", "an array of at least one message")
        turns = Turns()
        for index, one in enumerate(messages):
            path = f"messages[{index}]"
            message = mapping(one, path)
            self._losses.judge(message, "messages[]", path)
            role = Role(one_of([role.value for role in Role], message.get("role"), f"{path}.role"))
            content = message.get("content")
            if content == []:
                raise wrong(f"{path}.content", "a string or an array of at least one block")
            blocks = self._blocks(content, f"{path}.content")
            turns.say(role, self._said(role, blocks), path)
        made = turns.made()
        prefill = self._losses.table.rows[_PREFILL]
        if made and made[-1].role is Role.ASSISTANT and prefill.treatment is Treatment.REFUSED:
            raise self._losses.table.unsupported(made[-1].path, prefill.note)
        return made

    def _blocks(self, content: Any, path: str, name: str = _BLOCK) -> list[_Block]:
        """The blocks of a content; a string stands for one block of text. Refuses kinds that have no counterpart."""
        if isinstance(content, str):
            return [_Block("text", {"type": "text", "text": content}, path)]
        if not isinstance(content, list):
            raise wrong(path, "a string or an array of blocks")
        blocks = (self._block(block, f"{path}[{index}]", name) for index, block in enumerate(content))
        return [block for block in blocks if block is not None]

    def _block(self, value: Any, path: str, name: str) -> _Block | None:
        members = mapping(value, path)
        kind = text(members.get("type"), f"{path}.type")
        row = self._losses.table.rows.get(f"{_BLOCK[:-1]}type={kind}]")
        if row is None:
            raise self._losses.table.unsupported(f"{path}.type", _UNKNOWN_BLOCK)
        if row.treatment is Treatment.REFUSED:
            raise self._losses.table.unsupported(f"{path}.type", row.note)
        if row.treatment is Treatment.DROPPED:
            self._losses.drop(f"{_BLOCK[:-1]}type={kind}]", f"{path}.type", row.note)
            return None
        if row.treatment is Treatment.MAPPED:
            self._losses.judge(members, name, path)
        return _Block(kind, members, path)

    def _said(self, role: Role, blocks: Sequence[_Block]) -> list[Part]:
        parts: list[Part] = []
        for block in blocks:
            if block.kind not in _KINDS[role]:
                expected = ", ".join(_KINDS[role][:4]) if role is Role.USER else '"text"'
                raise wrong(f"{block.path}.type", f"one of {expected} in this place")
            called = parts[-1] if parts else None
            if block.kind == "redacted_thinking" and isinstance(called, Call):
                opaque = opened_call(block.members, called.id, called.name, self._seal)
                if opaque is not None:
                    parts[-1] = msgspec.structs.replace(called, opaque=opaque)
                    continue
            parts.append(self._part(block))
        return parts

    def _part(self, block: _Block) -> Part:
        kind, members, path = block
        if kind == "text":
            return Text(path=path, cache=block.cache, text=block.text("text"))
        if kind == "image":
            return self._image(block)
        if kind == "document":
            return self._document(block)
        if kind == "search_result":
            return self._search_result(block)
        if kind == "tool_reference":
            return Text(path=path, cache=block.cache, text=f"Tool: {block.text('tool_name')}")
        if kind == "tool_use":
            arguments = as_text(mapping(members.get("input"), f"{path}.input"), f"{path}.input")
            return Call(path=path, cache=block.cache, id=block.text("id"), name=block.text("name"), arguments=arguments)
        if kind == "tool_result":
            return self._result(block)
        thought = said(members.get("thinking")) if kind == "thinking" else ""
        return Thought(path=path, text=thought, opaque=opened_thought(members, thought, self._seal))

    def _result(self, block: _Block) -> Result:
        content = block.members.get("content")
        held = [] if content is None else self._blocks(content, f"{block.path}.content")
        return Result(
            path=block.path,
            cache=block.cache,
            call_id=block.text("tool_use_id"),
            parts=self._held(held),
            failed=flag(block.members.get("is_error"), f"{block.path}.is_error"),
        )

    def _held(self, blocks: Sequence[_Block]) -> tuple[Part, ...]:
        """The parts of a result or a document."""
        for block in blocks:
            if block.kind not in _SAID:
                raise wrong(f"{block.path}.type", f"one of {', '.join(_SAID[:4])} in this place")
        return tuple(self._part(block) for block in blocks)

    def _source(self, block: _Block) -> _Block:
        path = f"{block.path}.source"
        source = mapping(block.members.get("source"), path)
        self._losses.judge(source, f"{_BLOCK}.source", path)
        kind = text(source.get("type"), f"{path}.type")
        row = self._losses.table.rows.get(f"{_BLOCK}.source[type={kind}]")
        if row is not None and row.treatment is Treatment.REFUSED:
            raise self._losses.table.unsupported(f"{path}.type", row.note)
        return _Block(kind, source, path)

    def _image(self, block: _Block) -> Image:
        source = self._source(block)
        if source.kind == "url":
            return Image(path=f"{source.path}.url", cache=block.cache, source=Linked(source.text("url")))
        if source.kind != "base64":
            raise wrong(f"{source.path}.type", "one of base64, url")
        media_type = source.text("media_type").lower()
        return Image(path=source.path, cache=block.cache, source=Inline(media_type, source.text("data")))

    def _document(self, block: _Block) -> Document:
        name, context = block.optional_text("title"), block.optional_text("context")
        source = self._source(block)
        path = source.path
        held: Inline | Linked | PlainText | tuple[Part, ...]
        if source.kind == "url":
            held, path = Linked(source.text("url")), f"{path}.type"
        elif source.kind == "base64":
            if source.members.get("media_type") != _PDF:
                raise wrong(f"{path}.media_type", _PDF)
            held = Inline(_PDF, source.text("data"))
        elif source.kind == "text":
            held = PlainText(source.text("data"))
        elif source.kind == "content":
            held = self._held(self._blocks(source.members.get("content"), f"{path}.content"))
        else:
            raise wrong(f"{path}.type", "one of base64, text, content")
        return Document(
            path=path, cache=block.cache, source=held, name=name, context=context, cites=_cites(block.members)
        )

    def _search_result(self, block: _Block) -> SearchResult:
        title, source, path = block.text("title"), block.text("source"), f"{block.path}.content"
        sequence(block.members.get("content"), path)
        texts = []
        for held in self._blocks(block.members["content"], path):
            if held.kind != "text":
                raise wrong(f"{held.path}.type", '"text" in this place')
            texts.append(held.text("text"))
        return SearchResult(
            path=block.path,
            cache=block.cache,
            title=title,
            source=source,
            texts=tuple(texts),
            cites=_cites(block.members),
        )


def _cites(members: Mapping[str, Any]) -> bool:
    asked = members.get("citations")
    return isinstance(asked, Mapping) and asked.get("enabled") is True
