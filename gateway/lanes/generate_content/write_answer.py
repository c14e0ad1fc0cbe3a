"""A `GenerateContentResponse`, whole or in chunks, and an error in its place (https://ai.google.dev/api/generate-content).

Calls are whole in a chunk, as Google's are; text and thoughts come as they are made.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    Block,
    CallBegun,
    Called,
    CallEnd,
    Event,
    RefusalPiece,
    Stopped,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.lanes.base import Asked, UntranslatableAnswer, call_id, event, no_words
from gateway.lanes.call_arguments import as_object, is_json_object
from gateway.lanes.generate_content.opaque import signature
from gateway.lanes.provider_error import ProviderError
from gateway.shapes import generate_content
from gateway.shapes.ending import Stop
from gateway.usage import Usage

_FINISH_REASONS: Final[Mapping[Stop | None, str]] = {
    Stop.LENGTH: "MAX_TOKENS",
    Stop.FILTERED: "SAFETY",
    Stop.MALFORMED: "MALFORMED_RESPONSE",
}
Json = dict[str, Any]
_NOTHING: Final[Json] = {"text": ""}
"""The part of a last chunk: Google's SDK keeps no turn of which a chunk has none."""


def write_answer(answer: Answer, asked: Asked) -> bytes:
    """See `ClientSide`."""
    calls = [block for block in answer.blocks if isinstance(block, Called)]
    parts = [part for block in answer.blocks if (part := _part(block, calls, asked)) is not None]
    return msgspec.json.encode(_response(asked, parts, _FINISH_REASONS.get(answer.stop, "STOP"), answer.usage))


def write_error(status: int, stated: ProviderError) -> bytes:
    """See `ClientSide`. The provider's finer name stays as the reason."""
    error = generate_content.status(status, stated.message or no_words(status))
    reason = stated.code or stated.type
    if reason:
        error["details"] = [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "provider"}
        ]
    return msgspec.json.encode({"error": error})


def _part(block: Block, calls: list[Called], asked: Asked) -> Json | None:
    if isinstance(block, Called):
        return _call(block, calls.index(block), asked)
    if isinstance(block, Thought):
        proof = signature(block.opaque, block.text, asked.seal)
        return {"text": block.text, "thought": True, **proof} if block.text or proof else None
    return {"text": block.text} if block.text else None


def _call(call: Called, position: int, asked: Asked) -> Json:
    if not call.name:
        raise UntranslatableAnswer("a tool call names no function")
    said = {
        "id": call_id(call.id, asked, position, "call"),
        "name": call.name,
        "args": msgspec.Raw(as_object(call.arguments).encode()),
    }
    return {"functionCall": said, **signature(call.opaque, call.name, asked.seal)}


def _response(asked: Asked, parts: list[Json], finish: str | None, usage: Usage | None) -> Json:
    candidate: Json = {"content": {"parts": parts, "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    stated = {} if usage is None else {"usageMetadata": _usage(usage)}
    identifier = asked.request_id.removeprefix("grq_")
    return {"candidates": [candidate], **stated, "modelVersion": asked.model, "responseId": identifier}


def _usage(usage: Usage) -> Json:
    """Usage in Google's form, where thoughts stand beside the rest of the output."""
    thoughts = min(usage.reasoning_tokens, usage.output_tokens)
    stated = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - thoughts,
        "totalTokenCount": usage.total_tokens,
    }
    if usage.cache_read_tokens:
        stated["cachedContentTokenCount"] = usage.cache_read_tokens
    if thoughts:
        stated["thoughtsTokenCount"] = thoughts
    return stated


class ContentStream:
    """See `StreamWriter`. Why the answer ended waits for the end, since most state usage behind everything else."""

    __slots__ = ("_asked", "_calls", "_count", "_stopped", "_thought", "_usage")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._calls: dict[int, tuple[CallBegun, list[str]]] = {}
        self._count = 0
        self._stopped = Stopped(None)
        self._thought: list[str] = []
        self._usage: Usage | None = None

    def write(self, event: Event) -> bytes:
        """See `StreamWriter.write`."""
        if isinstance(event, TextPiece | RefusalPiece):
            return self._say({"text": event.text}) if event.text else b""
        if isinstance(event, ThoughtPiece | ThoughtEnd):
            return self._think(event)
        if isinstance(event, CallBegun):
            self._calls[event.key] = (event, [])
        elif isinstance(event, ArgumentsPiece):
            if event.key not in self._calls:
                raise UntranslatableAnswer("it has arguments of a call that never began")
            self._calls[event.key][1].append(event.text)
        elif isinstance(event, CallEnd):
            return self._end_call(event)
        elif isinstance(event, Stopped):
            self._stopped = event
        elif isinstance(event, Begun | UsageStated):
            self._usage = event.usage or self._usage
        return b""

    def end(self) -> bytes:
        """See `StreamWriter.end`."""
        stop, open_calls = self._stopped.stop, tuple(self._calls.items())
        if stop is not Stop.LENGTH and any(
            pieces and not is_json_object("".join(pieces)) for _, (_, pieces) in open_calls
        ):
            raise UntranslatableAnswer("the arguments of a tool call break off")
        # Of a call that a limit cut short nothing is whole.
        ended = b"".join([self._end_call(CallEnd(key)) for key, _ in open_calls if stop is not Stop.LENGTH])
        return ended + event("", _response(self._asked, [_NOTHING], _FINISH_REASONS.get(stop, "STOP"), self._usage))

    def _think(self, thought: ThoughtPiece | ThoughtEnd) -> bytes:
        if isinstance(thought, ThoughtPiece):
            self._thought.append(thought.text)
            return self._say({"text": thought.text, "thought": True}) if thought.text else b""
        proof = signature(thought.opaque, "".join(self._thought), self._asked.seal)
        self._thought.clear()
        return self._say({"text": "", "thought": True, **proof}) if proof else b""

    def _end_call(self, ended: CallEnd) -> bytes:
        begun, pieces = self._calls.pop(ended.key, (None, []))
        if begun is None:
            return b""
        self._count += 1
        call = Called(begun.id, begun.name, "".join(pieces), ended.opaque)
        return self._say(_call(call, self._count - 1, self._asked))

    def _say(self, part: Json) -> bytes:
        return event("", _response(self._asked, [part], None, None))
