"""Anthropic's Messages, whole and as its stream of events, and its token count."""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.providers.simulator.directives import Directives
from gateway.providers.simulator.openai_chat import text_of
from gateway.providers.simulator.reply import Prompt, Reply, compose, in_pieces, tokens, tokens_of
from gateway.providers.simulator.stream import Frames, identity, typed_frame

Json = dict[str, Any]

_FINISH = {"stop": "end_turn", "length": "max_tokens", "tool": "tool_use"}


def prompt_of(body: Json) -> Prompt:
    """What a Messages request asks for."""
    messages = [message for message in body["messages"] if isinstance(message, dict)]
    content = messages[-1].get("content") if messages else None
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    results = [part for part in parts if part.get("type") == "tool_result"]
    tools = {
        tool["name"]: tool.get("input_schema") or {}
        for tool in body.get("tools") or ()
        if isinstance(tool, dict) and "name" in tool
    }
    choice = body.get("tool_choice") or {}
    forced = {"tool": choice.get("name"), "any": ""}.get(str(choice.get("type")))
    return Prompt(
        last_text=text_of(results[-1].get("content")) if results else text_of(content),
        answers_tool=bool(results),
        tools={} if choice.get("type") == "none" else tools,
        forced_tool=forced,
        json_schema=_schema(body),
        max_tokens=body.get("max_tokens"),
        stops=tuple(stop for stop in body.get("stop_sequences") or () if isinstance(stop, str)),
    )


def whole(body: Json, size: int, wishes: Directives) -> Json:
    """A `message`."""
    reply = compose(prompt_of(body), wishes)
    message = _message(body, size)
    message["content"] = [_block(body, reply)]
    message.update(_stop(reply))
    message["usage"]["output_tokens"] = _output_tokens(reply)
    return message


def stream(body: Json, size: int, wishes: Directives) -> Frames:
    """Message start, one block with its deltas, message delta with the usage, message stop."""
    reply = compose(prompt_of(body), wishes)
    for event in _stream_events(body, size, reply):
        yield typed_frame(event)


def count(body: Json, size: int) -> Json:
    """The answer of `count_tokens`."""
    return {"input_tokens": _input_tokens(body, size)["input_tokens"]}


def _stream_events(body: Json, size: int, reply: Reply) -> Iterator[Json]:
    yield {"type": "message_start", "message": _message(body, size)}
    block = _block(body, reply)
    empty = {**block, "input": {}} if reply.call is not None else {**block, "text": ""}
    yield {"type": "content_block_start", "index": 0, "content_block": empty}
    yield {"type": "ping"}
    for delta in _deltas(reply):
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": _stop(reply),
        "usage": {"output_tokens": _output_tokens(reply)},
    }
    yield {"type": "message_stop"}


def _deltas(reply: Reply) -> Iterator[Json]:
    if reply.call is None:
        yield from ({"type": "text_delta", "text": piece} for piece in reply.pieces)
        return
    yield {"type": "input_json_delta", "partial_json": ""}
    yield from ({"type": "input_json_delta", "partial_json": piece} for piece in in_pieces(reply.call.arguments))


def _stop(reply: Reply) -> Json:
    reason = _FINISH[reply.finish] if reply.stopped_at is None else "stop_sequence"
    return {"stop_reason": reason, "stop_sequence": reply.stopped_at}


def _schema(body: Json) -> Json | None:
    """The schema of a structured answer (https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs)."""
    form = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    schema = form.get("schema") if form.get("type") == "json_schema" else None
    return schema if isinstance(schema, dict) else None


def _message(body: Json, size: int) -> Json:
    return {
        "id": f"msg_{identity(body)[:24]}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**_input_tokens(body, size), "output_tokens": 1, "service_tier": "standard"},
    }


def _block(body: Json, reply: Reply) -> Json:
    if reply.call is None:
        return {"type": "text", "text": reply.text}
    arguments = msgspec.json.decode(reply.call.arguments)
    return {"type": "tool_use", "id": f"toolu_{identity(body)[:24]}", "name": reply.call.name, "input": arguments}


def _input_tokens(body: Json, size: int) -> Json:
    """A body with cache marks reads half of its prompt from a cache."""
    total = tokens_of(size)
    cached = total // 2 if b'"cache_control"' in msgspec.json.encode(body) else 0
    return {"input_tokens": total - cached, "cache_creation_input_tokens": 0, "cache_read_input_tokens": cached}


def _output_tokens(reply: Reply) -> int:
    return tokens(reply.call.arguments) + 4 if reply.call is not None else max(1, len(reply.pieces))
