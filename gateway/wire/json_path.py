"""The JSON paths of byte offsets, as in `messages[0].content`, for messages and tables. Not for the hot path."""

import re
from collections.abc import Generator, Iterator, Sequence

from gateway.wire.json_tokens import STEP, end_of_string, text_of_literal

Path = tuple[str | int, ...]

_SIGN = re.compile(rb'["\[\]{},]')
_STEP_SIGNS = 4096
_SHOWN = 64


def paths_at(data: bytes, offsets: Sequence[int]) -> Iterator[Path | None]:
    """The paths of the values, or of the keys, that are strings and have ascending offsets of a well-formed JSON text.

    Yields `None` between two steps of the work.
    """
    path: list[str | int | None] = []
    expects_key = False
    wanted = 0
    for sign in _signs(data):
        if sign is None:
            yield None
            continue
        start, end, token = sign
        if token == b'"':
            if expects_key:
                path[-1] = text_of_literal(data[start + 1 : end])
                expects_key = False
            while wanted < len(offsets) and end >= offsets[wanted]:
                yield tuple(part for part in path if part is not None)
                wanted += 1
            if wanted == len(offsets):
                return
        else:
            expects_key = _enter(path, token)


def _enter(path: list[str | int | None], token: bytes) -> bool:
    """Follows a sign that is no string; whether a key comes next."""
    if token == b"{":
        path.append(None)
        return True
    if token == b"[":
        path.append(0)
        return False
    if token == b",":
        last = path[-1]
        if not isinstance(last, int):
            return True
        path[-1] = last + 1
        return False
    path.pop()
    return False


def _signs(data: bytes) -> Iterator[tuple[int, int, bytes] | None]:
    """Every string and every sign of structure: where it begins and ends, and its first byte."""
    signs, position = 0, 0
    while position < len(data):
        sign = _SIGN.search(data, position, position + STEP)
        signs += 1
        if sign is None or not signs % _STEP_SIGNS:
            yield None
        if sign is None:
            position += STEP
            continue
        start = end = sign.start()
        if sign[0] == b'"':
            end = yield from end_of_string(data, start)
        yield start, end, sign[0]
        position = end + 1


def path_at(data: bytes, offset: int) -> Generator[None, None, str]:
    """The path of the string that has an offset, as messages show it; in steps."""
    for path in paths_at(data, [offset]):
        if path is not None:
            return _written(path)
        yield None
    return ""


def _written(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part[:_SHOWN]}" if text else part[:_SHOWN]
    return text
