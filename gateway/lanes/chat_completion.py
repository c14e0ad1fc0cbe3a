"""Chat completions as OpenAI writes them: the frame of a whole one, and the chunks of a streamed one.

Sources: https://platform.openai.com/docs/api-reference/chat/object and
https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.base import Asked, event
from gateway.shapes.ending import Stop
from gateway.usage import Usage

DONE: Final = b"data: [DONE]\n\n"
_FINISH_REASONS: Final[Mapping[Stop | None, str]] = {
    Stop.LENGTH: "length",
    Stop.TOOL_CALL: "tool_calls",
    Stop.FILTERED: "content_filter",
}


def completion_id(asked: Asked) -> str:
    """The completion's id, made from the request's."""
    return "chatcmpl-" + asked.request_id.removeprefix("grq_")


def completion(asked: Asked, message: dict[str, Any], reason: str, usage: dict[str, Any] | None) -> bytes:
    """A whole completion with one choice."""
    whole: dict[str, Any] = {
        "id": completion_id(asked),
        "object": "chat.completion",
        "created": asked.created,
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
    }
    if usage is not None:
        whole["usage"] = usage
    return msgspec.json.encode(whole)


def finish_reason(stop: Stop | None) -> str:
    """OpenAI's word for why a model stopped; `stop` for what it has no word for."""
    return _FINISH_REASONS.get(stop, "stop")


def usage_of(usage: Usage) -> dict[str, Any]:
    """Usage in OpenAI's form, where the prompt's tokens include cached ones."""
    cached = {"cached_tokens": usage.cache_read_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": cached,
    }


class Chunks:
    """Writes the chunks of one completion: the role first, whatever comes first."""

    __slots__ = ("_asked", "_begun", "_head")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun = False
        self._head = {
            "id": completion_id(asked),
            "object": "chat.completion.chunk",
            "created": asked.created,
            "model": asked.model,
        }

    def begin(self) -> bytes:
        """The chunk with the role, once."""
        if self._begun:
            return b""
        self._begun = True
        return self._chunk({"role": "assistant", "content": ""}, None)

    def say(self, delta: dict[str, Any]) -> bytes:
        """A chunk with something new."""
        return self.begin() + self._chunk(delta, None)

    def call(self, index: int, identifier: str, name: str) -> bytes:
        """The chunk that begins a tool call."""
        function = {"name": name, "arguments": ""}
        return self.say({"tool_calls": [{"index": index, "id": identifier, "type": "function", "function": function}]})

    def arguments(self, index: int, piece: str) -> bytes:
        """A chunk with more of a call's arguments."""
        return self.say({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})

    def finish(self, reason: str) -> bytes:
        """The chunk that says why the completion ended."""
        return self.begin() + self._chunk({}, reason)

    def end(self, usage: dict[str, Any] | None) -> bytes:
        """The chunk with the usage, for a client that asked for it, and the last frame."""
        if self._asked.include_usage and usage is not None:
            return event("", {**self._head, "choices": [], "usage": usage}) + DONE
        return DONE

    def _chunk(self, delta: dict[str, Any], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self._asked.include_usage else {}
        return event("", {**self._head, "choices": [choice], **usage})
