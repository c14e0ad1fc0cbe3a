"""OpenAI's Responses, whole and as its stream of typed, numbered events."""

from collections.abc import Iterator
from typing import Any

from gateway.providers.simulator.directives import Directives
from gateway.providers.simulator.openai_chat import text_of
from gateway.providers.simulator.reply import Prompt, Reply, compose, in_pieces, tokens, tokens_of
from gateway.providers.simulator.stream import Frames, identity, typed_frame

Json = dict[str, Any]


def prompt_of(body: Json) -> Prompt:
    """What a Responses request asks for."""
    given = body.get("input")
    last: Any = given
    if isinstance(given, list):
        items = [item for item in given if isinstance(item, dict)]
        last = items[-1] if items else {}
    answers_tool = isinstance(last, dict) and last.get("type") == "function_call_output"
    text = (
        text_of(last.get("output") if answers_tool else last.get("content"))
        if isinstance(last, dict)
        else text_of(last)
    )
    tools = {
        tool["name"]: tool.get("parameters") or {}
        for tool in body.get("tools") or ()
        if isinstance(tool, dict) and tool.get("type") == "function" and "name" in tool
    }
    choice = body.get("tool_choice")
    forced = choice.get("name") if isinstance(choice, dict) else "" if choice == "required" else None
    form = (body.get("text") or {}).get("format") or {}
    schema = (
        form.get("schema") if form.get("type") == "json_schema" else {} if form.get("type") == "json_object" else None
    )
    return Prompt(
        last_text=text,
        answers_tool=answers_tool,
        tools={} if choice == "none" else tools,
        forced_tool=forced,
        json_schema=schema,
        max_tokens=body.get("max_output_tokens"),
    )


def whole(body: Json, size: int, wishes: Directives) -> Json:
    """A `response`."""
    reply = compose(prompt_of(body), wishes)
    return _response(body, size, reply, [_item(body, reply, "completed")], _end(reply))


def compact(body: Json, size: int, wishes: Directives) -> Json:
    """A `response.compaction`: the user's messages, and one item for all that was said to them."""
    reply = compose(prompt_of(body), wishes)
    given = body["input"]
    items = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    kept = [item for item in items if item.get("role") == "user"]
    item = {"type": "compaction", "id": f"cmp_{identity(body)}", "encrypted_content": identity(body)}
    return {
        "id": f"resp_{identity(body)}",
        "object": "response.compaction",
        "created_at": 1_700_000_000,
        "output": [*kept, item],
        "usage": _usage(size, reply),
    }


def count(size: int) -> Json:
    """The answer of `input_tokens`."""
    return {"object": "response.input_tokens", "input_tokens": tokens_of(size)}


def stream(body: Json, size: int, wishes: Directives) -> Frames:
    """Created, in progress, the item with its parts, completed; every event with its `sequence_number`."""
    reply = compose(prompt_of(body), wishes)
    for number, event in enumerate(_stream_events(body, size, reply)):
        yield typed_frame({**event, "sequence_number": number})


def _stream_events(body: Json, size: int, reply: Reply) -> Iterator[Json]:
    begun = _response(body, size, reply, [], "in_progress")
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    item = _item(body, reply, "in_progress")
    yield {"type": "response.output_item.added", "output_index": 0, "item": item}
    at = {"item_id": item["id"], "output_index": 0}
    yield from _call_events(reply, at) if reply.call is not None else _text_events(reply, at)
    done = _item(body, reply, "completed")
    yield {"type": "response.output_item.done", "output_index": 0, "item": done}
    end = _end(reply)
    yield {"type": f"response.{end}", "response": _response(body, size, reply, [done], end)}


def _text_events(reply: Reply, at: Json) -> Iterator[Json]:
    where = {**at, "content_index": 0}
    yield {"type": "response.content_part.added", **where, "part": _part("")}
    for piece in reply.pieces:
        yield {"type": "response.output_text.delta", **where, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **where, "text": reply.text, "logprobs": []}
    yield {"type": "response.content_part.done", **where, "part": _part(reply.text)}


def _call_events(reply: Reply, at: Json) -> Iterator[Json]:
    assert reply.call is not None  # noqa: S101 - only asked for calls
    arguments = reply.call.arguments
    for piece in in_pieces(arguments):
        yield {"type": "response.function_call_arguments.delta", **at, "delta": piece}
    name = reply.call.name
    yield {"type": "response.function_call_arguments.done", **at, "arguments": arguments, "name": name}


def _part(text: str) -> Json:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item(body: Json, reply: Reply, status: str) -> Json:
    done = status == "completed"
    if reply.call is not None:
        return {
            "type": "function_call",
            "id": f"fc_{identity(body)}",
            "call_id": f"call_{identity(body)[:24]}",
            "name": reply.call.name,
            "arguments": reply.call.arguments if done else "",
            "status": status,
        }
    content = [_part(reply.text)] if done else []
    return {"type": "message", "id": f"msg_{identity(body)}", "role": "assistant", "status": status, "content": content}


def _end(reply: Reply) -> str:
    return "incomplete" if reply.finish == "length" else "completed"


def _response(body: Json, size: int, reply: Reply, output: list[Json], status: str) -> Json:
    over = status != "in_progress"
    return {
        "id": f"resp_{identity(body)}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": status,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": body.get("instructions"),
        "max_output_tokens": body.get("max_output_tokens"),
        "model": body["model"],
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls", True),
        "previous_response_id": body.get("previous_response_id"),
        "reasoning": {"effort": None, "summary": None},
        "store": body.get("store", True),
        "temperature": body.get("temperature", 1.0),
        "text": body.get("text") or {"format": {"type": "text"}},
        "tool_choice": body.get("tool_choice", "auto"),
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": _usage(size, reply) if over else None,
        "user": body.get("user"),
        "metadata": body.get("metadata") or {},
    }


def _usage(size: int, reply: Reply) -> Json:
    given = tokens_of(size)
    made = tokens(reply.call.arguments) + 4 if reply.call is not None else max(1, len(reply.pieces))
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }
