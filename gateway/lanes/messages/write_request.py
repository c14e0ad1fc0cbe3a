"""A request for Anthropic's Messages.

Sources: https://docs.anthropic.com/en/api/messages and
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gateway.lanes.base import Target, usable_call_id
from gateway.lanes.call_arguments import as_mapping
from gateway.lanes.conversation import (
    ASKS_JSON,
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
    Reasoning,
    Result,
    SearchResult,
    Text,
    Thought,
    Tool,
    Turn,
    Video,
)
from gateway.lanes.data_url import IMAGES, PDF
from gateway.lanes.losses import Losses
from gateway.lanes.messages.reasoning import family_of, reasoning_and_sampling
from gateway.lanes.messages.target_table import TARGET
from gateway.lanes.reading import wrong

_Block = dict[str, Any]

_USABLE_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_TIERS: Final[Mapping[str, str]] = {"auto": "auto", "default": "standard_only"}
_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "none": "none", "required": "any"}
_NO_PARAMETERS: Final = {"type": "object", "properties": {}}
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_LONGEST_TITLE: Final = 500
_SAYS_SOMETHING: Final = "a conversation in which somebody says something"
_INDEX_AT_END: Final = re.compile(r"\[\d+\].*\Z", re.DOTALL)


def write_request(conversation: Conversation, target: Target, losses: Losses) -> dict[str, Any]:
    """See `ProviderSide`."""
    writer = _Writer(losses)
    instructions, turns = conversation.hoisted()
    system = writer.blocks(instructions)
    if conversation.format is not None and conversation.format.schema is None:
        system.append({"type": "text", "text": ASKS_JSON})
    messages = writer.turns(turns)
    if not messages:
        raise wrong(_INDEX_AT_END.sub("", turns[0].path) if turns else "messages", _SAYS_SOMETHING)
    family = family_of(target.model)
    stated = None if conversation.output_limit is None else conversation.output_limit.value
    limit = stated or family.default_limit
    tools = _tools_and_choice(conversation)
    members: dict[str, Any] = {
        "model": target.model,
        "max_tokens": limit,
        **({"system": system} if system else {}),
        "messages": messages,
        **tools,
        **_stop_sequences(conversation),
        **_metadata(conversation, losses),
        **_service_tier(conversation, losses),
        **({"stream": True} if conversation.streams else {}),
    }
    format_ = _output_format(conversation, losses)
    thought = reasoning_and_sampling(conversation, family, limit, tools, messages, losses)
    config = {**thought.pop("output_config", {}), **format_}
    members.update(thought)
    if stated is None and "thinking" in thought:
        # Anthropic counts the thinking within the limit, and budgets hold for it: see `Translation.beside_answer`.
        members["max_tokens"] += _stated_budget(conversation.reasoning)
    if config:
        members["output_config"] = config
    return members


def _stated_budget(reasoning: Reasoning) -> int:
    """The tokens that the request itself sets apart for thinking."""
    if reasoning.budget is None or (reasoning.mode is not None and reasoning.mode.value != "enabled"):
        return 0
    return reasoning.budget.value


class _Writer:
    """Writes the parts of turns as blocks. Raises `GatewayError` for what Claude cannot see."""

    def __init__(self, losses: Losses) -> None:
        self._table = losses.table

    def turns(self, turns: Sequence[Turn]) -> list[_Block]:
        """The turns, with those of the assistant ending in something said or called, as Anthropic demands.

        An answer that its limit cut short within its thinking is one that does not, when the client sends it back. What
        tools returned stands first: a user who speaks before a tool's result came is heard after it.
        """
        kept: list[_Block] = []
        for turn in turns:
            said = self.blocks(turn.parts)
            while said and said[-1]["type"] in _THOUGHTS:
                said = said[:-1]
            if said and kept and kept[-1]["role"] == turn.role.value:
                kept[-1]["content"].extend(said)
            elif said:
                kept.append({"role": turn.role.value, "content": said})
        for message in kept:
            message["content"].sort(key=lambda block: block["type"] != "tool_result")
        return kept

    def blocks(self, parts: Sequence[Part]) -> list[_Block]:
        """The blocks that say something, with their cache marks, which thinking cannot have."""
        blocks: list[_Block] = []
        for part in parts:
            block = self._block(part)
            if block is None:
                continue
            if part.cache is not None and block["type"] not in _THOUGHTS:
                block["cache_control"] = dict(part.cache)
            blocks.append(block)
        return blocks

    def _block(self, part: Part) -> _Block | None:
        if isinstance(part, Text):
            return {"type": "text", "text": part.text} if part.text.strip() else None
        if isinstance(part, Thought):
            return _thinking(part)
        if isinstance(part, Call):
            identifier = usable_call_id(part.id, _USABLE_ID)
            return {"type": "tool_use", "id": identifier, "name": part.name, "input": as_mapping(part.arguments)}
        if isinstance(part, Result):
            return self._result(part)
        if isinstance(part, Image):
            return self._image(part)
        if isinstance(part, Document):
            return self._document(part)
        if isinstance(part, SearchResult):
            return _search_result(part)
        feature = Feature.VIDEO if isinstance(part, Video) else Feature.AUDIO
        raise self._table.unsupported(part.path, TARGET[feature].note)

    def _result(self, part: Result) -> _Block:
        result: _Block = {"type": "tool_result", "tool_use_id": usable_call_id(part.call_id, _USABLE_ID)}
        content = self.blocks(part.parts)
        if content:
            result["content"] = content
        if part.failed:
            result["is_error"] = True
        return result

    def _image(self, part: Image) -> _Block:
        if isinstance(part.source, Linked):
            return {"type": "image", "source": _at(part.source, part.path)}
        if part.source.media_type not in IMAGES:
            raise self._table.unsupported(part.path, "Claude sees PNG, JPEG, GIF and WebP.")
        media_type = f"image/{IMAGES[part.source.media_type]}"
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": part.source.data}}

    def _document(self, part: Document) -> _Block:
        block: _Block = {"type": "document", "source": self._source(part)}
        if part.name:
            block["title"] = part.name[:_LONGEST_TITLE]
        if part.context:
            block["context"] = part.context
        if part.cites:
            block["citations"] = {"enabled": True}
        return block

    def _source(self, part: Document) -> _Block:
        source = part.source
        if isinstance(source, Linked):
            return _at(source, part.path)
        if isinstance(source, PlainText):
            return {"type": "text", "media_type": "text/plain", "data": source.text}
        if isinstance(source, Inline):
            if source.media_type not in ("", PDF):
                raise self._table.unsupported(part.path, "Claude reads PDF and plain text.")
            return {"type": "base64", "media_type": PDF, "data": source.data}
        return {"type": "content", "content": self.blocks(source)}


def _at(linked: Linked, path: str) -> _Block:
    if not linked.url.lower().startswith(("https://", "http://")):
        raise wrong(path, "an http(s) URL or a data URL")
    return {"type": "url", "url": linked.url}


def _thinking(part: Thought) -> _Block | None:
    """Thinking can go back as it came, if Claude thought it: with its signature, or redacted."""
    if part.opaque is None or part.opaque.origin != Origin.CLAUDE:
        return None
    signature, data = part.opaque.state.get("signature"), part.opaque.state.get("data")
    if signature:
        return {"type": "thinking", "thinking": part.text, "signature": signature}
    return {"type": "redacted_thinking", "data": data} if data is not None else None


def _search_result(part: SearchResult) -> _Block:
    block: _Block = {
        "type": "search_result",
        "title": part.title,
        "source": part.source,
        "content": [{"type": "text", "text": text} for text in part.texts],
    }
    if part.cites:
        block["citations"] = {"enabled": True}
    return block


def _tools_and_choice(conversation: Conversation) -> dict[str, Any]:
    """The members `tools` and `tool_choice`, as far as there are any."""
    tools = [_tool(tool) for tool in conversation.tools]
    wanted = conversation.choice or Choice("", "tool_choice")
    if wanted.allowed is not None:
        tools = [tool for tool in tools if tool["name"] in wanted.allowed]
    if wanted.mode == "required" and not any(wanted.name in (None, tool["name"]) for tool in tools):
        raise wrong(wanted.path, "met by a function of `tools`")
    one_at_a_time = conversation.parallel is not None and not conversation.parallel.value
    if not tools:
        return {}
    mode = wanted.mode or ("auto" if one_at_a_time else "")
    if not mode:
        return {"tools": tools}
    choice: dict[str, Any] = {"type": _CHOICES[mode]} if wanted.name is None else {"type": "tool", "name": wanted.name}
    if one_at_a_time and mode != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools, "tool_choice": choice}


def _tool(tool: Tool) -> dict[str, Any]:
    written: dict[str, Any] = {"name": tool.name}
    if tool.description:
        written["description"] = tool.description
    written["input_schema"] = _NO_PARAMETERS if tool.schema is None else {"type": "object", **tool.schema}
    if tool.strict:
        written["strict"] = True
    if tool.cache is not None:
        written["cache_control"] = dict(tool.cache)
    return written


def _stop_sequences(conversation: Conversation) -> dict[str, Any]:
    given = [] if conversation.stops is None else [stop for stop in conversation.stops.value if stop.strip()]
    return {"stop_sequences": given} if given else {}


def _metadata(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    user: Any = None if conversation.end_user is None else conversation.end_user.value
    if conversation.metadata is not None:
        entries, path = conversation.metadata
        losses.judge(entries, path, path)
        named = entries.get("user_id")
        user = user or (named if isinstance(named, str) else "")
    return {"metadata": {"user_id": user}} if user else {}


def _service_tier(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    if conversation.service_tier is None:
        return {}
    tier, path = conversation.service_tier
    if tier in _TIERS:
        return {"service_tier": _TIERS[tier]}
    losses.lose(path, f"There is no {tier} tier.")
    return {}


def _output_format(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    wanted = conversation.format
    if wanted is None:
        return {}
    if wanted.schema is None:
        losses.lose(wanted.path, TARGET[Feature.JSON_MODE].note)
        return {}
    schema = dict(wanted.schema)
    if wanted.description:
        schema.setdefault("description", wanted.description)
    return {"format": {"type": "json_schema", "schema": schema}}
