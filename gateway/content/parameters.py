"""What a request asks of the model, beside its messages, by the names of the GenAI conventions.

https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/client-inference.md
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from gateway.wire.request_body import RequestBody
from gateway.wire.unreadable import UNREADABLE

_LONGEST: Final = 1024
_decode = msgspec.json.Decoder().decode


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _several(value: Any) -> int | None:
    return value if type(value) is int and value != 1 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _effort(value: Any) -> str | None:
    return _text(value.get("effort")) if isinstance(value, dict) else None


PARAMETERS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "temperature": ("gen_ai.request.temperature", _number),
    "top_p": ("gen_ai.request.top_p", _number),
    "top_k": ("gen_ai.request.top_k", _whole),
    "frequency_penalty": ("gen_ai.request.frequency_penalty", _number),
    "presence_penalty": ("gen_ai.request.presence_penalty", _number),
    "max_tokens": ("gen_ai.request.max_tokens", _whole),
    "max_completion_tokens": ("gen_ai.request.max_tokens", _whole),
    "max_output_tokens": ("gen_ai.request.max_tokens", _whole),
    "seed": ("gen_ai.request.seed", _whole),
    "n": ("gen_ai.request.choice.count", _several),
    "reasoning_effort": ("gen_ai.request.reasoning.level", _text),
    "reasoning": ("gen_ai.request.reasoning.level", _effort),
    "output_config": ("gen_ai.request.reasoning.level", _effort),
    "dimensions": ("gen_ai.embeddings.dimension.count", _whole),
    "previous_response_id": ("gen_ai.request.previous_response.id", _text),
}
"""By the member of a body, of any API: the attribute, and what its value becomes there.

Sequences to stop at are left out: they are words of the client's, which are told only where content is captured.
"""


def parameters_of(body: RequestBody) -> Mapping[str, Any]:
    """The attributes that a body states; what is not of the kind that it should be is left out."""
    found: dict[str, Any] = {}
    for member in body.names:
        row = PARAMETERS.get(member)
        if row is None or (written := body.raw(member)) is None or len(written) > _LONGEST:
            continue
        value = _read(member, written)
        if value is not None:
            found[row[0]] = value
    return found


@lru_cache(maxsize=1024)
def _read(member: str, written: bytes) -> Any:
    """What a member's value becomes. PERF: an application asks for the same again and again."""
    try:
        return PARAMETERS[member][1](_decode(written))
    except UNREADABLE:
        return None
