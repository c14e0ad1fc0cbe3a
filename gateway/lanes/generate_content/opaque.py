"""What providers want back as it was, in `thoughtSignature`: base64, which Google's SDKs decode and encode again.

A signature of Gemini's stands there as it is, that of another provider as an envelope. It is on the part that it is of:
a thought, bound to its text, or a call, bound to the function's name.
"""

import base64
import binascii
from typing import Any, Final

from gateway.lanes.conversation import Opaque, Origin
from gateway.lanes.sealing import PREFIX, Seal

_MEMBER: Final = "thoughtSignature"


def signature(opaque: Opaque | None, beside: str, seal: Seal | None) -> dict[str, str]:
    """The member of a part that holds it; empty where there is none that can be given."""
    if opaque is None:
        return {}
    own = opaque.state.get(_MEMBER)
    if opaque.origin == Origin.GEMINI and isinstance(own, str):
        return {_MEMBER: own}
    return {} if seal is None else {_MEMBER: base64.b64encode(seal.sealed(opaque, beside).encode()).decode()}


def opened(stated: Any, beside: str, seal: Seal | None) -> Opaque | None:
    """What came back on a part; `None` where nothing did that can be told."""
    if not isinstance(stated, str) or not stated:
        return None
    standard = stated.replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except (binascii.Error, ValueError):
        return Opaque(Origin.GEMINI, {_MEMBER: stated})
    if raw.startswith(PREFIX.encode()):
        return None if seal is None else seal.opened(raw.decode("latin-1"), beside)
    return Opaque(Origin.GEMINI, {_MEMBER: standard})
