"""The conversation: chat messages become `system` and `messages`.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html. Turns alternate there, and
what tools returned is part of the user's turn.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from gateway.lanes.losses import Losses
from gateway.lanes.openai_chat import ROLES, arguments, called_function
from gateway.lanes.openai_converse.content import ASKED, RETURNED, SAID, TEXT, Block, Parts
from gateway.lanes.openai_converse.parameters import TABLE
from gateway.lanes.reading import mapping, optional_text, sequence, text, tool_name, wrong

_USABLE_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


class Conversation(NamedTuple):
    """What was said, and the names of the tools that were called, each once."""

    system: Sequence[Block]
    messages: Sequence[Block]
    called: Sequence[str]


def conversation(body: Mapping[str, Any], losses: Losses) -> Conversation:
    """The members `system` and `messages`, and what tools they speak of."""
    messages = sequence(body.get("messages"), "messages")
    parts = Parts(losses)
    system: list[Block] = []
    turns: list[Block] = []
    for index, value in enumerate(messages):
        path = f"messages[{index}]"
        message = mapping(value, path)
        role = _role(message, path)
        losses.judge(message, "messages[]", path)
        if role in ("system", "developer"):
            system.extend(parts.blocks(message.get("content"), f"{path}.content", TEXT))
        elif role == "user":
            _say(turns, "user", parts.blocks(message.get("content"), f"{path}.content", ASKED))
        elif role == "assistant":
            _say(turns, "assistant", _assistant(message, path, parts))
        else:
            _say(turns, "user", [_tool_result(message, path, parts)])
    if not turns:
        raise wrong("messages", "an array with at least one message of a user that says something")
    blocks = [block for turn in turns for block in turn["content"]]
    called = dict.fromkeys(block["toolUse"]["name"] for block in blocks if "toolUse" in block)
    return Conversation(system, turns, tuple(called))


def _role(message: Mapping[str, Any], path: str) -> str:
    role = text(message.get("role"), f"{path}.role")
    if role == "function":
        raise TABLE.unsupported(f"{path}.role", TABLE.rows["functions"].note)
    if role not in ROLES:
        raise wrong(f"{path}.role", f"one of {', '.join(ROLES)}")
    return role


def _say(turns: list[Block], role: str, blocks: list[Block]) -> None:
    if blocks and turns and turns[-1]["role"] == role:
        turns[-1]["content"].extend(blocks)
    elif blocks:
        turns.append({"role": role, "content": blocks})


def _assistant(message: Mapping[str, Any], path: str, parts: Parts) -> list[Block]:
    content = message.get("content")
    blocks = [] if content is None else parts.blocks(content, f"{path}.content", SAID)
    refusal = optional_text(message.get("refusal"), f"{path}.refusal")
    blocks += parts.blocks(refusal, f"{path}.refusal", SAID)
    calls = message.get("tool_calls")
    declared = [] if calls is None else sequence(calls, f"{path}.tool_calls")
    return blocks + [_tool_use(call, f"{path}.tool_calls[{index}]") for index, call in enumerate(declared)]


def _tool_use(value: Any, path: str) -> Block:
    call = mapping(value, path)
    kind = optional_text(call.get("type"), f"{path}.type") or "function"
    if kind == "custom":
        raise TABLE.unsupported(f"{path}.type", TABLE.rows["tools[].type"].note)
    if kind != "function":
        raise wrong(f"{path}.type", '"function"')
    identifier = _tool_use_id(call.get("id"), f"{path}.id")
    function, path = called_function(call, path)
    name = tool_name(function.get("name"), f"{path}.name")
    return {"toolUse": {"toolUseId": identifier, "name": name, "input": arguments(function, path)}}


def _tool_result(message: Mapping[str, Any], path: str, parts: Parts) -> Block:
    identifier = _tool_use_id(message.get("tool_call_id"), f"{path}.tool_call_id")
    content = parts.blocks(message.get("content"), f"{path}.content", RETURNED)
    return {"toolResult": {"toolUseId": identifier, "content": content}}


def _tool_use_id(value: Any, path: str) -> str:
    """The id, or a digest of it where it is longer than Converse's may be or has other characters."""
    identifier = text(value, path)
    if _USABLE_ID.fullmatch(identifier):
        return identifier
    return "call_" + hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()[:32]
