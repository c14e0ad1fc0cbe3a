"""Chat completions as OpenAI writes them: a whole one, the chunks of a streamed one, and the error in place of one.

Sources: https://platform.openai.com/docs/api-reference/chat/object,
https://platform.openai.com/docs/api-reference/chat-streaming and
https://platform.openai.com/docs/guides/error-codes.

Thinking goes into `reasoning_content`, as with other providers of OpenAI's shape, and what proves it into
`thinking_blocks`, which a client that hands them back may use in the next turn.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.answer import (
    Answer,
    ArgumentsPiece,
    Begun,
    CallBegun,
    Called,
    CallEnd,
    Citation,
    Cited,
    Event,
    RefusalPiece,
    SaidText,
    Stopped,
    TextEnd,
    TextPiece,
    Thought,
    ThoughtEnd,
    ThoughtPiece,
    UsageStated,
)
from gateway.lanes.base import Asked, UntranslatableAnswer, call_id, event, no_words
from gateway.lanes.call_arguments import is_json_object
from gateway.lanes.chat.opaque import extra_content, thinking_block
from gateway.lanes.provider_error import ProviderError
from gateway.shapes.ending import Stop
from gateway.usage import Usage

_SERVER_ERROR: Final = 500
_CALL: Final = "call"
_DONE: Final = b"data: [DONE]\n\n"
_FINISH_REASONS: Final[Mapping[Stop | None, str]] = {
    Stop.LENGTH: "length",
    Stop.TOOL_CALL: "tool_calls",
    Stop.FILTERED: "content_filter",
}


def write_answer(answer: Answer, asked: Asked) -> bytes:
    """A whole completion with one choice."""
    message = _message(answer, asked)
    reason = _finish_reason(answer.stop, calls="tool_calls" in message)
    whole: dict[str, Any] = {
        **_head(asked, "chat.completion"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
    }
    if answer.usage is not None:
        whole["usage"] = _usage(answer.usage)
    return msgspec.json.encode(whole)


def write_error(status: int, error: ProviderError) -> bytes:
    """An error in OpenAI's shape."""
    stated = {
        "message": error.message or no_words(status),
        "type": error.type or ("server_error" if status >= _SERVER_ERROR else "invalid_request_error"),
        "param": error.param,
        "code": error.code or None,
    }
    return msgspec.json.encode({"error": stated})


def _head(asked: Asked, kind: str) -> dict[str, Any]:
    identifier = "chatcmpl-" + asked.request_id.removeprefix("grq_")
    return {"id": identifier, "object": kind, "created": asked.created, "model": asked.model}


def _message(answer: Answer, asked: Asked) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    refusals: list[str] = []
    proofs: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    length = 0
    for block in answer.blocks:
        if isinstance(block, SaidText):
            annotations += [_annotation(cited, length, len(block.text)) for cited in block.citations]
            texts.append(block.text)
            length += len(block.text)
        elif isinstance(block, Called):
            calls.append(_call(block, asked, len(calls)))
        elif isinstance(block, Thought):
            thoughts.append(block.text)
            proof = None if block.opaque is None else thinking_block(asked.seal, block.text, block.opaque)
            proofs += [] if proof is None else [proof]
        else:
            refusals.append(block.text)
    said, refusal = "".join(texts) if texts else None, "".join(refusals) or None
    members: dict[str, Any] = {"role": "assistant", "content": said, "refusal": refusal}
    if annotations:
        members["annotations"] = annotations
    if any(thoughts):
        members["reasoning_content"] = "".join(thoughts)
    if proofs:
        members["thinking_blocks"] = proofs
    if calls:
        members["tool_calls"] = calls
    return members


def _call(called: Called, asked: Asked, position: int) -> dict[str, Any]:
    """A whole call; a function's without arguments has an empty object of them, since clients read them as JSON."""
    call: dict[str, Any] = {"id": call_id(called.id, asked, position, _CALL)}
    if called.is_custom:
        call |= {"type": "custom", "custom": {"name": called.name, "input": called.arguments}}
    else:
        call |= {"type": "function", "function": {"name": called.name, "arguments": called.arguments or "{}"}}
    return {**call, **extra_content(asked.seal, called.opaque, called.name)}


def _annotation(cited: Citation, begins: int, length: int) -> dict[str, Any]:
    """A citation of the block that begins at an offset of the content; one without a place is of all of the block."""
    citation = {
        "url": cited.url,
        "title": cited.title,
        "start_index": begins + (0 if cited.start is None else cited.start),
        "end_index": begins + (length if cited.end is None else cited.end),
    }
    return {"type": "url_citation", "url_citation": citation}


def _finish_reason(stop: Stop | None, *, calls: bool) -> str:
    """OpenAI's word for why a model stopped; `stop` for what it has no word for, and for calls that are not there."""
    return _FINISH_REASONS.get(stop, "stop") if calls or stop is not Stop.TOOL_CALL else "stop"


def _usage(usage: Usage) -> dict[str, Any]:
    """Usage in OpenAI's form, where the prompt's tokens include cached ones."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


class _Call:
    """A call on its way: its place among the calls, and what came of its arguments."""

    __slots__ = ("index", "is_custom", "name", "pieces")

    def __init__(self, index: int, begun: CallBegun) -> None:
        self.index = index
        self.name = begun.name
        self.is_custom = begun.is_custom
        self.pieces: list[str] = []


class CompletionStream:
    """See `StreamWriter`: the chunks of one completion, the role first, whatever comes first."""

    __slots__ = (
        "_asked",
        "_begun",
        "_calls",
        "_cited",
        "_count",
        "_ended",
        "_head",
        "_said",
        "_start",
        "_thought",
        "_thoughts",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._begun = False
        self._ended = False
        self._calls: dict[int, _Call] = {}
        self._count = 0
        self._usage: Usage | None = None
        self._head = _head(asked, "chat.completion.chunk")
        # What was said so far, and where in it the open block begins, in characters.
        self._said = 0
        self._start = 0
        self._cited = 0
        self._thought: list[str] = []
        self._thoughts = 0

    def write(self, event: Event) -> bytes:
        """See `StreamWriter.write`."""
        return _WRITERS[type(event)](self, event)

    def end(self) -> bytes:
        """See `StreamWriter.end`: the chunk with the usage, for a client that asked for it, and the last frame."""
        ended = b"" if self._ended else self.finish(Stopped(None))
        if self._asked.include_usage and self._usage is not None:
            ended += event("", {**self._head, "choices": [], "usage": _usage(self._usage)})
        return ended + _DONE

    def begin(self, _begun: Begun) -> bytes:
        """The chunk with the role, once."""
        return self._begin()

    def text(self, piece: TextPiece) -> bytes:
        """A chunk with more text."""
        self._said += len(piece.text)
        return self._say({"content": piece.text}) if piece.text else b""

    def end_text(self, _ended: TextEnd) -> bytes:
        """What is cited from here on stands in another block."""
        self._start = self._said
        return b""

    def cite(self, cited: Cited) -> bytes:
        """A chunk with a citation; entries of lists in deltas carry their place, as clients put them together."""
        self._cited += 1
        annotation = _annotation(cited.citation, self._start, self._said - self._start)
        return self._say({"annotations": [{"index": self._cited - 1, **annotation}]})

    def think(self, piece: ThoughtPiece) -> bytes:
        """A chunk with more thinking."""
        self._thought.append(piece.text)
        return self._say({"reasoning_content": piece.text}) if piece.text else b""

    def prove(self, ended: ThoughtEnd) -> bytes:
        """A chunk with a thinking block in one piece, if there is something to keep."""
        thought = "".join(self._thought)
        self._thought.clear()
        block = None if ended.opaque is None else thinking_block(self._asked.seal, thought, ended.opaque)
        if block is None:
            return b""
        self._thoughts += 1
        return self._say({"thinking_blocks": [{"index": self._thoughts - 1, **block}]})

    def refuse(self, piece: RefusalPiece) -> bytes:
        """A chunk with more of a refusal."""
        return self._say({"refusal": piece.text}) if piece.text else b""

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return self._chunk({"role": "assistant", "content": ""}, None)

    def _say(self, delta: dict[str, Any]) -> bytes:
        chunk = self._chunk(delta, None)
        return chunk if self._begun else self._begin() + chunk

    def call(self, begun: CallBegun) -> bytes:
        """The chunk that begins a call."""
        call = self._calls[begun.key] = _Call(self._count, begun)
        self._count += 1
        identifier = call_id(begun.id, self._asked, call.index, _CALL)
        opened: dict[str, Any] = {"index": call.index, "id": identifier}
        if begun.is_custom:
            opened |= {"type": "custom", "custom": {"name": begun.name, "input": ""}}
        else:
            opened |= {"type": "function", "function": {"name": begun.name, "arguments": ""}}
        return self._say({"tool_calls": [opened]})

    def arguments(self, piece: ArgumentsPiece) -> bytes:
        """A chunk with more of a call's arguments. Raises `UntranslatableAnswer`."""
        call = self._calls.get(piece.key)
        if call is None:
            raise UntranslatableAnswer("it has arguments of a call that never began")
        if not piece.text:
            return b""
        call.pieces.append(piece.text)
        member = {"custom": {"input": piece.text}} if call.is_custom else {"function": {"arguments": piece.text}}
        return self._say({"tool_calls": [{"index": call.index, **member}]})

    def end_call(self, ended: CallEnd) -> bytes:
        """The arguments of a function's call that has streamed none, which clients read as JSON at any rate.

        What the model wrote goes on as it is.
        """
        call = self._calls.get(ended.key)
        if call is None:
            return b""
        written = b"" if call.pieces or call.is_custom else self.arguments(ArgumentsPiece(ended.key, "{}"))
        del self._calls[ended.key]
        kept = extra_content(self._asked.seal, ended.opaque, call.name)
        if not kept:
            return written
        # OpenAI's SDK reads the arguments in every piece of a function's call.
        nothing_new = {} if call.is_custom else {"function": {"arguments": ""}}
        return written + self._say({"tool_calls": [{"index": call.index, **nothing_new, **kept}]})

    def finish(self, stopped: Stopped) -> bytes:
        """The chunk that says why the completion ended.

        Raises `UntranslatableAnswer` where a call broke off: it never ended, and its arguments are not whole, though no
        limit was the reason.
        """
        if self._ended:
            return b""
        stop, open_calls = stopped.stop, tuple(self._calls.items())
        if stop is not Stop.LENGTH and any(
            call.pieces and not call.is_custom and not is_json_object("".join(call.pieces)) for _, call in open_calls
        ):
            raise UntranslatableAnswer("the arguments of a tool call break off")
        self._ended = True
        ended = b"".join([self.end_call(CallEnd(key)) for key, _ in open_calls])
        return ended + self._begin() + self._chunk({}, _finish_reason(stop, calls=self._count > 0))

    def state_usage(self, stated: UsageStated) -> bytes:
        """Usage waits for the end."""
        self._usage = stated.usage
        return b""

    def _chunk(self, delta: dict[str, Any], reason: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        usage = {"usage": None} if self._asked.include_usage else {}
        return event("", {**self._head, "choices": [choice], **usage})


_WRITERS: Final[Mapping[type, Callable[[CompletionStream, Any], bytes]]] = {
    Begun: CompletionStream.begin,
    TextPiece: CompletionStream.text,
    TextEnd: CompletionStream.end_text,
    Cited: CompletionStream.cite,
    ThoughtPiece: CompletionStream.think,
    ThoughtEnd: CompletionStream.prove,
    RefusalPiece: CompletionStream.refuse,
    CallBegun: CompletionStream.call,
    ArgumentsPiece: CompletionStream.arguments,
    CallEnd: CompletionStream.end_call,
    Stopped: CompletionStream.finish,
    UsageStated: CompletionStream.state_usage,
}
