"""What a prompt can ask of the simulator, written as `[[...]]` in the last user message.

`[[status 503]]`, `[[delay 2s]]`, `[[reset]]` (before the head), `[[reset after 3]]` (pieces), `[[hang]]`, `[[words
50]]`, `[[pace 20ms]]`, `[[truncate]]` (no terminal event), `[[tool NAME]]`.
"""

import re

import msgspec

# Every repetition is bounded, so that a long text full of open brackets is read in linear time.
_DIRECTIVE = re.compile(r"\[\[\s{0,4}([a-z]{1,16})((?:\s{1,4}[^\]\s]{1,128}){0,4})\s{0,4}\]\]")
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s)")
_MAX_WORDS = 100_000


class Directives(msgspec.Struct, frozen=True, kw_only=True):
    """The wishes of one prompt; times in seconds."""

    status: int | None = None
    delay_s: float | None = None
    pace_s: float | None = None
    reset_after: int | None = None
    words: int | None = None
    tool: str | None = None
    hang: bool = False
    truncate: bool = False


def read(prompt: str) -> Directives:
    """The directives in a prompt; what cannot be understood is left alone."""
    wishes: dict[str, object] = {}
    for found in _DIRECTIVE.finditer(prompt):
        words = found[2].split()
        value = words[-1] if words else ""
        match found[1]:
            case "status" if value.isdigit() and 400 <= int(value) < 600:  # noqa: PLR2004 - the error classes
                wishes["status"] = int(value)
            case "delay" | "pace" if duration := _DURATION.fullmatch(value):
                wishes[f"{found[1]}_s"] = float(duration[1]) / (1000 if duration[2] == "ms" else 1)
            case "reset":
                wishes["reset_after"] = int(value) if value.isdigit() else 0
            case "words" if value.isdigit():
                wishes["words"] = min(int(value), _MAX_WORDS)
            case "tool" if value:
                wishes["tool"] = value
            case "hang" | "truncate":
                wishes[found[1]] = True
    return msgspec.convert(wishes, Directives)


def without(prompt: str) -> str:
    """The prompt as the simulated model reads it."""
    return " ".join(_DIRECTIVE.sub(" ", prompt).split())
