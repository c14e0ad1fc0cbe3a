"""Whatever stands where a figure, a type or a reason belongs: an answer is read, and nothing is raised."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.errors import GatewayError
from gateway.shapes.chat import CHAT
from gateway.shapes.converse import CONVERSE
from gateway.shapes.ending import ending_of
from gateway.shapes.images import IMAGES
from gateway.shapes.messages import MESSAGES
from gateway.shapes.progress import Progress, tokens_in
from gateway.shapes.responses import RESPONSES

ODD = ([], {}, 1, 1.5, True, "x", None, [[]], {"a": 1})
TOKENS = {"input_tokens": 1, "output_tokens": 1}
ERROR = {"type": "x", "message": "m", "code": "c"}

BODIES = {
    "messages": (
        MESSAGES,
        {
            "model": "m",
            "usage": {
                **TOKENS,
                "service_tier": "standard",
                "speed": "fast",
                "cache_creation": {"ephemeral_1h_input_tokens": 1},
                "server_tool_use": {"web_search_requests": 1},
                "iterations": [{"type": "message", "model": "m", **TOKENS}],
            },
            "message": {"usage": TOKENS},
        },
    ),
    "responses": (
        RESPONSES,
        {
            "model": "m",
            "service_tier": "x",
            "status": "completed",
            "error": ERROR,
            "usage": {**TOKENS, "input_tokens_details": {"cached_tokens_details": {"audio_tokens": 1}}},
            "output": [{"type": "web_search_call", "action": {"type": "search"}}],
            "tools": [{"type": "image_generation", "model": "m"}],
            "tool_usage": {"web_search": {"num_requests": 1}, "image_gen": TOKENS},
            "response": {"usage": TOKENS},
        },
    ),
    "converse": (
        CONVERSE,
        {
            "usage": {"inputTokens": 1, "outputTokens": 1, "cacheDetails": [{"ttl": "1h", "inputTokens": 1}]},
            "serviceTier": {"type": "x"},
            "performanceConfig": {"latency": "x"},
        },
    ),
    "images": (IMAGES, {"data": [{"b64_json": "eA=="}], "usage": TOKENS}),
}
EVENTS = {
    "chat": (CHAT, {"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}], "error": ERROR}),
    "message_delta": (MESSAGES, {"type": "message_delta", "delta": {"stop_reason": "x"}, "usage": TOKENS}),
    "error": (MESSAGES, {"type": "error", "error": ERROR}),
    "created": (RESPONSES, {"type": "response.created", "sequence_number": 1, "response": {"id": "r", "model": "m"}}),
    "failed": (RESPONSES, {"type": "response.failed", "sequence_number": 1, "response": {"error": ERROR}}),
}


def odd(value: Any) -> Iterator[Any]:
    """The value with something odd in the place of each of its parts in turn, at every depth."""
    for place in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for inner in (*ODD, *odd(value[place])):
            changed = value.copy()
            changed[place] = inner
            yield changed


@pytest.mark.parametrize(("shape", "body"), BODIES.values(), ids=BODIES.keys())
def test_a_body_is_read_whatever_stands_in_it(shape, body):
    assert shape.read_usage(json.dumps(body).encode()) is not None

    for changed in odd(body):
        data = json.dumps(changed).encode()
        stated = shape.read_usage(data)
        shape.read_event(stated, data)
        assert ending_of(data, shape.events).how in ("complete", "failed")
        assert tokens_in(data, None) >= 0
        assert stated is None or stated.total_tokens >= 0


@pytest.mark.parametrize(("shape", "event"), EVENTS.values(), ids=EVENTS.keys())
def test_a_stream_comes_to_an_end_whatever_stands_in_its_events(shape, event):
    error = GatewayError("provider_error", "It broke.")
    for changed in odd(event):
        for name in (b"", b"event: x\n", b"event: error\n"):
            progress = Progress(shape.events)
            progress.feed(name + b"data: " + json.dumps(changed).encode() + b"\n\n")
            assert progress.only_openings in (True, False)
            progress.end()
            assert progress.ending(client_left=False).how in ("complete", "failed", "cut")
            assert shape.terminal_frame(error, progress, at_boundary=True).endswith(b"\n\n")
