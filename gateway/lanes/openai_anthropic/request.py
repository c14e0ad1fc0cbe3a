"""A request for OpenAI's Chat Completions becomes one for Anthropic's Messages.

Sources: https://docs.anthropic.com/en/api/messages and
https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/implement-tool-use.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.base import Json, Target
from gateway.lanes.chat_request import (
    IMAGES,
    NO_CONTENT,
    PDF,
    Block,
    Conversation,
    Function,
    answer_schema,
    functions,
    output_limit,
    say,
    service_tier,
    stops,
    streams,
    tool_choice,
)
from gateway.lanes.data_url import DataUrl, data_url, encoded, plain_text
from gateway.lanes.losses import Losses
from gateway.lanes.openai_anthropic.reasoning import family_of, reasoning_and_sampling, thinking_budget
from gateway.lanes.reading import flag, mapping, one_of, optional_text, sequence, text, wrong

_TIERS: Final[Mapping[str, str]] = {"auto": "auto", "default": "standard_only"}
_CHOICES: Final[Mapping[str, str]] = {"auto": "auto", "none": "none", "required": "any"}
_NO_PARAMETERS: Final = {"type": "object", "properties": {}}
_NO_SCHEMA: Final = "Anthropic holds a model to JSON only with a schema."
_THOUGHTS: Final = ("thinking", "redacted_thinking")
_LONGEST_TITLE: Final = 500
_PDF_URL: Final = re.compile(r"[^?#]+\.pdf(?:[?#].*)?", re.IGNORECASE | re.DOTALL)


def anthropic_request(body: Json, target: Target, losses: Losses) -> dict[str, Any]:
    """See `Translation.written`."""
    streamed = streams(body, losses)
    system, turns = _Conversation(losses).read(body)
    messages = _in_order(turns)
    family = family_of(target.model)
    stated = output_limit(body)
    limit = stated or family.default_limit
    tools = _tools_and_choice(body, losses)
    members: dict[str, Any] = {
        "model": target.model,
        "max_tokens": limit,
        **({"system": system} if system else {}),
        "messages": messages,
        **tools,
        **_stop_sequences(body),
        **_metadata(body, losses),
        **_service_tier(body, losses),
        **({"stream": True} if streamed else {}),
    }
    format_ = _output_format(body, losses)
    thought = reasoning_and_sampling(body, family, limit, tools, messages, losses)
    config = {**thought.pop("output_config", {}), **format_}
    members.update(thought)
    if not stated and "thinking" in thought:
        # Anthropic counts the thinking within the limit, and budgets hold for it: see `Translation.beside_answer`.
        members["max_tokens"] += thinking_budget(body.get)
    if config:
        members["output_config"] = config
    return members


class _Conversation(Conversation):
    usable_id = re.compile(r"[a-zA-Z0-9_-]{1,128}")

    def marked(self, said: list[Block], holder: Mapping[str, Any], path: str) -> list[Block]:
        """A mark on a whole message is one on its last block, unless that is a thought, which takes none."""
        mark = holder.get("cache_control")
        if mark is None or not said or said[-1]["type"] in _THOUGHTS:
            return said
        return [*said[:-1], {**said[-1], **_mark(mark, path)}]

    def thoughts(self, message: Mapping[str, Any], path: str) -> list[Block]:
        """Thinking that can go back as it came: with its signature, or redacted. It stands first in the turn."""
        if message.get("thinking_blocks") is None:
            return []
        said: list[Block] = []
        for index, value in enumerate(sequence(message["thinking_blocks"], f"{path}.thinking_blocks")):
            at = f"{path}.thinking_blocks[{index}]"
            block = mapping(value, at)
            self._losses.judge(block, "messages[].thinking_blocks[]", at)
            thought = self.thought(one_of(_THOUGHTS, block.get("type"), f"{at}.type"), block, at)
            said += [] if thought is None else [thought]
        return said

    def thought(self, kind: str, part: Mapping[str, Any], path: str) -> Block | None:
        """Without its signature it cannot go back; Envoy's clients have other names for two of the members."""
        if kind == "redacted_thinking":
            name = "redactedContent" if part.get("data") is None and part.get("redactedContent") is not None else "data"
            return {"type": kind, "data": text(part.get(name), f"{path}.{name}")}
        name = "text" if part.get("thinking") is None else "thinking"
        thinking = optional_text(part.get(name), f"{path}.{name}")
        signature = optional_text(part.get("signature"), f"{path}.signature")
        return {"type": kind, "thinking": thinking, "signature": signature} if signature else None

    def text(self, said: str) -> Block:
        return {"type": "text", "text": said}

    def image(self, url: str, path: str) -> Block:
        opened = data_url(url)
        if opened is None:
            if not url.lower().startswith(("https://", "http://")):
                raise wrong(path, "an http(s) URL or a data URL")
            kind = "document" if _PDF_URL.fullmatch(url) else "image"
            return {"type": kind, "source": {"type": "url", "url": url}}
        if opened.media_type == PDF:
            return self.file("", url, path)
        data = encoded(opened, path)
        if opened.media_type not in IMAGES:
            raise self.table.unsupported(path, "Claude sees PNG, JPEG, GIF and WebP.")
        media_type = f"image/{IMAGES[opened.media_type]}"
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}

    def file(self, name: str, data: str, path: str) -> Block:
        opened = data_url(data) or DataUrl(PDF, is_base64=True, data=data)
        if opened.media_type == "text/plain":
            source = {"type": "text", "media_type": "text/plain", "data": plain_text(opened, path)}
        else:
            source = {"type": "base64", "media_type": opened.media_type, "data": encoded(opened, path)}
            if opened.media_type != PDF:
                raise self.table.unsupported(path, "Claude reads PDF and plain text.")
        return {"type": "document", "source": source, **({"title": name[:_LONGEST_TITLE]} if name else {})}

    def call(self, identifier: str, name: str, arguments: dict[str, Any]) -> Block:
        return {"type": "tool_use", "id": identifier, "name": name, "input": arguments}

    def result(self, identifier: str, content: list[Block]) -> Block:
        result: Block = {"type": "tool_result", "tool_use_id": identifier}
        return {**result, "content": content} if content else result


def _mark(value: Any, path: str) -> dict[str, Any]:
    return {"cache_control": dict(mapping(value, f"{path}.cache_control"))}


def _in_order(turns: list[Block]) -> list[Block]:
    """The turns, with those of the assistant ending in something said or called, as Anthropic demands.

    An answer that its limit cut short within its thinking is one that does not, when the client sends it back. What
    tools returned stands first: a user who speaks before a tool's result came is heard after it.
    """
    kept: list[Block] = []
    for turn in turns:
        said = turn["content"]
        while said and said[-1]["type"] in _THOUGHTS:
            said = said[:-1]
        say(kept, turn["role"], said)
    if not kept:
        raise wrong("messages", NO_CONTENT)
    for turn in kept:
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    return kept


def _tools_and_choice(body: Json, losses: Losses) -> dict[str, Any]:
    """The members `tools` and `tool_choice`, as far as there are any."""
    tools = [_tool(function) for function in functions(body, losses)]
    wanted = tool_choice(body, losses)
    if wanted.allowed is not None:
        tools = [tool for tool in tools if tool["name"] in wanted.allowed]
    if wanted.mode == "required" and not any(wanted.name in (None, tool["name"]) for tool in tools):
        raise wrong("tool_choice", "met by a function of `tools`")
    parallel = body.get("parallel_tool_calls")
    one_at_a_time = parallel is not None and not flag(parallel, "parallel_tool_calls")
    if not tools:
        return {}
    mode = wanted.mode or ("auto" if one_at_a_time else "")
    if not mode:
        return {"tools": tools}
    choice: dict[str, Any] = {"type": _CHOICES[mode]} if wanted.name is None else {"type": "tool", "name": wanted.name}
    if one_at_a_time and mode != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools, "tool_choice": choice}


def _tool(function: Function) -> dict[str, Any]:
    tool: dict[str, Any] = {"name": function.name}
    if function.description:
        tool["description"] = function.description
    schema = function.parameters
    tool["input_schema"] = _NO_PARAMETERS if schema is None else {"type": "object", **schema}
    if function.strict:
        tool["strict"] = True
    for marked, path in ((function.tool, function.path), (function.members, f"{function.path}.function")):
        if marked.get("cache_control") is not None:
            tool |= _mark(marked["cache_control"], path)
    return tool


def _stop_sequences(body: Json) -> dict[str, Any]:
    given = [stop for stop in stops(body) if stop.strip()]
    return {"stop_sequences": given} if given else {}


def _metadata(body: Json, losses: Losses) -> dict[str, Any]:
    user = optional_text(body.get("safety_identifier"), "safety_identifier") or optional_text(body.get("user"), "user")
    if body.get("metadata") is not None:
        metadata = mapping(body["metadata"], "metadata")
        losses.judge(metadata, "metadata", "metadata")
        user = user or optional_text(metadata.get("user_id"), "metadata.user_id")
    return {"metadata": {"user_id": user}} if user else {}


def _service_tier(body: Json, losses: Losses) -> dict[str, Any]:
    tier = service_tier(body)
    if tier is None or tier in _TIERS:
        return {} if tier is None else {"service_tier": _TIERS[tier]}
    losses.drop("service_tier", "service_tier", f"There is no {tier} tier.")
    return {}


def _output_format(body: Json, losses: Losses) -> dict[str, Any]:
    wanted = answer_schema(body, losses, _NO_SCHEMA)
    if wanted is None:
        return {}
    schema = dict(wanted["schema"])
    if wanted.get("description"):
        schema.setdefault("description", wanted["description"])
    return {"format": {"type": "json_schema", "schema": schema}}
