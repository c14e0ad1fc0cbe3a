"""Frames of server-sent events, and ids that are the same for the same request."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

Frames = Iterator[bytes]


def data_frame(data: dict[str, Any]) -> bytes:
    """An event as OpenAI's chat writes it: data alone."""
    return b"data: " + msgspec.json.encode(data) + b"\n\n"


def typed_frame(data: dict[str, Any]) -> bytes:
    """An event as Anthropic and OpenAI's Responses write it: its type in front."""
    name: str = data["type"]
    return b"event: " + name.encode() + b"\n" + data_frame(data)


def identity(body: dict[str, Any]) -> str:
    """32 hex digits that depend on the request alone."""
    return hashlib.sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()[:32]
