"""Requests that are all sent at once, each on a connection of its own."""

import asyncio
import contextlib
import json
from collections.abc import Iterable
from typing import Any


async def crowd(port: int, asked: Iterable[tuple[str, Any]]) -> list[bytes]:
    """The whole answers to chat completions, each asked for with a secret and a body; where one fails, all close."""
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(_ask(port, secret, body)) for secret, body in asked]
    return [one.result() for one in asking]


async def _ask(port: int, secret: str, body: Any) -> bytes:
    content = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\nconnection: close\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode() + content)
        return await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
