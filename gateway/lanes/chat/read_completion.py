"""Reading what a provider of OpenAI's chat shape answers, whole or in chunks.

Source: https://platform.openai.com/docs/api-reference/chat/object and `/chat/streaming`. `reasoning_content` and
`reasoning` are what compatible providers call the model's reasoning.
"""

from typing import Any, Final

import msgspec

from gateway.lanes.answer import Citation
from gateway.lanes.base import identifier, said
from gateway.lanes.call_arguments import written
from gateway.lanes.lenient import Reader
from gateway.lanes.provider_error import failed_within
from gateway.shapes.openai_usage import read_usage_object
from gateway.usage import Usage

_ABSENT: Final = msgspec.Raw()


class Function(msgspec.Struct):
    """The function that a call names, or a fragment of it; some servers state arguments as the object itself."""

    name: Any = None
    arguments: Any = None


class Custom(msgspec.Struct):
    """The tool that takes a text, or a fragment of what it is called with."""

    name: Any = None
    input: Any = None


class ToolCall(msgspec.Struct):
    """A call, or the part of one that a chunk adds. What is of another type than the reference says is not there."""

    index: Any = None
    id: Any = None
    function: Function | None = None
    custom: Custom | None = None
    extra_content: Any = None

    @property
    def name(self) -> str:
        """The tool's name, empty where there is none."""
        tool = self.custom or self.function
        return "" if tool is None else said(tool.name)

    @property
    def arguments(self) -> str:
        """The arguments, or a fragment of them, as text."""
        if self.custom is not None:
            return said(self.custom.input)
        return "" if self.function is None else written(self.function.arguments)

    @property
    def identifier(self) -> str:
        """The call's id, empty where there is none."""
        return identifier(self.id)


class Said(msgspec.Struct):
    """A message, or the part of one that a chunk adds."""

    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: Any = None
    tool_calls: list[ToolCall] | None = None
    annotations: Any = None
    function_call: Function | None = None

    @property
    def has_reasoning_content(self) -> bool:
        """Whether it was thought in the member that servers want back."""
        return bool(said(self.reasoning_content))

    @property
    def refused(self) -> str:
        """The words of a refusal."""
        return said(self.refusal)

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """What was thought and said, in order, each with its kind: `thinking` or `text`."""
        pieces = [("thinking", said(self.reasoning_content) or said(self.reasoning))]
        if isinstance(self.content, list | dict):
            pieces += _pieces(self.content if isinstance(self.content, list) else [self.content])
        else:
            pieces.append(("text", said(self.content)))
        return [piece for piece in pieces if piece[1]]

    @property
    def citations(self) -> list[Citation]:
        """The pages of the web that the text cites."""
        annotations = self.annotations if isinstance(self.annotations, list) else []
        cited = [one.get("url_citation") for one in annotations if isinstance(one, dict)]
        return [
            Citation(said(one.get("url")), said(one.get("title")), _place(one, "start_index"), _place(one, "end_index"))
            for one in cited
            if isinstance(one, dict) and said(one.get("url"))
        ]

    @property
    def calls(self) -> list[ToolCall]:
        """The calls, the one of the deprecated `function_call` included; a placeholder that says nothing is none."""
        calls = self.tool_calls or []
        if self.function_call is not None:
            calls = [*calls, ToolCall(function=self.function_call)]
        return [call for call in calls if call.name or call.identifier or call.arguments]


def _place(cited: dict[str, Any], name: str) -> int | None:
    place = cited.get(name)
    return place if type(place) is int and place >= 0 else None


def _pieces(chunks: list[Any]) -> list[tuple[str, str]]:
    """A content in chunks, as Mistral's reasoning models answer (https://docs.mistral.ai/capabilities/reasoning)."""
    pieces: list[tuple[str, str]] = []
    for chunk in chunks:
        if not isinstance(chunk, dict):
            pieces.append(("text", said(chunk)))
            continue
        thought = chunk.get("thinking")
        if isinstance(thought, list):
            thought = "".join([words for _, words in _pieces(thought)])
        pieces.append(("thinking", said(thought)))
        pieces.append(("text", said(chunk.get("text"))))
    joined: list[tuple[str, str]] = []
    for kind, words in pieces:
        if joined and words and joined[-1][0] == kind:
            joined[-1] = kind, joined[-1][1] + words
        elif words:
            joined.append((kind, words))
    return joined


class Choice(msgspec.Struct):
    """One of the alternatives; the gateway never asks for more than the first."""

    index: Any = None
    message: Said | None = None
    delta: Said | None = None
    finish_reason: Any = None

    @property
    def reason(self) -> str:
        """The finish reason, empty where there is none."""
        return said(self.finish_reason)


class Completion(msgspec.Struct):
    """An answer, or one chunk of it."""

    id: Any = None
    choices: list[Choice] | None = None
    usage: msgspec.Raw = _ABSENT
    error: Any = None

    @property
    def first(self) -> Choice | None:
        """The first alternative, where there is one."""
        return next((one for one in self.choices or () if type(one.index) is not int or one.index == 0), None)


_read = Reader(Completion, "chat completion")


def read_completion(data: bytes) -> Completion:
    """The answer or the chunk. Raises `UntranslatableAnswer` for anything else, error objects included."""
    completion = _read(data)
    if completion.error is not None:
        raise failed_within(data)
    if completion.first is not None and completion.first.reason == "error":
        raise failed_within(b"{}")
    return completion


def read_usage(completion: Completion) -> Usage | None:
    """The usage that the answer or the chunk states."""
    return None if completion.usage is _ABSENT else read_usage_object(bytes(completion.usage))
