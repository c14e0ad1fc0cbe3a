"""Usage of a large JSON answer of OpenAI's shape of which only the last bytes were kept."""

import re

from gateway.usage import Usage
from gateway.wire.usage.openai import read_usage_object

# Inside a JSON string the quotes would be escaped, so this can only be a key.
_USAGE = re.compile(rb'(?<!\\)"usage"\s*:\s*(\{)')
_CLOSE = re.compile(rb'"(?:[^"\\]|\\.)*"|([{}])')


def find_usage(tail: bytes) -> Usage | None:
    """The last usage object that stands whole in the bytes, `None` when there is none."""
    for match in reversed(list(_USAGE.finditer(tail))):
        depth = 0
        for token in _CLOSE.finditer(tail, match.start(1)):
            depth += {b"{": 1, b"}": -1}.get(token[1] or b"", 0)
            if depth == 0 and token[1] is not None:
                usage = read_usage_object(tail[match.start(1) : token.end()])
                if usage is not None:
                    return usage
                break
    return None
