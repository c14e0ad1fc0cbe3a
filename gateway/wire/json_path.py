"""The JSON path of a byte offset, for messages: `messages[0].content`. Not for the hot path."""

import re

from gateway.wire.json_tokens import text_of_literal

_TOKEN = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"|[\[\]{},]')
_SHOWN = 64


def path_at(data: bytes, offset: int) -> str:
    """The path of the value, or of the key, that begins at an offset of a well-formed JSON text."""
    path: list[str | int | None] = []
    expects_key = False
    for match in _TOKEN.finditer(data):
        start, token = match.start(), match[0][:1]
        if token == b'"':
            if expects_key:
                path[-1] = text_of_literal(match[1])[:_SHOWN]
                expects_key = False
            if start >= offset:
                break
        elif token == b"{":
            path.append(None)
            expects_key = True
        elif token == b"[":
            path.append(0)
        elif token == b",":
            last = path[-1]
            if isinstance(last, int):
                path[-1] = last + 1
            else:
                expects_key = True
        else:
            path.pop()
            expects_key = False
    return _written(path)


def _written(path: list[str | int | None]) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part is not None:
            text += f".{part}" if text else part
    return text
