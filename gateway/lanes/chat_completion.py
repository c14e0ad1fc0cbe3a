"""Chat completions as OpenAI writes them: a whole one, the chunks of a streamed one, and the error in place of one.

Sources: https://platform.openai.com/docs/api-reference/chat/object,
https://platform.openai.com/docs/api-reference/chat-streaming and
https://platform.openai.com/docs/guides/error-codes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.lanes.base import Asked, UntranslatableAnswer, call_id, event, no_words
from gateway.lanes.call_arguments import is_json_object
from gateway.shapes.ending import Stop
from gateway.usage import Usage

_SERVER_ERROR: Final = 500
ANOTHER_MESSAGE: Final = "another message begins within it"
"""What is wrong with a stream that starts anew: what was said before was never finished."""

_CALL: Final = "call"
_DONE: Final = b"data: [DONE]\n\n"
_FINISH_REASONS: Final[Mapping[Stop | None, str]] = {
    Stop.LENGTH: "length",
    Stop.TOOL_CALL: "tool_calls",
    Stop.FILTERED: "content_filter",
}


def _completion_id(asked: Asked) -> str:
    """The completion's id, made from the request's."""
    return "chatcmpl-" + asked.request_id.removeprefix("grq_")


def completion(asked: Asked, message: dict[str, Any], reason: str, usage: dict[str, Any] | None) -> bytes:
    """A whole completion with one choice."""
    whole: dict[str, Any] = {
        "id": _completion_id(asked),
        "object": "chat.completion",
        "created": asked.created,
        "model": asked.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
    }
    if usage is not None:
        whole["usage"] = usage
    return msgspec.json.encode(whole)


def message(
    texts: Sequence[str],
    thoughts: Sequence[str],
    calls: Sequence[dict[str, Any]],
    *,
    refusal: str | None = None,
    thinking_blocks: Sequence[dict[str, str]] = (),
) -> dict[str, Any]:
    """The assistant's message, of what was said, thought and called in it."""
    members: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": refusal}
    if any(thoughts):
        members["reasoning_content"] = "".join(thoughts)
    if thinking_blocks:
        members["thinking_blocks"] = thinking_blocks
    if calls:
        members["tool_calls"] = calls
    return members


def tool_call(asked: Asked, position: int, identifier: str, name: str, arguments: str) -> dict[str, Any]:
    """A whole call; one without arguments has an empty object of them, since clients read them as JSON."""
    function = {"name": name, "arguments": arguments or "{}"}
    return {"id": call_id(identifier, asked, position, _CALL), "type": "function", "function": function}


def finish_reason(stop: Stop | None, *, calls: bool) -> str:
    """OpenAI's word for why a model stopped; `stop` for what it has no word for, and for calls that are not there."""
    return _FINISH_REASONS.get(stop, "stop") if calls or stop is not Stop.TOOL_CALL else "stop"


def usage_of(usage: Usage) -> dict[str, Any]:
    """Usage in OpenAI's form, where the prompt's tokens include cached ones."""
    cached = {"cached_tokens": usage.cache_read_tokens, "cache_write_tokens": usage.cache_write_tokens}
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": cached,
    }


def error_body(status: int, message: str, kind: str, code: str | None = None) -> bytes:
    """An error in OpenAI's shape; message and kind are empty where the provider stated none."""
    kind = kind or ("server_error" if status >= _SERVER_ERROR else "invalid_request_error")
    error = {"message": message or no_words(status), "type": kind, "param": None, "code": code}
    return msgspec.json.encode({"error": error})


class _Call:
    """A call on its way: its place among the calls, what came of its arguments, and what they are if nothing comes."""

    __slots__ = ("index", "pieces", "unsaid")

    def __init__(self, index: int, unsaid: str) -> None:
        self.index = index
        self.unsaid = unsaid
        self.pieces: list[str] = []


class Chunks:
    """Writes the chunks of one completion: the role first, whatever comes first.

    A call is known by the block of the source that it comes in.
    """

    __slots__ = ("_asked", "_begun", "_calls", "_count", "_head")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun = False
        self._calls: dict[int, _Call] = {}
        self._count = 0
        self._head = {
            "id": _completion_id(asked),
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
        chunk = self._chunk(delta, None)
        return chunk if self._begun else self.begin() + chunk

    def call(self, block: int, identifier: str, name: str, unsaid: str = "{}") -> bytes:
        """The chunk that begins a tool call, whose arguments are `unsaid` if none come."""
        call = self._calls[block] = _Call(self._count, unsaid)
        self._count += 1
        identifier = call_id(identifier, self._asked, call.index, _CALL)
        function = {"name": name, "arguments": ""}
        begun = {"index": call.index, "id": identifier, "type": "function", "function": function}
        return self.say({"tool_calls": [begun]})

    def arguments(self, block: int, piece: str) -> bytes:
        """A chunk with more of a call's arguments. Raises `UntranslatableAnswer`."""
        call = self._calls.get(block)
        if call is None:
            raise UntranslatableAnswer("it has arguments of a call that never began")
        if not piece:
            return b""
        call.pieces.append(piece)
        return self.say({"tool_calls": [{"index": call.index, "function": {"arguments": piece}}]})

    def end_call(self, block: int) -> bytes:
        """The chunk with the arguments of a call that has streamed none, which clients read as JSON at any rate.

        What the model wrote goes on as it is.
        """
        call = self._calls.get(block)
        written = b"" if call is None or call.pieces else self.arguments(block, call.unsaid)
        self._calls.pop(block, None)
        return written

    def finish(self, stop: Stop | None) -> bytes:
        """The chunk that says why the completion ended.

        Raises `UntranslatableAnswer` where a call broke off: it never ended, and its arguments are not whole, though no
        limit was the reason.
        """
        if stop is not Stop.LENGTH and any(
            call.pieces and not is_json_object("".join(call.pieces)) for call in self._calls.values()
        ):
            raise UntranslatableAnswer("the arguments of a tool call break off")
        ended = b"".join([self.end_call(block) for block in tuple(self._calls)])
        return ended + self.begin() + self._chunk({}, finish_reason(stop, calls=self._count > 0))

    def end(self, usage: dict[str, Any] | None) -> bytes:
        """The chunk with the usage, for a client that asked for it, and the last frame."""
        if self._asked.include_usage and usage is not None:
            return event("", {**self._head, "choices": [], "usage": usage}) + _DONE
        return _DONE

    def _chunk(self, delta: dict[str, Any], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self._asked.include_usage else {}
        return event("", {**self._head, "choices": [choice], **usage})
