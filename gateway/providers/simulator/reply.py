"""What the simulated model says: the same to the same prompt, a tool call where one is wanted, JSON where asked."""

import json
import re
from typing import Any

import msgspec

from gateway.providers.simulator.directives import Directives, without
from gateway.providers.simulator.example import example_of

Json = dict[str, Any]

_FILLER_TEXT = "The simulator answers every prompt in the same words so that tests can rely on them."
_FILLER = _FILLER_TEXT.split()
_SHOWN_WORDS = 40
_BYTES_PER_TOKEN = 4
_JSON_PIECE = 8


class ToolCall(msgspec.Struct, frozen=True):
    """A call of a declared tool; `arguments` is JSON text."""

    name: str
    arguments: str


class Reply(msgspec.Struct, frozen=True):
    """A text in pieces (one a token, say) or a tool call; `finish` is `stop`, `length` or `tool`.

    `stopped_at` is the stop sequence that ended the text.
    """

    pieces: list[str]
    call: ToolCall | None
    finish: str
    stopped_at: str | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """What the reply depends on, whatever the shape it came in. `tools` maps names to JSON schemas."""

    last_text: str
    answers_tool: bool = False
    tools: dict[str, Json] = {}
    forced_tool: str | None = None
    json_schema: Json | None = None
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()


def compose(prompt: Prompt, wishes: Directives) -> Reply:
    """The reply to a prompt."""
    name = _wanted_tool(prompt, wishes)
    if name is not None:
        arguments = json.dumps(example_of(prompt.tools.get(name, {})))
        return Reply([], ToolCall(name, arguments), "tool")
    if prompt.json_schema is not None:
        return _cut(in_pieces(json.dumps(example_of(prompt.json_schema))), prompt)
    return _cut(_words(prompt, wishes), prompt)


def tokens(text: str | bytes) -> int:
    """A plausible number of tokens: one for every four bytes."""
    return tokens_of(len(text))


def tokens_of(size: int) -> int:
    """The same for a number of bytes."""
    return max(1, size // _BYTES_PER_TOKEN)


def in_pieces(text: str) -> list[str]:
    """JSON text as a model streams it, a few characters at a time."""
    return [text[start : start + _JSON_PIECE] for start in range(0, len(text), _JSON_PIECE)]


def _wanted_tool(prompt: Prompt, wishes: Directives) -> str | None:
    if not prompt.tools or prompt.answers_tool:
        return None
    if wishes.tool in prompt.tools:
        return wishes.tool
    if prompt.forced_tool is not None:
        return prompt.forced_tool if prompt.forced_tool in prompt.tools else next(iter(prompt.tools))
    return next((name for name in prompt.tools if _mentions(prompt.last_text, name)), None)


def _mentions(text: str, name: str) -> bool:
    return bool(name) and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _words(prompt: Prompt, wishes: Directives) -> list[str]:
    if wishes.words is not None:
        words = [_FILLER[index % len(_FILLER)] for index in range(wishes.words)]
    elif prompt.answers_tool:
        words = f"The tool answered: {prompt.last_text}".split()[:_SHOWN_WORDS]
    else:
        heard = without(prompt.last_text) or "nothing"
        words = f"This is the simulator. You said: {heard}".split()[:_SHOWN_WORDS]
    return [word if index == 0 else f" {word}" for index, word in enumerate(words)]


def _cut(pieces: list[str], prompt: Prompt) -> Reply:
    finish = "stop"
    if prompt.max_tokens is not None and len(pieces) > prompt.max_tokens:
        pieces, finish = pieces[: prompt.max_tokens], "length"
    text = "".join(pieces)
    found = [(text.find(stop), stop) for stop in prompt.stops if stop and stop in text]
    if found:
        end, stop = min(found)
        return Reply([text[:end]], None, "stop", stop)
    return Reply(pieces, None, finish)
