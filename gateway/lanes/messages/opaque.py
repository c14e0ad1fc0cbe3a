"""What providers want back as it was, in the places that clients of Anthropic's Messages keep for it.

A thought has a signature, which is Claude's own, the mark of a provider that gave it as `reasoning_content` (see
gateway/wire/unsigned_thinking.py), or an envelope. What has no text stands in redacted thinking. A call has no place:
its envelope is redacted thinking behind it, bound to its id and name.
"""

from collections.abc import Mapping
from typing import Any

from gateway.lanes.base import said
from gateway.lanes.conversation import Opaque, Origin
from gateway.lanes.sealing import NOBODYS, Seal, opened_proof
from gateway.wire.unsigned_thinking import marked, provider_marked


def signature_of(opaque: Opaque | None, thought: str, seal: Seal | None) -> str:
    """The signature of a thought, empty where there is none that can be given."""
    opaque = opaque or NOBODYS
    if opaque.origin == Origin.CLAUDE:
        return said(opaque.state.get("signature"))
    if opaque.origin.startswith(Origin.REASONING_CONTENT):
        return marked(opaque.origin.removeprefix(Origin.REASONING_CONTENT))
    return "" if seal is None else seal.sealed(opaque, thought)


def redacted(opaque: Opaque | None, beside: str, seal: Seal | None) -> dict[str, str] | None:
    """The block that holds what has no text of its own; `None` where there is none that can be given."""
    if opaque is None:
        return None
    if opaque.origin == Origin.CLAUDE:
        data = said(opaque.state.get("data"))
    else:
        data = "" if seal is None else seal.sealed(opaque, beside)
    return {"type": "redacted_thinking", "data": data} if data else None


def beside_call(identifier: str, name: str) -> str:
    """What the envelope of a call is bound to. Its arguments come back as JSON that other software has written."""
    return f"{identifier}\0{name}"


def opened_thought(block: Mapping[str, Any], thought: str, seal: Seal | None) -> Opaque | None:
    """What proves a thought that came back; `None` where nothing does."""
    if block.get("type") == "redacted_thinking":
        return opened_proof("data", said(block.get("data")), thought, seal)
    signature = said(block.get("signature"))
    provider = provider_marked(signature)
    if provider is not None:
        return Opaque(Origin.REASONING_CONTENT + provider, {})
    return opened_proof("signature", signature, thought, seal)


def opened_call(block: Mapping[str, Any], identifier: str, name: str, seal: Seal | None) -> Opaque | None:
    """What redacted thinking behind a call holds for it; `None` where it holds nothing of the kind."""
    return None if seal is None else seal.opened(said(block.get("data")), beside_call(identifier, name))
