"""Reasoning that a lane gave to a client of Responses, which comes back with the conversation.

What its provider wants back is in an envelope (gateway/lanes/sealing.py) that OpenAI cannot decrypt, and it refuses the
whole request for it, so such items are left out before an API of Responses' own is asked.
"""

from typing import Final

from gateway.wire.json_members import Span
from gateway.wire.json_parts import elements_in, members_in, without_elements
from gateway.wire.json_splice import Splice
from gateway.wire.unsigned_thinking import ENVELOPE

_BEGINS_SEALED: Final = b'"' + ENVELOPE.encode()


def without_sealed_reasoning(data: bytes) -> list[Splice]:
    """The splices that take such items out of a body of Responses; one look, where there are none."""
    # PERF: `in` raises an exception to itself before it looks for bytes.
    if data.find(_BEGINS_SEALED) < 0:
        return []
    items = elements_in(data, members_in(data, (0, len(data))).get("input", (0, 0)))
    sealed = {position for position, item in enumerate(items) if _is_sealed(data, item)}
    return without_elements(items, sealed) if len(sealed) < len(items) else []


def _is_sealed(data: bytes, item: Span) -> bool:
    content = members_in(data, item).get("encrypted_content")
    return content is not None and data.startswith(_BEGINS_SEALED, content[0])
