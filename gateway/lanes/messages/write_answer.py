"""A Message, whole or in events, and an error in its place.

Sources: https://docs.anthropic.com/en/api/messages (response),
https://docs.anthropic.com/en/docs/build-with-claude/streaming, https://docs.anthropic.com/en/api/handling-stop-reasons
and https://docs.anthropic.com/en/api/errors.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.lanes.answer import Answer, Begun, Block, Called, Event, Refused, SaidText, Stopped, Thought, UsageStated
from gateway.lanes.base import Asked, UntranslatableAnswer, call_id, event, no_words
from gateway.lanes.call_arguments import as_object
from gateway.lanes.messages.opaque import beside_call, redacted, signature_of
from gateway.lanes.messages.write_blocks import TOOL_USE, ContentBlocks
from gateway.lanes.provider_error import ProviderError
from gateway.shapes.ending import Stop
from gateway.usage import Usage

_USABLE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STOP_REASONS: Final[Mapping[Stop | None, str]] = {Stop.LENGTH: "max_tokens", Stop.FILTERED: "refusal"}
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


def write_answer(answer: Answer, asked: Asked) -> bytes:
    """See `ClientSide`."""
    end = _ending(
        Stopped(answer.stop, answer.stopped_at),
        uses_tools=any(isinstance(block, Called) for block in answer.blocks),
        refuses=any(isinstance(block, Refused) for block in answer.blocks),
    )
    return msgspec.json.encode(_frame(answer.id, asked, _content(answer.blocks, asked), end, answer.usage))


def _content(blocks: Sequence[Block], asked: Asked) -> list[dict[str, Any]]:
    content: list[dict[str, Any]] = []
    calls = 0
    for block in blocks:
        if isinstance(block, Called):
            content += _called(block, calls, asked)
            calls += 1
        elif isinstance(block, SaidText | Refused):
            content += [{"type": "text", "text": block.text}] if block.text else []
        else:
            content += _thought(block, asked)
    return content


def _thought(thought: Thought, asked: Asked) -> list[dict[str, Any]]:
    if thought.text:
        signature = signature_of(thought.opaque, thought.text, asked.seal)
        return [{"type": "thinking", "thinking": thought.text, "signature": signature}]
    held = redacted(thought.opaque, "", asked.seal)
    return [] if held is None else [held]


def _called(call: Called, position: int, asked: Asked) -> list[dict[str, Any]]:
    """A call; arguments that are no JSON object, as models write them now and then, stand inside one."""
    if not call.name:
        raise UntranslatableAnswer("a tool call names no function")
    identifier = call_id(call.id, asked, position, TOOL_USE)
    arguments = msgspec.Raw(as_object(call.arguments).encode())
    use = {"type": "tool_use", "id": identifier, "name": call.name, "input": arguments}
    held = redacted(call.opaque, beside_call(identifier, call.name), asked.seal)
    return [use] if held is None else [use, held]


def _frame(
    given: str, asked: Asked, content: list[dict[str, Any]], end: dict[str, str | None], usage: Usage | None
) -> dict[str, Any]:
    """A Message, whole or as it begins; its id is made from the answer's, where that has one that can be."""
    usable = _USABLE_ID.fullmatch(given)
    identifier = (
        given.removeprefix("chatcmpl-").removeprefix("msg_") if usable else asked.request_id.removeprefix("grq_")
    )
    return {
        "id": "msg_" + identifier,
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": content,
        **end,
        "usage": _usage_of(usage),
    }


def _ending(stopped: Stopped, *, uses_tools: bool, refuses: bool) -> dict[str, str | None]:
    """Why the model stopped. Calls decide over an ordinary end, which OpenAI says where the request forced the tool."""
    if refuses:
        return {"stop_reason": "refusal", "stop_sequence": None}
    reason = _STOP_REASONS.get(stopped.stop)
    if reason is None and not uses_tools and stopped.stopped_at is not None:
        return {"stop_reason": "stop_sequence", "stop_sequence": stopped.stopped_at}
    return {"stop_reason": reason or ("tool_use" if uses_tools else "end_turn"), "stop_sequence": None}


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
    """See `StreamWriter`. `message_delta` waits for the end, since most state usage behind everything else."""

    __slots__ = ("_asked", "_blocks", "_id", "_started", "_stopped", "_usage")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._blocks = ContentBlocks(asked)
        self._usage: Usage | None = None
        self._id = ""
        self._started = False
        self._stopped = Stopped(None)

    def write(self, event: Event) -> bytes:
        """See `StreamWriter.write`."""
        if isinstance(event, UsageStated):
            self._usage = event.usage
            return b""
        if isinstance(event, Begun):
            self._id, self._usage = self._id or event.id, event.usage or self._usage
            return self._start()
        if isinstance(event, Stopped):
            self._stopped = event
        return self._start() + self._blocks.write(event)

    def end(self) -> bytes:
        """See `StreamWriter.end`."""
        if not self._started:
            raise UntranslatableAnswer("its stream ended before it said anything")
        written = self._blocks.write(self._stopped)
        end = _ending(self._stopped, uses_tools=self._blocks.uses_tools, refuses=self._blocks.refuses)
        return (
            written
            + event("message_delta", {"type": "message_delta", "delta": end, "usage": _usage_of(self._usage)})
            + event("message_stop", {"type": "message_stop"})
        )

    def _start(self) -> bytes:
        if self._started:
            return b""
        self._started = True
        message = _frame(self._id, self._asked, [], {"stop_reason": None, "stop_sequence": None}, self._usage)
        return event("message_start", {"type": "message_start", "message": message})


def write_error(status: int, stated: ProviderError) -> bytes:
    """See `ClientSide`. The provider's finer name stays as `code`: its own code, or else its type."""
    kind = _ERROR_TYPES.get(status, "api_error" if status >= _SERVER_ERROR else "invalid_request_error")
    error: dict[str, Any] = {"type": kind, "message": stated.message or no_words(status)}
    code = stated.code or stated.type
    if code:
        error["code"] = code
    if stated.param is not None:
        error["param"] = stated.param
    return msgspec.json.encode({"type": "error", "error": error})
