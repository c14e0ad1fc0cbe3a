"""A stream of events as the whole answer that it would have been; of one that was cut short, what came of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.content.parts import Fields
from gateway.wire.json_array import ArrayElements
from gateway.wire.sse_events import events_in

Answer = dict[str, Any]
_JOINED: Final = ("content", "refusal", "reasoning_content", "reasoning", "text", "arguments", "name", "input")


def assembled(stream: bytes) -> Answer:
    """The answer that a stream of any of the APIs tells in pieces. Raises `msgspec.DecodeError`."""
    answer: Answer = {}
    if stream.lstrip().startswith(b"["):
        for chunk in ArrayElements().feed(stream):
            _candidates(answer, msgspec.json.decode(chunk))
        return answer
    for data in _data_in(stream):
        if not data or data == b"[DONE]":
            continue
        event = msgspec.json.decode(data)
        kind = str(event.get("type", ""))
        if "choices" in event:
            _choices(answer, event)
        elif "candidates" in event:
            _candidates(answer, event)
        elif kind.startswith("response."):
            _response(answer, event, kind)
        elif (fold := _ANTHROPIC.get(kind)) is not None:
            fold(answer, event)
    return answer


def _data_in(stream: bytes) -> Iterator[bytes]:
    """The data of each whole event. PERF: nearly every stream has line feeds alone, which are split far faster."""
    if b"\r" in stream:
        yield from (data for _, data in events_in(stream, whole=True))
        return
    for event in stream.split(b"\n\n")[:-1]:
        lines = event.split(b"\n")
        yield b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))


def _choices(answer: Answer, event: Fields) -> None:
    """Chat completions and completions: deltas by choice, and within it by tool call."""
    choices = answer.setdefault("choices", [])
    for piece in event["choices"]:
        choice = _at(choices, piece.get("index") or 0)
        if piece.get("finish_reason") is not None:
            choice["finish_reason"] = piece["finish_reason"]
        if "text" in piece:
            _join(choice, {"text": piece["text"]})
        delta = dict(piece.get("delta") or {})
        message = choice.setdefault("message", {"role": "assistant"})
        for call in delta.pop("tool_calls", None) or ():
            told = _at(message.setdefault("tool_calls", []), call.get("index") or 0)
            told["id"] = call.get("id") or told.get("id")
            _join(told.setdefault("function", {}), call.get("function") or {})
        if isinstance(delta.get("function_call"), Mapping):
            _join(message.setdefault("function_call", {}), delta.pop("function_call"))
        _join(message, delta)


def _candidates(answer: Answer, event: Fields) -> None:
    """Gemini's own API: parts by candidate, of which texts that follow each other are one."""
    candidates = answer.setdefault("candidates", [])
    for piece in event.get("candidates") or ():
        candidate = _at(candidates, piece.get("index") or 0)
        if piece.get("finishReason") is not None:
            candidate["finishReason"] = piece["finishReason"]
        content = candidate.setdefault("content", {"role": "model", "parts": []})
        for part in (piece.get("content") or {}).get("parts") or ():
            last = content["parts"][-1] if content["parts"] else {}
            is_text = isinstance(part.get("text"), str) and isinstance(last.get("text"), str)
            if is_text and last.get("thought") == part.get("thought"):
                last["text"] += part["text"]
            else:
                content["parts"].append(dict(part))


def _message_start(answer: Answer, event: Fields) -> None:
    answer.update(event.get("message") or {}, type="message", content=[])


def _block_start(answer: Answer, event: Fields) -> None:
    block = _at(answer.setdefault("content", []), event.get("index") or 0)
    block.update(event.get("content_block") or {})


def _block_delta(answer: Answer, event: Fields) -> None:
    block, delta = _at(answer.setdefault("content", []), event.get("index") or 0), event.get("delta") or {}
    for name, piece in (("text", delta.get("text")), ("thinking", delta.get("thinking"))):
        if isinstance(piece, str):
            block[name] = (block.get(name) or "") + piece
    if isinstance(delta.get("partial_json"), str):
        so_far = block.get("input")
        block["input"] = (so_far if isinstance(so_far, str) else "") + delta["partial_json"]


def _message_delta(answer: Answer, event: Fields) -> None:
    answer["stop_reason"] = (event.get("delta") or {}).get("stop_reason") or answer.get("stop_reason")


_ANTHROPIC: Final[Mapping[str, Callable[[Answer, Fields], None]]] = {
    "message_start": _message_start,
    "content_block_start": _block_start,
    "content_block_delta": _block_delta,
    "message_delta": _message_delta,
}


def _response(answer: Answer, event: Fields, kind: str) -> None:
    """Responses: the last event has it all; until then, items that are done, and the text of those that are not."""
    output = answer.setdefault("output", [])
    if kind in ("response.completed", "response.incomplete", "response.failed"):
        answer.update(event["response"])
    elif kind in ("response.output_item.added", "response.output_item.done"):
        _at(output, event.get("output_index") or 0).update(event["item"])
    elif kind == "response.output_text.delta":
        item = _at(output, event.get("output_index") or 0)
        block = _at(_list(item, "content"), event.get("content_index") or 0)
        block["type"] = "output_text"
        _join(block, {"text": event.get("delta")})
    elif kind == "response.function_call_arguments.delta":
        _join(_at(output, event.get("output_index") or 0), {"arguments": event.get("delta")})


def _join(into: Answer, pieces: Fields) -> None:
    """Strings that come in pieces are put together; anything else replaces what was there."""
    for name, piece in pieces.items():
        if name in _JOINED and isinstance(piece, str) and isinstance(into.get(name), str):
            into[name] += piece
        elif piece is not None:
            into[name] = piece


def _list(item: Answer, name: str) -> list[Answer]:
    if not isinstance(item.get(name), list):
        item[name] = []
    found: list[Answer] = item[name]
    return found


def _at(items: list[Answer], index: int) -> Answer:
    """The entry at an index, made where it is not there; an index far away is the next one's."""
    if 0 <= index < len(items):
        return items[index]
    items.append({})
    return items[-1]
