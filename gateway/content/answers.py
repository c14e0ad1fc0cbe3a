"""Answers as output messages of the conventions."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.content import parts
from gateway.content.anthropic_parts import block_part
from gateway.content.openai_parts import chat_message, response_item
from gateway.content.parts import Fields, Part

_REASONS: Final[Mapping[str, str]] = {
    "tool_calls": "tool_call",
    "function_call": "tool_call",
    "tool_use": "tool_call",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "refusal": "content_filter",
}
"""Why a model stopped, in the conventions' words; others are theirs already, or stay as they are."""

_NEVER_SAID: Final = "error"


def read_answer(endpoint: str, answer: Fields) -> list[dict[str, Any]]:
    """The output messages of a whole answer."""
    if endpoint == "messages":
        return _message(answer)
    if endpoint == "responses":
        return _response(answer)
    return [_choice(one) for one in answer.get("choices") or ()]


def _choice(choice: Fields) -> dict[str, Any]:
    finish_reason = _reason(choice.get("finish_reason"))
    if "text" in choice:
        return {"role": "assistant", "parts": [parts.text(choice["text"])], "finish_reason": finish_reason}
    return {**chat_message(choice.get("message") or {}), "finish_reason": finish_reason}


def _message(answer: Fields) -> list[dict[str, Any]]:
    if answer.get("type") != "message":
        return []
    made = [block_part(block) for block in parts.blocks(answer.get("content"))]
    return [{"role": "assistant", "parts": made, "finish_reason": _reason(answer.get("stop_reason"))}]


def _response(answer: Fields) -> list[dict[str, Any]]:
    made: list[Part] = []
    for item in answer.get("output") or ():
        made += response_item(item)[1]
    if not made:
        return []
    return [{"role": "assistant", "parts": made, "finish_reason": _reason(_end_of_response(answer, made))}]


def _end_of_response(answer: Fields, made: list[Part]) -> Any:
    if answer.get("status") == "completed":
        return "tool_calls" if any(one["type"] == "tool_call" for one in made) else "stop"
    return (answer.get("incomplete_details") or {}).get("reason")


def _reason(stated: Any) -> str:
    return _NEVER_SAID if stated is None else _REASONS.get(stated, str(stated))
