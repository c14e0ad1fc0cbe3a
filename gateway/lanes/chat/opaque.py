"""What providers want back as it was, in the places that clients of OpenAI's Chat Completions keep for it.

Thinking is in `thinking_blocks`, in Anthropic's form, whose own signatures stand there as they are; of other providers
the signature is an envelope. A call has `extra_content`, which is Gemini's place for its signatures
(https://ai.google.dev/gemini-api/docs/openai); those of others are an envelope there.
"""

from collections.abc import Mapping
from typing import Any

from gateway.lanes.conversation import Opaque, Origin
from gateway.lanes.sealing import Seal, opened_proof
from gateway.wire.sealed_thoughts import OURS


def thinking_block(seal: Seal | None, thought: str, opaque: Opaque) -> dict[str, Any] | None:
    """The entry of `thinking_blocks` that proves a thought; `None` where there is nothing to close it with."""
    if opaque.origin == Origin.CLAUDE:
        if "data" in opaque.state:
            return {"type": "redacted_thinking", "data": opaque.state["data"]}
        return {"type": "thinking", "thinking": thought, "signature": opaque.state.get("signature", "")}
    if seal is None:
        return None
    envelope = seal.sealed(opaque, thought)
    if not thought:
        return {"type": "redacted_thinking", "data": envelope}
    return {"type": "thinking", "thinking": thought, "signature": envelope}


def opened_thought(seal: Seal | None, thought: str = "", *, signature: str = "", data: str = "") -> Opaque | None:
    """What proves a thought that came back, by its signature or redacted; `None` where nothing does."""
    if signature:
        return opened_proof("signature", signature, thought, seal)
    return opened_proof("data", data, thought, seal)


def extra_content(seal: Seal | None, opaque: Opaque | None, name: str) -> dict[str, Any]:
    """The member of a call that holds what its provider wants back, which is bound to the function's name."""
    if opaque is None:
        return {}
    signature = opaque.state.get("thoughtSignature")
    if opaque.origin == Origin.GEMINI and isinstance(signature, str):
        return {"extra_content": {"google": {"thought_signature": signature}}}
    return {} if seal is None else {"extra_content": {OURS: {"sealed": seal.sealed(opaque, name)}}}


def opened_call(seal: Seal | None, stated: Any, name: str) -> Opaque | None:
    """What came back with a call; `None` where nothing did that can be told."""
    signature = _member(stated, "google", "thought_signature")
    if isinstance(signature, str) and signature:
        return Opaque(Origin.GEMINI, {"thoughtSignature": signature})
    envelope = _member(stated, OURS, "sealed")
    return seal.opened(envelope, name) if seal is not None and isinstance(envelope, str) else None


def _member(stated: Any, *names: str) -> Any:
    for name in names:
        stated = stated.get(name) if isinstance(stated, Mapping) else None
    return stated
