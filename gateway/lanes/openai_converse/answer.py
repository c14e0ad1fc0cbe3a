"""An answer of Converse becomes a chat completion, the events of ConverseStream chunks, and an error one of OpenAI's.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (response),
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html.

Reasoning goes into `reasoning_content`, as with other providers of OpenAI's shape; what proves it (signatures, redacted
reasoning) has no place there.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.base import Asked, UntranslatableAnswer, identifier, said, says_nothing
from gateway.lanes.call_arguments import written, written_raw
from gateway.lanes.chat_completion import (
    ANOTHER_MESSAGE,
    Chunks,
    completion,
    error_body,
    finish_reason,
    message,
    tool_call,
    usage_of,
)
from gateway.lanes.lenient import Reader
from gateway.lanes.provider_error import failed_within, read_error
from gateway.shapes import converse
from gateway.usage import Stated

_ABSENT: Final = msgspec.Raw()
_WHAT: Final = "answer of Converse"
_ERROR_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
}


class _ToolUse(msgspec.Struct, rename="camel"):
    tool_use_id: Any = None
    name: Any = None
    input: msgspec.Raw = _ABSENT

    @property
    def stated(self) -> tuple[str, str]:
        """Id and name, empty where they are not there."""
        return identifier(self.tool_use_id), said(self.name)


class _Text(msgspec.Struct):
    text: str | None = None


class _Reasoning(msgspec.Struct, rename="camel"):
    reasoning_text: _Text | None = None


class _Cited(msgspec.Struct):
    content: list[_Text] = []


class _Block(msgspec.Struct, rename="camel"):
    """One block; those that hold none of these are things that a completion cannot hold, such as images."""

    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    citations_content: _Cited | None = None


class _Message(msgspec.Struct):
    content: list[_Block]


class _Output(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct, rename="camel"):
    output: _Output
    stop_reason: str = ""


class _Start(msgspec.Struct, rename="camel"):
    tool_use: _ToolUse | None = None
    image: Any = None


class _Arguments(msgspec.Struct):
    input: Any = None


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _Arguments | None = None
    reasoning_content: _Text | None = None


class _BlockEvent(msgspec.Struct, rename="camel"):
    """A block begins, goes on or ends."""

    content_block_index: int
    start: _Start | None = None
    delta: _Delta | None = None


class _MessageStop(msgspec.Struct, rename="camel"):
    stop_reason: str


_read = Reader(_Answer, _WHAT)
_read_block = Reader(_BlockEvent, _WHAT)
_read_stop = Reader(_MessageStop, _WHAT)


def chat_completion(body: bytes, asked: Asked) -> bytes:
    """See `Translation.response`."""
    answer = _read(body)
    stated = converse.read_body(body)
    usage = None if stated is None else usage_of(stated.usage)
    answered = _message(answer.output.message.content, asked)
    reason = finish_reason(converse.EVENTS.stops.get(answer.stop_reason), calls="tool_calls" in answered)
    return completion(asked, answered, reason, usage)


def _message(blocks: list[_Block], asked: Asked) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in blocks:
        if block.text is not None:
            texts.append(block.text)
        elif block.tool_use is not None:
            stated, arguments = block.tool_use.stated, written_raw(block.tool_use.input)
            if not says_nothing(*stated, arguments):
                calls.append(tool_call(asked, len(calls), *stated, arguments))
        elif block.reasoning_content is not None:
            thought = block.reasoning_content.reasoning_text
            thoughts.append("" if thought is None else thought.text or "")
        elif block.citations_content is not None:
            texts.extend(generated.text or "" for generated in block.citations_content.content)
        else:
            raise UntranslatableAnswer("it holds content that a chat completion cannot hold")
    return message(texts, thoughts, calls)


def chat_error(status: int, body: bytes) -> bytes:
    """See `Translation.error`. The exception's name stays as `code`, where the body has it beside its header."""
    stated = read_error(body)
    return error_body(status, stated.message, _ERROR_TYPES.get(status, ""), stated.type or None)


class ChatStream:
    """See `StreamTranslator`. The stream's proper end is the event `metadata`, which follows `messageStop`."""

    __slots__ = ("_begun", "_chunks", "_stated", "_stopped", "finished")

    def __init__(self, asked: Asked) -> None:
        self._chunks = Chunks(asked)
        self._begun = False
        self._stopped = False
        self._stated: Stated | None = None
        self.finished = False

    def feed(self, event: str, data: bytes) -> bytes:
        """See `StreamTranslator.feed`; `event` is the message's `:event-type`, `data` its payload."""
        if event == "contentBlockDelta":
            return self._delta(_read_block(data))
        if event == "contentBlockStart":
            return self._block_start(_read_block(data))
        if event == "contentBlockStop":
            return self._chunks.end_call(_read_block(data).content_block_index)
        if event == "messageStart":
            if self._begun:
                raise UntranslatableAnswer(ANOTHER_MESSAGE)
            self._begun = True
            return self._chunks.begin()
        if event == "messageStop":
            self._stopped = True
            return self._chunks.finish(converse.EVENTS.stops.get(_read_stop(data).stop_reason))
        if event == "metadata":
            self._stated = converse.read_event(self._stated, data)
            self.finished = self._stopped
        elif event.endswith("Exception"):
            raise failed_within(data, event)
        return b""

    def end(self) -> bytes:
        """See `StreamTranslator.end`."""
        return self._chunks.end(None if self._stated is None else usage_of(self._stated.usage))

    def _block_start(self, block: _BlockEvent) -> bytes:
        start = block.start or _Start()
        if start.image is not None:
            raise UntranslatableAnswer("it holds an image, which a chat completion cannot hold")
        use = start.tool_use
        if use is None or says_nothing(*use.stated, ""):
            return b""
        return self._chunks.call(block.content_block_index, *use.stated)

    def _delta(self, block: _BlockEvent) -> bytes:
        delta = block.delta
        if delta is None:
            raise UntranslatableAnswer(f"it is no {_WHAT} (a delta without one)")
        if delta.text:
            return self._chunks.say({"content": delta.text})
        if delta.tool_use is not None:
            return self._chunks.arguments(block.content_block_index, written(delta.tool_use.input))
        if delta.reasoning_content is not None and delta.reasoning_content.text:
            return self._chunks.say({"reasoning_content": delta.reasoning_content.text})
        return b""
