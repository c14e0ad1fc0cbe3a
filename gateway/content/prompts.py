"""Request bodies as the conventions write them: messages, instructions and tools. One function for each endpoint."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.content import parts
from gateway.content.messages import block_part, camel_case, chat_message, google_message, listed, response_item
from gateway.content.parts import Fields, Part


class Prompt(msgspec.Struct, frozen=True):
    """What a request says to a model."""

    messages: Sequence[dict[str, Any]] = ()
    system: Sequence[Part] = ()
    tools: Sequence[dict[str, Any]] = ()


def _chat_completions(body: Fields) -> Prompt:
    functions = [{"type": "function", "function": one} for one in body.get("functions") or ()]
    return Prompt(
        messages=[chat_message(one) for one in body.get("messages") or ()],
        tools=[_tool(one) for one in (*(body.get("tools") or ()), *functions)],
    )


def _messages(body: Fields) -> Prompt:
    return Prompt(
        messages=[
            {"role": one.get("role"), "parts": [block_part(block) for block in parts.blocks(one.get("content"))]}
            for one in body.get("messages") or ()
        ],
        system=[block_part(block) for block in parts.blocks(body.get("system"))],
        tools=[_tool(one) for one in body.get("tools") or ()],
    )


def _responses(body: Fields) -> Prompt:
    asked = body.get("input")
    items = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked or []
    messages = [{"role": role, "parts": made} for role, made in map(response_item, items)]
    system = [parts.text(body["instructions"])] if isinstance(body.get("instructions"), str) else []
    return Prompt(messages, system, [_tool(one) for one in body.get("tools") or ()])


def _generate_content(body: Fields) -> Prompt:
    body = {camel_case(name): value for name, value in body.items()}
    system = google_message(body["systemInstruction"])["parts"] if body.get("systemInstruction") else []
    tools: list[dict[str, Any]] = []
    for tool in listed(body.get("tools")):
        for name, value in tool.items():
            declares = camel_case(name) == "functionDeclarations"
            tools += [{"type": "function", **one} for one in listed(value)] if declares else [{"name": name, **tool}]
    return Prompt([google_message(one) for one in listed(body.get("contents"))], system, tools)


def _completions(body: Fields) -> Prompt:
    return Prompt(_texts(body.get("prompt")))


def _embeddings(body: Fields) -> Prompt:
    return Prompt(_texts(body.get("input")))


def _texts(asked: Any) -> list[dict[str, Any]]:
    """Texts as messages of a user; tokens, which are numbers, say nothing to a reader and are left out."""
    texts = [asked] if isinstance(asked, str) else asked if isinstance(asked, list) else []
    return [{"role": "user", "parts": [parts.text(one)]} for one in texts if isinstance(one, str)]


def _tool(tool: Fields) -> dict[str, Any]:
    """A definition in one form, whichever API it is of; hosted tools stay as they are."""
    function = tool.get("function")
    if isinstance(function, Mapping):
        return {"type": "function", **function}
    if "input_schema" in tool:
        rest = {name: value for name, value in tool.items() if name not in ("input_schema", "cache_control", "type")}
        return {"type": "function", **rest, "parameters": tool["input_schema"]}
    return {"name": tool.get("type"), **tool}


PROMPTS: Final[Mapping[str, Callable[[Fields], Prompt]]] = {
    "chat_completions": _chat_completions,
    "messages": _messages,
    "responses": _responses,
    "completions": _completions,
    "embeddings": _embeddings,
    "generate_content": _generate_content,
}
