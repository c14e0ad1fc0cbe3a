"""What a request for OpenAI's Chat Completions says, wherever it is translated to.

Source: https://platform.openai.com/docs/api-reference/chat/create.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.lanes.reading import mapping, number, optional_text, sequence, text, wrong

EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The values of `reasoning_effort`, the least first."""

ROLES: Final = ("system", "developer", "user", "assistant", "tool")
"""The roles of messages; `function` is deprecated."""


def output_limit(body: Mapping[str, Any]) -> int | None:
    """How many tokens the answer may have; `max_completion_tokens` goes before `max_tokens`."""
    limits: list[int] = []
    for name in ("max_completion_tokens", "max_tokens"):
        limit = body.get(name)
        if limit is None:
            continue
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise wrong(name, "a whole number from 1 on")
        limits.append(limit)
    return limits[0] if limits else None


def temperature(body: Mapping[str, Any]) -> float | None:
    """`temperature`, from 0 to 2."""
    if body.get("temperature") is None:
        return None
    given = number(body["temperature"], "temperature")
    if not 0 <= given <= 2:  # noqa: PLR2004 - OpenAI's range
        raise wrong("temperature", "a number from 0 to 2")
    return given


def top_p(body: Mapping[str, Any]) -> float | None:
    """`top_p`, from 0 to 1."""
    if body.get("top_p") is None:
        return None
    given = number(body["top_p"], "top_p")
    if not 0 <= given <= 1:
        raise wrong("top_p", "a number from 0 to 1")
    return given


def stops(body: Mapping[str, Any]) -> list[str]:
    """The texts of `stop` that are not empty; a string stands for one."""
    stop = body.get("stop")
    if stop is None:
        return []
    given = [stop] if isinstance(stop, str) else sequence(stop, "stop")
    return [one for index, value in enumerate(given) if (one := text(value, f"stop[{index}]"))]


def effort(body: Mapping[str, Any]) -> str | None:
    """`reasoning_effort`."""
    if body.get("reasoning_effort") is None:
        return None
    asked = text(body["reasoning_effort"], "reasoning_effort")
    if asked not in EFFORTS:
        raise wrong("reasoning_effort", f"one of {', '.join(EFFORTS)}")
    return asked


def called_function(call: Mapping[str, Any], path: str) -> tuple[Mapping[str, Any], str]:
    """The function of a call, and its path; calls of another type are not for this."""
    return mapping(call.get("function"), f"{path}.function"), f"{path}.function"


def arguments(function: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The object that a call's `arguments` are the JSON text of; no text stands for an empty one."""
    written = optional_text(function.get("arguments"), f"{path}.arguments")
    try:
        given = msgspec.json.decode(written) if written.strip() else {}
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise wrong(f"{path}.arguments", "the JSON text of an object")
    return given
