"""An upstream for `bench.heavy`: whoever asks for a model of `MODELS` gets a large answer, everybody else a small one.

`python -m bench.heavy_upstream PORT MEBIBYTES`
"""

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from typing import Any

import uvloop

from bench.upstream import ANSWER, LAST

_MODEL = re.compile(rb'"model"\s*:\s*"([^"]*)"')
_HEAD = "HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n"
_USAGE = {"prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300}
_CLAUDE_USAGE = {"input_tokens": 200, "output_tokens": 100}
JSON, EVENTS = "application/json", "text/event-stream"
MODELS = (
    *("unary", "unary-first", "megabyte", "error", "one-event", "one-odd-event", "one-event-usage", "small-events"),
    *("claude-unary", "claude-blocks", "claude-error", "claude-event", "claude", "fails", "silent"),
)
"""Models that a request may ask for, of the provider whose name they bear, or of `openai`."""


def _answer(body: bytes, status: str = "200 OK", media_type: str = JSON) -> bytes:
    return (_HEAD % (status, media_type, len(body))).encode() + body


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _chat(choices: Any, **more: Any) -> Any:
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, **more}


def _choice(content: Any) -> Any:
    return {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}


def _message(content: Any, **more: Any) -> Any:
    return {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": content, **more}


def _event(data: Any, name: str = "") -> bytes:
    return (f"event: {name}\n" if name else "").encode() + b"data: " + _json(data) + b"\n\n"


def answers(mebibytes: int) -> Mapping[str, bytes]:
    """What each model answers, about so many MiB of it."""
    size = mebibytes * 1024 * 1024
    text = "word\\n" * (size // 6)
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    delta = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    pieces = {"index": 0, "delta": {"content": "", "tool_calls": [{"index": 0}] * (size // 12)}, "finish_reason": None}
    small = _event({**chunk, "choices": [{"index": 0, "delta": {"content": "w"}, "finish_reason": None}]})
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    begun = {"type": "message_start", "message": _message([], usage=_CLAUDE_USAGE)}
    ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}
    said = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    claude = b"".join(
        (
            *(_event(begun, "message_start"), _event(block, "content_block_start")),
            *(_event(said, "content_block_delta"), _event({"type": "content_block_stop", "index": 0})),
            *(_event(ended, "message_delta"), _event({"type": "message_stop"}, "message_stop")),
        )
    )
    megabyte = [_choice("w")] * (1_000_000 // len(_json(_choice("w"))) - 1)
    return {
        "unary": _answer(_json(_chat([_choice(text)], usage=_USAGE))),
        "unary-first": _answer(_json({"usage": _USAGE, **_chat([_choice(text)])})),
        "megabyte": _answer(_json(_chat(megabyte))),
        "error": _answer(_json({"error": {"message": text, "type": "invalid_request_error"}}), "400 Bad Request"),
        "one-event": _answer(_event({**chunk, "choices": [delta]}) + LAST, media_type=EVENTS),
        "one-odd-event": _answer(_event({**chunk, "choices": [pieces]}) + LAST, media_type=EVENTS),
        "one-event-usage": _answer(
            _event({**chunk, "choices": [delta], "usage": _USAGE}) + b"data: [DONE]\n\n", media_type=EVENTS
        ),
        "small-events": _answer(small * (size // len(small)) + LAST, media_type=EVENTS),
        "claude-unary": _answer(_json(_message([{"type": "text", "text": text}], usage=_CLAUDE_USAGE))),
        "claude-blocks": _answer(_json(_message([{"type": "text", "text": "w"}] * (size // 28), usage=_CLAUDE_USAGE))),
        "claude-error": _answer(
            _json({"type": "error", "error": {"type": "invalid_request_error", "message": text}}), "400 Bad Request"
        ),
        "claude-event": _answer(claude, media_type=EVENTS),
        "claude": _answer(_json(_message([{"type": "text", "text": "hi"}], usage=_CLAUDE_USAGE))),
        "fails": _answer(b"{}", "503 Service Unavailable"),
        "silent": _answer(_json(_chat([_choice("hi")]))),
    }


class Upstream(asyncio.Protocol):
    """One connection."""

    answers: Mapping[str, bytes] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self._transport = transport
        self._received = bytearray()

    def data_received(self, data: bytes) -> None:
        """Answers a whole request."""
        received = self._received
        received += data
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(received[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(received) < end + 4 + length:
            return
        named = _MODEL.search(received, end) if b"anthropic.claude" not in head else None
        model = "claude" if named is None and b"/model/" in head else ("" if named is None else named[1].decode())
        self._received = bytearray()
        self._transport.write(self.answers.get(model, ANSWER))  # type: ignore[attr-defined] # a stream transport it is


async def serve(port: int, mebibytes: int) -> None:
    """Until the process is ended."""
    Upstream.answers = answers(mebibytes)
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), int(sys.argv[2])))
