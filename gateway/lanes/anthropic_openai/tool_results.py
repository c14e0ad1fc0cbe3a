"""A tool's result becomes a message of the role `tool`, and what such a message cannot hold a part behind it.

OpenAI's tool messages are text only, so images and files of a result go into the user message that follows, led by a
line that says whose they are (https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages).
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from gateway.lanes.anthropic_openai.content import Block, Part, blocks_of, parts_of, text_part
from gateway.lanes.losses import Losses
from gateway.lanes.reading import flag, text

_ERROR: Final = "Error: "
_ATTACHED: Final = "The result is attached to the next message."


class ToolResult(NamedTuple):
    """The message of one result, and the parts that go into the user message behind all results of the turn."""

    message: dict[str, Any]
    attachments: Sequence[Part]


def tool_result(block: Block, losses: Losses) -> ToolResult:
    """What a `tool_result` block becomes; `is_error` is said in the text, since OpenAI has no field for it."""
    call = text(block.members.get("tool_use_id"), f"{block.path}.tool_use_id")
    content = block.members.get("content")
    held = [] if content is None else parts_of(blocks_of(content, f"{block.path}.content", losses), losses)
    said = "\n".join(part["text"] for part in held if part["type"] == "text")
    attachments = [part for part in held if part["type"] != "text"]
    if attachments:
        said = f"{said}\n{_ATTACHED}" if said else _ATTACHED
        attachments.insert(0, text_part(f"Attached to the result of tool call {call}:"))
    if flag(block.members.get("is_error"), f"{block.path}.is_error"):
        said = _ERROR + said
    return ToolResult({"role": "tool", "tool_call_id": call, "content": said}, attachments)
