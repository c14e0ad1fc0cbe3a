"""Anthropic's Messages body as other companies' clouds take it: without the model, with a version of the API.

Every other byte stays as it was.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from gateway.wire.json_body import JsonBody
from gateway.wire.json_splice import apply

_OPEN: Final = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*")


def without_members(data: bytes, names: Sequence[str]) -> bytes:
    """The body without these top-level members. Raises `bad_request` where one of them repeats."""
    splices = JsonBody(data).removing(*names)
    return apply(data, splices) if splices else data


def with_members(data: bytes, members: Mapping[str, Any]) -> bytes:
    """The body with these members in front; none of them may be there already."""
    if not members:
        return data
    inside = msgspec.json.encode(members)[1:-1]
    opened = _OPEN.match(data)
    assert opened is not None  # noqa: S101 - it was read as an object
    start = data.index(b"{") + 1
    empty = data.startswith(b"}", opened.end())
    return data[:start] + inside + (b"" if empty else b",") + data[start:]


def versioned(data: bytes, version: str) -> bytes:
    """The body with `anthropic_version`, where it states none."""
    if JsonBody(data).decoded("anthropic_version") is not None:
        return data
    return with_members(without_members(data, ("anthropic_version",)), {"anthropic_version": version})
