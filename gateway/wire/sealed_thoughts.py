"""Thoughts that a lane gave to a client of chat completions, which come back with the conversation.

What their provider wants back is in envelopes (gateway/lanes/sealing.py), of the `thinking_blocks` of a message and of
the `extra_content` of a call, that no provider can open; OpenAI refuses a request for a member that it does not know.
So they are left out before such an API is asked. What a provider gave of itself goes on as it came.
"""

from collections.abc import Iterator
from typing import Final

from gateway.wire.json_members import Span
from gateway.wire.json_parts import elements_in, members_in, without_elements, without_member
from gateway.wire.json_splice import Splice
from gateway.wire.unsigned_thinking import ENVELOPE

OURS: Final = "gateway"
"""The member of `extra_content` that holds an envelope, as `sealed`."""

_BEGINS_SEALED: Final = b'"' + ENVELOPE.encode()


def without_sealed_thoughts(data: bytes) -> list[Splice]:
    """The splices that take such envelopes out of a body; one look, where there are none. Raises `bad_request`."""
    # PERF: `in` raises an exception to itself before it looks for bytes.
    if data.find(_BEGINS_SEALED) < 0:
        return []
    messages = elements_in(data, members_in(data, (0, len(data))).get("messages", (0, 0)))
    return [splice for message in messages for splice in _of_message(data, members_in(data, message))]


def _of_message(data: bytes, members: dict[str, Span]) -> Iterator[Splice]:
    held = members.get("thinking_blocks")
    if held is not None:
        blocks = elements_in(data, held)
        sealed = {position for position, block in enumerate(blocks) if _is_sealed(data, block, "signature", "data")}
        if sealed and len(sealed) == len(blocks):
            yield without_member(data, "thinking_blocks", held)
        else:
            yield from without_elements(blocks, sealed)
    for call in elements_in(data, members.get("tool_calls", (0, 0))):
        extra = members_in(data, call).get("extra_content")
        kept = {} if extra is None else members_in(data, extra)
        if extra is None or OURS not in kept or not _is_sealed(data, kept[OURS], "sealed"):
            continue
        if len(kept) == 1:
            yield without_member(data, "extra_content", extra)
        else:
            yield without_member(data, OURS, kept[OURS])


def _is_sealed(data: bytes, holder: Span, *names: str) -> bool:
    members = members_in(data, holder)
    return any(data.startswith(_BEGINS_SEALED, members[name][0]) for name in names if name in members)
