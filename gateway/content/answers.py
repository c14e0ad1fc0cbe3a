"""Answers as output messages of the conventions."""

from typing import Any, Final

from gateway.content import parts
from gateway.content.messages import block_part, chat_message, google_message, response_item
from gateway.content.parts import Fields, Part
from gateway.shapes.chat import CHAT
from gateway.shapes.ending import Stop
from gateway.shapes.generate_content import GENERATE_CONTENT
from gateway.shapes.messages import MESSAGES
from gateway.shapes.responses import RESPONSES
from gateway.shapes.shape import Shape

_NOT_OF_THE_CONVENTIONS: Final = (Stop.PAUSED, Stop.MALFORMED)
_LONGEST_REASON: Final = 64


def read_answer(endpoint: str, answer: Fields) -> list[dict[str, Any]]:
    """The output messages of a whole answer."""
    if endpoint == "messages":
        return _message(answer)
    if endpoint == "responses":
        return _response(answer)
    if endpoint == "generate_content":
        return [_candidate(one) for one in answer.get("candidates") or ()]
    return [_choice(one) for one in answer.get("choices") or ()]


def _choice(choice: Fields) -> dict[str, Any]:
    reason = finish_reason(CHAT, choice.get("finish_reason"))
    if "text" in choice:
        return {"role": "assistant", "parts": [parts.text(choice["text"])], "finish_reason": reason}
    return {**chat_message(choice.get("message") or {}), "finish_reason": reason}


def _candidate(candidate: Fields) -> dict[str, Any]:
    message = google_message(candidate.get("content") or {})
    called = any(one["type"] == "tool_call" for one in message["parts"])
    reason = finish_reason(GENERATE_CONTENT, candidate.get("finishReason"))
    if called and reason == Stop.FINISHED.value:
        reason = Stop.TOOL_CALL.value
    return {**message, "role": "assistant", "finish_reason": reason}


def _message(answer: Fields) -> list[dict[str, Any]]:
    if answer.get("type") != "message":
        return []
    made = [block_part(block) for block in parts.blocks(answer.get("content"))]
    return [{"role": "assistant", "parts": made, "finish_reason": finish_reason(MESSAGES, answer.get("stop_reason"))}]


def _response(answer: Fields) -> list[dict[str, Any]]:
    made: list[Part] = []
    for item in answer.get("output") or ():
        made += response_item(item)[1]
    if not made:
        return []
    return [{"role": "assistant", "parts": made, "finish_reason": _end_of_response(answer, made)}]


def _end_of_response(answer: Fields, made: list[Part]) -> str:
    called = any(one["type"] == "tool_call" for one in made)
    return end_of_response(answer.get("status"), answer.get("incomplete_details"), called=called)


def end_of_response(status: Any, incomplete_details: Any, *, called: bool) -> str:
    """Why a model stopped, by two members of a response; `called` says that there are calls in its output."""
    if status == "completed":
        return (Stop.TOOL_CALL if called else Stop.FINISHED).value
    return finish_reason(RESPONSES, incomplete_details.get("reason") if isinstance(incomplete_details, dict) else None)


def finish_reason(shape: Shape, stated: Any) -> str:
    """Why a model stopped, in the conventions' words; a word that they have none for stays as it is."""
    if not isinstance(stated, str):
        return Stop.FAILED.value
    stop = shape.events.stops.get(stated)
    if stop is None or stop in _NOT_OF_THE_CONVENTIONS:
        return stated[:_LONGEST_REASON]
    return stop._value_  # PERF: every traced answer is asked for it, and `value` goes through a function of Python's
