"""OpenAI chat completions and completions, whole and as a stream of chunks."""

from collections.abc import Iterator
from typing import Any

from gateway.providers.simulator.directives import Directives
from gateway.providers.simulator.reply import Prompt, Reply, compose, in_pieces, tokens, tokens_of
from gateway.providers.simulator.stream import Frames, data_frame, identity

Json = dict[str, Any]

_MOST_CHOICES = 128
_FINISH = {"stop": "stop", "length": "length", "tool": "tool_calls"}


def text_of(content: Any) -> str:
    """The text of a message's content, a string or a list of parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(text_of(part.get("text") or part.get("content")) for part in content if isinstance(part, dict))
    return ""


def prompt_of(body: Json) -> Prompt:
    """What a chat request asks for."""
    messages = [message for message in body["messages"] if isinstance(message, dict)]
    last = messages[-1] if messages else {}
    return Prompt(
        last_text=text_of(last.get("content")),
        answers_tool=last.get("role") == "tool",
        tools=_tools(body),
        forced_tool=_forced(body.get("tool_choice")),
        json_schema=_schema(body.get("response_format")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stops=_stops(body.get("stop")),
    )


def whole(body: Json, size: int, wishes: Directives) -> Json:
    """A `chat.completion`."""
    reply = compose(prompt_of(body), wishes)
    message: Json = {"role": "assistant", "content": reply.text, "refusal": None, "annotations": []}
    if reply.call is not None:
        message["content"] = None
        message["tool_calls"] = [_call(reply, body)]
    return {
        "id": f"chatcmpl-{identity(body)}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": body["model"],
        "choices": [
            {
                "index": index,
                "message": message,
                "logprobs": _logprobs(body, reply.pieces),
                "finish_reason": _FINISH[reply.finish],
            }
            for index in _choices(body)
        ],
        "usage": usage(body, size, reply),
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def stream(body: Json, size: int, wishes: Directives) -> Frames:
    """The chunks: the role first, then the text or the call, the finish, the usage where it is asked for, `[DONE]`."""
    reply = compose(prompt_of(body), wishes)
    reports = bool((body.get("stream_options") or {}).get("include_usage"))
    head: Json = {
        "id": f"chatcmpl-{identity(body)}",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": body["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }
    unreported: Json = {"usage": None} if reports else {}

    def chunks(delta: Json, finish: str | None = None) -> Frames:
        """One for each choice: they are told side by side."""
        piece = delta.get("content")
        logprobs = _logprobs(body, [piece]) if piece else None
        for index in _choices(body):
            choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
            yield data_frame({**head, "choices": [choice], **unreported})

    yield from chunks({"role": "assistant", "content": None if reply.call else "", "refusal": None})
    for delta in _deltas(reply, body):
        yield from chunks(delta)
    yield from chunks({}, _FINISH[reply.finish])
    if reports:
        yield data_frame({**head, "choices": [], "usage": usage(body, size, reply)})
    yield b"data: [DONE]\n\n"


def whole_text(body: Json, size: int, wishes: Directives) -> Json:
    """A `text_completion`, of the older endpoint."""
    reply = compose(_text_prompt(body), wishes)
    choices = [_text_choice(reply.text, reply.finish, index) for index in _choices(body)]
    return {**_text_head(body), "choices": choices, "usage": usage(body, size, reply)}


def stream_text(body: Json, size: int, wishes: Directives) -> Frames:
    """The older endpoint's stream."""
    reply = compose(_text_prompt(body), wishes)
    reports = bool((body.get("stream_options") or {}).get("include_usage"))
    for piece, finish in (*((one, None) for one in reply.pieces), ("", reply.finish)):
        for index in _choices(body):
            yield data_frame({**_text_head(body), "choices": [_text_choice(piece, finish, index)]})
    if reports:
        yield data_frame({**_text_head(body), "choices": [], "usage": usage(body, size, reply)})
    yield b"data: [DONE]\n\n"


def usage(body: Json, size: int, reply: Reply) -> Json:
    """Tokens of a call: four bytes of the body each, and one for every piece of each answer."""
    prompt, completion = tokens_of(size), max(1, len(reply.pieces))
    if reply.call is not None:
        completion = tokens(reply.call.arguments) + 4
    answers = len(_choices(body))
    completion, reasoning = completion * answers, 16 * answers if body.get("reasoning_effort") else 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion + reasoning,
        "total_tokens": prompt + completion + reasoning,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _choices(body: Json) -> range:
    return range(min(int(body.get("n") or 1), _MOST_CHOICES))


def _logprobs(body: Json, pieces: list[str]) -> Json | None:
    """How sure the simulator is of its words, where the request asks: always alike, and of no other word."""
    if body.get("logprobs") is not True:
        return None
    sure = [{"token": piece, "logprob": -0.1, "bytes": list(piece.encode()), "top_logprobs": []} for piece in pieces]
    return {"content": sure, "refusal": None}


def _call(reply: Reply, body: Json) -> Json:
    assert reply.call is not None  # noqa: S101 - only asked for calls
    function = {"name": reply.call.name, "arguments": reply.call.arguments}
    return {"id": f"call_{identity(body)[:24]}", "type": "function", "function": function}


def _deltas(reply: Reply, body: Json) -> Iterator[Json]:
    if reply.call is None:
        yield from ({"content": piece} for piece in reply.pieces)
        return
    call = _call(reply, body)
    yield {"tool_calls": [{"index": 0, **call, "function": {"name": reply.call.name, "arguments": ""}}]}
    for piece in in_pieces(reply.call.arguments):
        yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}


def _tools(body: Json) -> dict[str, Json]:
    if body.get("tool_choice") == "none":
        return {}
    declared = [tool.get("function") for tool in body.get("tools") or () if isinstance(tool, dict)]
    return {
        tool["name"]: tool.get("parameters") or {} for tool in declared if isinstance(tool, dict) and "name" in tool
    }


def _forced(choice: Any) -> str | None:
    if isinstance(choice, dict):
        function = choice.get("function")
        return str(function.get("name")) if isinstance(function, dict) else None
    return "" if choice == "required" else None


def _schema(response_format: Any) -> Json | None:
    if not isinstance(response_format, dict):
        return None
    if response_format.get("type") == "json_schema":
        schema = (response_format.get("json_schema") or {}).get("schema")
        return schema if isinstance(schema, dict) else {}
    return {} if response_format.get("type") == "json_object" else None


def _stops(stop: Any) -> tuple[str, ...]:
    if isinstance(stop, str):
        return (stop,)
    return tuple(one for one in stop if isinstance(one, str)) if isinstance(stop, list) else ()


def _text_prompt(body: Json) -> Prompt:
    prompt = body.get("prompt")
    text = prompt if isinstance(prompt, str) else str(prompt[0]) if isinstance(prompt, list) and prompt else ""
    return Prompt(last_text=text, max_tokens=body.get("max_tokens"), stops=_stops(body.get("stop")))


def _text_head(body: Json) -> Json:
    return {
        "id": f"cmpl-{identity(body)}",
        "object": "text_completion",
        "created": 1_700_000_000,
        "model": body["model"],
    }


def _text_choice(text: str, finish: str | None, index: int) -> Json:
    return {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
