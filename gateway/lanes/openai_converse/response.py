"""An answer of Converse becomes a chat completion.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html (response),
https://platform.openai.com/docs/api-reference/chat/object. Reasoning goes into `reasoning_content`, as with other
providers of OpenAI's shape; what proves it (signatures, redacted reasoning) has no place there.
"""

from typing import Any, Final

import msgspec

from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.chat_completion import completion, finish_reason, usage_of
from gateway.lanes.openai_converse.completion import read
from gateway.shapes.converse import EVENTS, read_body

_ABSENT: Final = msgspec.Raw()


class _ToolUse(msgspec.Struct, rename="camel"):
    tool_use_id: str
    name: str
    input: msgspec.Raw = _ABSENT


class _ReasoningText(msgspec.Struct):
    text: str = ""


class _Reasoning(msgspec.Struct, rename="camel"):
    reasoning_text: _ReasoningText | None = None


class _Generated(msgspec.Struct):
    text: str = ""


class _Cited(msgspec.Struct):
    content: list[_Generated] = []


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


_decode = msgspec.json.Decoder(_Answer).decode


def translate_response(body: bytes, asked: Asked) -> bytes:
    """See `Translation.response`."""
    answer = read(_decode, body)
    message = _message(answer.output.message.content)
    stated = read_body(body)
    usage = None if stated is None else usage_of(stated.usage)
    return completion(asked, message, finish_reason(EVENTS.stops.get(answer.stop_reason)), usage)


def _message(blocks: list[_Block]) -> dict[str, Any]:
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[dict[str, Any]] = []
    for block in blocks:
        if block.text is not None:
            texts.append(block.text)
        elif block.tool_use is not None:
            calls.append(_tool_call(block.tool_use))
        elif block.reasoning_content is not None:
            thought = block.reasoning_content.reasoning_text
            thoughts.append("" if thought is None else thought.text)
        elif block.citations_content is not None:
            texts.extend(generated.text for generated in block.citations_content.content)
        else:
            raise UntranslatableAnswer("it holds content that a chat completion cannot hold")
    message: dict[str, Any] = {"role": "assistant", "content": "".join(texts) if texts else None, "refusal": None}
    if any(thoughts):
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return message


def _tool_call(use: _ToolUse) -> dict[str, Any]:
    arguments = bytes(use.input).decode() or "{}"
    return {"id": use.tool_use_id, "type": "function", "function": {"name": use.name, "arguments": arguments}}
