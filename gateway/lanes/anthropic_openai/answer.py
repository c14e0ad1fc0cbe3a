"""A chat completion becomes a Message, its chunks the events of a streamed one, and an error one of Anthropic's.

Sources: https://docs.anthropic.com/en/api/messages (response),
https://docs.anthropic.com/en/docs/build-with-claude/streaming, https://docs.anthropic.com/en/api/handling-stop-reasons,
https://docs.anthropic.com/en/api/errors, https://platform.openai.com/docs/api-reference/chat/streaming and
https://platform.openai.com/docs/guides/error-codes.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.anthropic_openai.blocks import TOOL_USE, ContentBlocks, signature_of
from gateway.lanes.anthropic_openai.completion import (
    Choice,
    Completion,
    Said,
    ToolCall,
    read_completion,
    read_usage,
)
from gateway.lanes.base import Asked, UntranslatableAnswer, call_id, event, no_words
from gateway.lanes.call_arguments import as_object
from gateway.lanes.provider_error import failed_within, read_error
from gateway.shapes.chat import EVENTS
from gateway.shapes.ending import Stop
from gateway.usage import Usage

_USABLE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STOP_REASONS: Final[Mapping[Stop, str]] = {Stop.LENGTH: "max_tokens", Stop.FILTERED: "refusal"}
_ERROR_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_SERVER_ERROR: Final = 500


def message(body: bytes, asked: Asked) -> bytes:
    """See `Translation.response`."""
    completion = read_completion(body)
    choice = completion.first
    if choice is None or choice.message is None:
        raise UntranslatableAnswer("it holds no message")
    answer = choice.message
    reason = _stop_reason(choice.reason, uses_tools=bool(answer.calls), refused=bool(answer.refused))
    blocks = list(_content(answer, asked))
    return msgspec.json.encode(_frame(completion.id, asked, blocks, reason, read_usage(completion)))


def _frame(
    given: Any, asked: Asked, content: list[dict[str, Any]], reason: str | None, usage: Usage | None
) -> dict[str, Any]:
    """A Message, whole or as it begins; its id is made from the completion's, where that has one that can be."""
    usable = isinstance(given, str) and _USABLE_ID.fullmatch(given)
    identifier = (
        given.removeprefix("chatcmpl-").removeprefix("msg_") if usable else asked.request_id.removeprefix("grq_")
    )
    return {
        "id": "msg_" + identifier,
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": _usage_of(usage),
    }


def _content(answer: Said, asked: Asked) -> Iterator[dict[str, Any]]:
    signature = signature_of(answer, asked)
    for kind, words in answer.pieces:
        signed = {"signature": signature} if kind == "thinking" else {}
        yield {"type": kind, kind: words, **signed}
    for position, call in enumerate(answer.calls):
        yield _tool_use(call, asked, position)


def _tool_use(call: ToolCall, asked: Asked, position: int) -> dict[str, Any]:
    """A call; arguments that are no JSON object, as models write them now and then, stand inside one."""
    if not call.name:
        raise UntranslatableAnswer("a tool call names no function")
    return {
        "type": "tool_use",
        "id": call_id(call.identifier, asked, position, TOOL_USE),
        "name": call.name,
        "input": msgspec.Raw(as_object(call.arguments).encode()),
    }


def _stop_reason(finish_reason: str | None, *, uses_tools: bool, refused: bool) -> str:
    """Why the model stopped. Calls decide over `stop`, which OpenAI says where the request forced the function."""
    if refused:
        return "refusal"
    known = EVENTS.stops.get(finish_reason or "", Stop.FINISHED)
    return _STOP_REASONS.get(known, "tool_use" if uses_tools else "end_turn")


def _usage_of(usage: Usage | None) -> dict[str, Any]:
    """Anthropic's usage: its `input_tokens` leave out what was read from and written to the cache."""
    usage = usage or Usage()
    cached = usage.cache_read_tokens + usage.cache_write_tokens
    stated: dict[str, Any] = {
        "input_tokens": max(0, usage.input_tokens - cached),
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "output_tokens": usage.output_tokens,
    }
    if usage.reasoning_tokens:
        stated["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return stated


class MessageStream:
    """See `StreamTranslator`. `message_delta` waits for the end, since OpenAI states usage behind everything else."""

    __slots__ = ("_asked", "_blocks", "_done", "_ended", "_finish_reason", "_refused", "_started", "_usage")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._blocks = ContentBlocks(asked)
        self._usage: Usage | None = None
        self._finish_reason: str | None = None
        self._refused = False
        self._started = False
        self._done = False
        self._ended = False

    @property
    def finished(self) -> bool:
        """Whether `[DONE]` or a `finish_reason` has come."""
        return self._done or self._finish_reason is not None

    def feed(self, event: str, data: bytes) -> bytes:
        """The events for one chunk; with `[DONE]`, those that end the Message."""
        data = data.strip()
        if self._ended or not data:
            return b""
        if data == b"[DONE]":
            written = self.end()
            self._done = True
            return written
        if event == "error":
            raise failed_within(data)
        chunk = read_completion(data)
        self._usage = read_usage(chunk) or self._usage
        choice = chunk.first
        return b"" if choice is None else self._start(chunk) + self._say(choice)

    def end(self) -> bytes:
        """The end of the Message, unless `[DONE]` has brought it already."""
        if self._ended:
            return b""
        if not self._started:
            raise UntranslatableAnswer("its stream ended before it said anything")
        written = self._blocks.close(stopped=self._finish_reason is not None)
        self._ended = True
        reason = _stop_reason(self._finish_reason, uses_tools=self._blocks.uses_tools, refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": None}
        return (
            written
            + event("message_delta", {"type": "message_delta", "delta": delta, "usage": _usage_of(self._usage)})
            + event("message_stop", {"type": "message_stop"})
        )

    def _start(self, chunk: Completion) -> bytes:
        if self._started:
            return b""
        self._started = True
        message = _frame(chunk.id, self._asked, [], None, self._usage)
        return event("message_start", {"type": "message_start", "message": message})

    def _say(self, choice: Choice) -> bytes:
        piece = choice.delta or choice.message or Said()
        self._refused = self._refused or bool(piece.refused)
        signature = signature_of(piece, self._asked)
        written = [self._blocks.say(kind, words, signature) for kind, words in piece.pieces]
        written += [self._blocks.call(call) for call in piece.calls]
        if choice.reason:
            written.append(self._blocks.close(stopped=True))
            self._finish_reason = choice.reason
        return b"".join(written)


def message_error(status: int, body: bytes) -> bytes:
    """See `Translation.error`. The provider's finer name stays as `code`: its own code, or else its type."""
    stated = read_error(body)
    kind = _ERROR_TYPES.get(status, "api_error" if status >= _SERVER_ERROR else "invalid_request_error")
    error: dict[str, Any] = {"type": kind, "message": stated.message or no_words(status)}
    code = stated.code or stated.type
    if code:
        error["code"] = code
    if stated.param is not None:
        error["param"] = stated.param
    return msgspec.json.encode({"type": "error", "error": error})
