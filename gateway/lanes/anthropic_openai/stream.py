"""The chunks of a streamed chat completion become the events of a streamed Message.

Sources: https://platform.openai.com/docs/api-reference/chat/streaming,
https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from typing import Any

from gateway.lanes.anthropic_openai.blocks import ContentBlocks
from gateway.lanes.anthropic_openai.completion import Choice, Completion, Said, read_completion, read_usage
from gateway.lanes.anthropic_openai.message import message_id, stop_reason, usage_of
from gateway.lanes.base import Asked, UntranslatableAnswer, event
from gateway.usage import Usage


class ChunksToEvents:
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
            raise UntranslatableAnswer("The provider sent an error event in its stream.")
        chunk = read_completion(data)
        self._usage = read_usage(chunk) or self._usage
        choice = chunk.first
        return b"" if choice is None else self._start(chunk) + self._say(choice)

    def end(self) -> bytes:
        """The end of the Message, unless `[DONE]` has brought it already."""
        if self._ended:
            return b""
        if not self._started:
            raise UntranslatableAnswer("The provider's stream ended before it said anything.")
        written = self._blocks.close(stopped=self._finish_reason is not None)
        self._ended = True
        reason = stop_reason(self._finish_reason, uses_tools=self._blocks.uses_tools, refused=self._refused)
        delta = {"stop_reason": reason, "stop_sequence": None}
        return (
            written
            + event("message_delta", {"type": "message_delta", "delta": delta, "usage": usage_of(self._usage)})
            + event("message_stop", {"type": "message_stop"})
        )

    def _start(self, chunk: Completion) -> bytes:
        if self._started:
            return b""
        self._started = True
        message: dict[str, Any] = {
            "id": message_id(chunk.id, self._asked),
            "type": "message",
            "role": "assistant",
            "model": self._asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_of(self._usage),
        }
        return event("message_start", {"type": "message_start", "message": message})

    def _say(self, choice: Choice) -> bytes:
        said = choice.delta or choice.message or Said()
        self._refused = self._refused or bool(said.refused)
        written = [self._blocks.say(kind, words) for kind, words in said.pieces]
        written += [self._blocks.call(call) for call in said.calls]
        if choice.reason:
            written.append(self._blocks.close(stopped=True))
            self._finish_reason = choice.reason
        return b"".join(written)
