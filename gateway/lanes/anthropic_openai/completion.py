"""Reading what a provider of OpenAI's chat shape answers, whole or in chunks.

Source: https://platform.openai.com/docs/api-reference/chat/object and `/chat/streaming`. `reasoning_content` and
`reasoning` are what compatible providers call the model's reasoning.
"""

from typing import Any, Final

import msgspec

from gateway.lanes.base import UntranslatableAnswer
from gateway.shapes.openai_usage import read_usage_object
from gateway.usage import Usage
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_ABSENT: Final = msgspec.Raw()


class Function(msgspec.Struct):
    """The function that a call names, or a fragment of it."""

    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    """A call, or the part of one that a chunk adds."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: Function | None = None


class Said(msgspec.Struct):
    """A message, or the part of one that a chunk adds."""

    content: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None

    @property
    def thought(self) -> str:
        """The reasoning, where the provider shows it."""
        for stated in (self.reasoning_content, self.reasoning):
            if isinstance(stated, str) and stated:
                return stated
        return ""

    @property
    def calls(self) -> list[ToolCall]:
        """The calls, the one of the deprecated `function_call` included."""
        calls = self.tool_calls or []
        return calls if self.function_call is None else [*calls, ToolCall(function=self.function_call)]


class Choice(msgspec.Struct):
    """One of the alternatives; the gateway never asks for more than the first."""

    index: int | None = None
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None


class Completion(msgspec.Struct):
    """An answer, or one chunk of it."""

    id: Any = None
    choices: list[Choice] | None = None
    usage: msgspec.Raw = _ABSENT
    error: Any = None

    @property
    def first(self) -> Choice | None:
        """The first alternative, where there is one."""
        return next((choice for choice in self.choices or () if not choice.index), None)


_decode = msgspec.json.Decoder(Completion).decode


def read_completion(data: bytes) -> Completion:
    """The answer or the chunk. Raises `UntranslatableAnswer` for anything else, error objects included."""
    try:
        completion = _decode(data)
    except UNREADABLE:
        completion = _read_mended(data)
    if completion.error is not None:
        raise UntranslatableAnswer("The provider sent an error object in the place of an answer.")
    if completion.first is not None and completion.first.finish_reason == "error":
        raise UntranslatableAnswer("The provider says that it failed within the answer.")
    return completion


def read_usage(completion: Completion) -> Usage | None:
    """The usage that the answer or the chunk states."""
    return None if completion.usage is _ABSENT else read_usage_object(bytes(completion.usage))


def _read_mended(data: bytes) -> Completion:
    """Reads text that was cut within a pair of surrogates, which msgspec refuses and JSON allows."""
    try:
        return _decode(without_lone_surrogates(data))
    except UNREADABLE as problem:
        raise UntranslatableAnswer(f"The provider's answer is no chat completion: {type(problem).__name__}.") from None
