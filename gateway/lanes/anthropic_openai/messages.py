"""The conversation: system prompt and turns become chat messages.

Anthropic combines consecutive turns of one role, and so does this module: OpenAI wants every result of a tool right
behind the assistant's message that called it, before anything else that the user says.
"""

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from gateway.lanes.anthropic_openai.content import (
    Block,
    Part,
    blocks_of,
    content_of,
    parts_of,
    text_part,
    texts_of,
)
from gateway.lanes.anthropic_openai.parameters import TABLE
from gateway.lanes.anthropic_openai.tool_results import tool_result
from gateway.lanes.losses import Losses
from gateway.lanes.reading import mapping, sequence, text, wrong

_ROLES: Final = ("user", "assistant", "system")
_EARLIER_REASONING: Final = ("thinking", "redacted_thinking")
_PREFILL: Final = "the model cannot be made to continue a text that the request begins for it."

Message = dict[str, Any]


def conversation(body: Mapping[str, Any], losses: Losses) -> list[Message]:
    """The chat messages for `system` and `messages`."""
    turns = sequence(body.get("messages"), "messages")
    if not turns:
        raise wrong("messages", "an array of at least one message")
    located = [_turn(turn, f"messages[{index}]", losses) for index, turn in enumerate(turns)]
    if located[-1][0] == "assistant":
        raise TABLE.unsupported(f"messages[{len(located) - 1}]", _PREFILL)
    messages = _system_prompt(body.get("system"), losses)
    for role, same_role in groupby(located, key=itemgetter(0)):
        blocks = [block for _, held in same_role for block in held]
        if role == "user":
            messages.extend(_user(blocks, losses))
        elif role == "assistant":
            messages.extend(_assistant(blocks))
        else:
            messages.extend(_system(blocks))
    return messages


def _turn(value: Any, path: str, losses: Losses) -> tuple[str, Sequence[Block]]:
    message = mapping(value, path)
    losses.judge(message, "messages[]", path)
    role = text(message.get("role"), f"{path}.role")
    if role not in _ROLES:
        raise wrong(f"{path}.role", f"one of {', '.join(_ROLES)}")
    blocks = blocks_of(message.get("content"), f"{path}.content", losses)
    if not blocks:
        raise wrong(f"{path}.content", "a string or an array of at least one block")
    return role, blocks


def _system_prompt(value: Any, losses: Losses) -> list[Message]:
    return [] if value is None or value == "" else _system(blocks_of(value, "system", losses, "system[]"))


def _system(blocks: Sequence[Block]) -> list[Message]:
    parts = [text_part(said) for said in texts_of(blocks)]
    return [{"role": "system", "content": content_of(parts)}] if parts else []


def _user(blocks: Sequence[Block], losses: Losses) -> list[Message]:
    results = [tool_result(block, losses) for block in blocks if block.kind == "tool_result"]
    parts: list[Part] = [part for result in results for part in result.attachments]
    parts += parts_of([block for block in blocks if block.kind != "tool_result"], losses)
    messages = [result.message for result in results]
    if parts:
        messages.append({"role": "user", "content": content_of(parts)})
    return messages


def _assistant(blocks: Sequence[Block]) -> list[Message]:
    said = [block for block in blocks if block.kind not in _EARLIER_REASONING]
    calls = [_tool_call(block) for block in said if block.kind == "tool_use"]
    parts = [text_part(words) for words in texts_of([block for block in said if block.kind != "tool_use"])]
    if not said:
        return []
    message: Message = {"role": "assistant", "content": content_of(parts) if parts else None}
    if calls:
        message["tool_calls"] = calls
    return [message]


def _tool_call(block: Block) -> dict[str, Any]:
    members, path = block.members, block.path
    identifier, name = text(members.get("id"), f"{path}.id"), text(members.get("name"), f"{path}.name")
    given = mapping(members.get("input"), f"{path}.input")
    try:
        arguments = json.dumps(given, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        raise wrong(f"{path}.input", "JSON of reasonable depth") from None
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}
