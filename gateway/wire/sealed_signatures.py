"""Signatures that a lane gave to a client of Gemini's own API, which come back with the conversation.

They are envelopes (gateway/lanes/sealing.py) in base64, which Gemini takes for corrupted signatures and refuses the
request. So they are left out before it is asked; but Gemini 3 refuses a call without any, so there stands what Google
names for calls that another model made (https://ai.google.dev/gemini-api/docs/thought-signatures).
"""

import re
from collections.abc import Iterable
from typing import Final

from gateway.wire.json_members import Span
from gateway.wire.json_parts import elements_in, members_in, without_members
from gateway.wire.json_splice import Splice

_BEGINS_SEALED: Final = b'"bHdnMS'
"""`lwg1` and most of a full stop; the digit behind it has the rest."""
_SEALED: Final = re.compile(re.escape(_BEGINS_SEALED) + b"[4-7]")
_ANOTHER_MODELS: Final = b'"skip_thought_signature_validator"'
_SIGNATURES: Final = ("thoughtSignature", "thought_signature")
_CALLS: Final = ("functionCall", "function_call")


def without_sealed_signatures(data: bytes) -> list[Splice]:
    """The splices that take such signatures out of a body; one look, where there are none. Raises `bad_request`."""
    # PERF: `in` raises an exception to itself before it looks for bytes.
    if data.find(_BEGINS_SEALED) < 0:
        return []
    contents = members_in(data, (0, len(data))).get("contents", (0, 0))
    parts = (members_in(data, content).get("parts", (0, 0)) for content in _listed(data, contents))
    return [splice for held in parts for part in _listed(data, held) for splice in _of_part(data, part)]


def _listed(data: bytes, span: Span) -> list[Span]:
    """The elements of a list, in whose place one of them may stand."""
    return elements_in(data, span) or [span]


def _of_part(data: bytes, part: Span) -> Iterable[Splice]:
    members = members_in(data, part)
    sealed: dict[str, Span] = {
        name: members[name]
        for name in _SIGNATURES
        if name in members and _SEALED.match(data, members[name][0]) is not None
    }
    if members.keys().isdisjoint(_CALLS):
        return without_members(data, sealed)
    return [Splice(*span, _ANOTHER_MODELS) for span in sealed.values()]
