"""The conversation: chat messages become `system` and `messages`.

Source: https://docs.anthropic.com/en/api/messages. Turns alternate there, what tools returned stands first in the
user's turn, and thinking stands first in the assistant's.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.losses import Losses
from gateway.lanes.openai_anthropic.content import ASKED, SAID, TEXT, Block, blocks, marked
from gateway.lanes.openai_anthropic.parameters import TABLE
from gateway.lanes.openai_chat import ROLES, arguments, called_function
from gateway.lanes.reading import mapping, optional_text, sequence, text, tool_name, wrong

_THOUGHTS: Final = ("thinking", "redacted_thinking")
_USABLE_ID: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def conversation(body: Mapping[str, Any], losses: Losses) -> tuple[list[Block], list[Block]]:
    """The members `system` and `messages`."""
    system: list[Block] = []
    turns: list[Block] = []
    for index, value in enumerate(sequence(body.get("messages"), "messages")):
        path = f"messages[{index}]"
        message = mapping(value, path)
        role = _role(message, path)
        losses.judge(message, "messages[]", path)
        if role in ("system", "developer"):
            system += _marked_last(blocks(message.get("content"), f"{path}.content", TEXT, losses), message, path)
        elif role == "user":
            said = blocks(message.get("content"), f"{path}.content", ASKED, losses)
            _say(turns, "user", _marked_last(said, message, path))
        elif role == "assistant":
            _say(turns, "assistant", _marked_last(_assistant(message, path, losses), message, path))
        else:
            _say(turns, "user", [_tool_result(message, path, losses)])
    turns = _without_last_thoughts(turns)
    if not turns:
        raise wrong("messages", "an array with at least one message of a user that says something")
    for turn in turns:
        # A user who speaks before a tool's result came is heard after it.
        turn["content"].sort(key=lambda block: block["type"] != "tool_result")
    return system, turns


def _role(message: Mapping[str, Any], path: str) -> str:
    role = text(message.get("role"), f"{path}.role")
    if role == "function":
        raise TABLE.unsupported(f"{path}.role", TABLE.rows["functions"].note)
    if role not in ROLES:
        raise wrong(f"{path}.role", f"one of {', '.join(ROLES)}")
    return role


def _say(turns: list[Block], role: str, said: list[Block]) -> None:
    if said and turns and turns[-1]["role"] == role:
        turns[-1]["content"].extend(said)
    elif said:
        turns.append({"role": role, "content": said})


def _without_last_thoughts(turns: list[Block]) -> list[Block]:
    """The turns, with those of the assistant ending in something said or called, as Anthropic demands.

    An answer that its limit cut short within its thinking is one that does not, when the client sends it back.
    """
    kept: list[Block] = []
    for turn in turns:
        said = turn["content"]
        while said and said[-1]["type"] in _THOUGHTS:
            said = said[:-1]
        _say(kept, turn["role"], said)
    return kept


def _marked_last(said: list[Block], message: Mapping[str, Any], path: str) -> list[Block]:
    """A mark on a whole message is one on its last block, unless that is a thought, which takes none."""
    if not said or said[-1]["type"] in _THOUGHTS:
        return said
    return [*said[:-1], marked(said[-1], message, path)]


def _assistant(message: Mapping[str, Any], path: str, losses: Losses) -> list[Block]:
    said = _thoughts(message, path)
    content = message.get("content")
    if content is not None:
        said += blocks(content, f"{path}.content", SAID, losses)
    said += blocks(optional_text(message.get("refusal"), f"{path}.refusal"), f"{path}.refusal", SAID, losses)
    calls = message.get("tool_calls")
    declared = [] if calls is None else sequence(calls, f"{path}.tool_calls")
    return said + [_tool_use(call, f"{path}.tool_calls[{index}]") for index, call in enumerate(declared)]


def _thoughts(message: Mapping[str, Any], path: str) -> list[Block]:
    """Thinking that can go back as it came: with its signature, or redacted."""
    if message.get("thinking_blocks") is None:
        return []
    said: list[Block] = []
    for index, value in enumerate(sequence(message["thinking_blocks"], f"{path}.thinking_blocks")):
        at = f"{path}.thinking_blocks[{index}]"
        block = mapping(value, at)
        kind = text(block.get("type"), f"{at}.type")
        if kind == "redacted_thinking":
            said.append({"type": kind, "data": text(block.get("data"), f"{at}.data")})
        elif kind == "thinking":
            signature = optional_text(block.get("signature"), f"{at}.signature")
            thinking = optional_text(block.get("thinking"), f"{at}.thinking")
            if signature:
                said.append({"type": kind, "thinking": thinking, "signature": signature})
        else:
            raise wrong(f"{at}.type", "one of thinking, redacted_thinking")
    return said


def _tool_use(value: Any, path: str) -> Block:
    call = mapping(value, path)
    kind = optional_text(call.get("type"), f"{path}.type") or "function"
    if kind == "custom":
        raise TABLE.unsupported(f"{path}.type", TABLE.rows["tools[].type"].note)
    if kind != "function":
        raise wrong(f"{path}.type", '"function"')
    function, at = called_function(call, path)
    return {
        "type": "tool_use",
        "id": _tool_use_id(call.get("id"), f"{path}.id"),
        "name": tool_name(function.get("name"), f"{at}.name"),
        "input": arguments(function, at),
    }


def _tool_result(message: Mapping[str, Any], path: str, losses: Losses) -> Block:
    identifier = _tool_use_id(message.get("tool_call_id"), f"{path}.tool_call_id")
    content = blocks(message.get("content"), f"{path}.content", ("text", "image_url", "file"), losses)
    result: Block = {"type": "tool_result", "tool_use_id": identifier}
    if content:
        result["content"] = content
    return marked(result, message, path)


def _tool_use_id(value: Any, path: str) -> str:
    """The id, or a digest of it where it has characters that Anthropic's may not have."""
    identifier = text(value, path)
    if _USABLE_ID.fullmatch(identifier):
        return identifier
    return "call_" + hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:32]
