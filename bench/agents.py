"""Requests as coding agents send them: thirty tools, and a conversation of code, of tools' calls and their results.

`body` writes one of about a size, the same in every run, as the SDKs of JavaScript write JSON: without white space, and
with letters beyond ASCII as they are. Most of a long one is what tools have read: numbered lines of code, with a URL
every twenty words where there shall be any.
"""

import base64
import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

PATHS: Final[Mapping[str, str]] = {
    "chat": "/v1/chat/completions",
    "messages": "/v1/messages",
    "responses": "/v1/responses",
}
"""Where each shape is sent."""

SIZES_KB: Final = (1, 20, 200, 1_000)
TOOLS: Final = 30
_WORDS_PER_URL: Final = 20
_LINES_PER_RESULT: Final = 60
_IMAGE_BYTES: Final = 60_000
_MOST_OF_TOOLS: Final = 0.4
"""Share of a short body that its tools may take; one of 1 KB has one tool."""

_TEXT: Final = (
    "the request is sent when all of its holds are taken and settled after its answer so that no budget is exceeded "
    "by what several workers do at once while the ledger keeps every entry until it has been written to disk"
)
_WORDS: Final = _TEXT.split()
_CODE: Final = (
    "def settle(self, request, *, outcome: str) -> Bill:",
    '    """Charges what was consumed; see `Ledger.append`."""',
    "    held = self._holds.pop(request.id, None)",
    '    if held is None or outcome == "refused":',
    '        raise KeyError(f"no hold of {request.id!r}")',
    "    usage = {name: value for name, value in stated.items() if value > 0}",
    "    for figure, count in usage.items():",
    "        total += count * self._rates[figure] // 1_000_000",
    "\tconst answer = await fetch(url, { method: 'POST', body: JSON.stringify(payload) });",
    '\tif (!answer.ok) { throw new Error("upstream answered " + answer.status); }',
)
_HOSTS: Final = ("docs.python.org", "github.com", "developer.mozilla.org", "pkg.go.dev", "wiki.internal.example")


def body(shape: str, kilobytes: int, *, urls: bool = False, images: bool = False, **more: Any) -> bytes:
    """One request of a shape of `PATHS`, of about so many thousand bytes.

    Args:
        shape: Which API it is of.
        kilobytes: How many; an image takes eighty, whatever else there is.
        urls: Whether every twentieth word is a URL.
        images: Whether every fourth result of a tool is a picture in base64.
        more: Further members at the top.
    """
    chance = random.Random(f"{shape} {kilobytes}")  # noqa: S311 - the same in every run
    write = _SHAPES[shape]
    size = kilobytes * 1000
    tools = _tools(chance, min(TOOLS, max(1, round(size * _MOST_OF_TOOLS / 350))), long=size > 100_000)
    turns: list[dict[str, Any]] = []
    members = {**write(_text(chance, min(size // 8, 12_000), urls=urls), tools, turns), **more}
    left = size - len(_json(members))
    for number, turn in enumerate(_turns(chance, left, urls=urls, images=images)):
        _add(shape, turns, number, turn)
    return _json(members)


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _text(chance: random.Random, size: int, *, urls: bool) -> str:
    """Prose of about so many bytes."""
    return " ".join(_words(chance, max(1, size // 6), urls=urls))


def _words(chance: random.Random, count: int, *, urls: bool) -> Iterator[str]:
    for number, word in enumerate(chance.choices(_WORDS, k=count), 1):
        yield _url(chance) if urls and not number % _WORDS_PER_URL else word


def _url(chance: random.Random) -> str:
    """One of a few thousand; documents name the same ones over and over."""
    page = "-".join(chance.choices(_WORDS, k=2))
    return f"https://{chance.choice(_HOSTS)}/{chance.choice(_WORDS)}/{page}#{chance.choice(_WORDS)}"


def _lines(chance: random.Random, count: int, *, urls: bool) -> str:
    """Numbered lines of a file; comments have words, and those the URLs."""
    lines = []
    for number in range(1, count + 1):
        # A third of the lines: with nine words more on each of the others, that is a URL every twenty words.
        is_comment = not number % 3
        words = _words(chance, _WORDS_PER_URL, urls=urls) if is_comment else ()
        lines.append(f"{number:6}\u2192{'    # ' + ' '.join(words) if is_comment else chance.choice(_CODE)}")
    return "\n".join(lines)


def _tools(chance: random.Random, count: int, *, long: bool) -> list[dict[str, Any]]:
    """Names, descriptions and schemas; a long body's descriptions are as long as agents' are."""
    return [
        {
            "name": f"{chance.choice(('read', 'edit', 'search', 'run', 'list'))}_{number}",
            "description": _text(chance, 1_500 if long else 60, urls=False),
            "schema": {
                "type": "object",
                "properties": {
                    "file_path": {"type": "string", "description": "The absolute path."},
                    "limit": {"type": "number", "description": "How many lines at most."},
                },
                "required": ["file_path"],
            },
        }
        for number in range(count)
    ]


Turn = tuple[str, str, str | None]
"""What the assistant says, the lines that a tool gives back, and a picture in base64."""


def _turns(chance: random.Random, left: int, *, urls: bool, images: bool) -> Iterator[Turn]:
    """As many as fit into so many bytes."""
    number = 0
    while left > 400:
        said = _text(chance, 120, urls=False)
        picture = None
        if images and not number % 4:
            picture = base64.b64encode(chance.randbytes(_IMAGE_BYTES)).decode()
        lines = _lines(chance, min(_LINES_PER_RESULT, max(1, left // 110)), urls=urls)
        yield said, lines, picture
        left -= len(said) + len(lines.encode()) + lines.count("\n") + lines.count('"') + 400 + len(picture or "")
        number += 1


def _chat(system: str, tools: list[dict[str, Any]], turns: list[dict[str, Any]]) -> dict[str, Any]:
    declared = [
        {
            "type": "function",
            "function": {"name": one["name"], "description": one["description"], "parameters": one["schema"]},
        }
        for one in tools
    ]
    turns += ({"role": "system", "content": system}, {"role": "user", "content": "Mend the failing test."})
    return {"model": "fast", "messages": turns, "tools": declared, "max_tokens": 4_000}


def _messages(system: str, tools: list[dict[str, Any]], turns: list[dict[str, Any]]) -> dict[str, Any]:
    declared = [
        {"name": one["name"], "description": one["description"], "input_schema": one["schema"]} for one in tools
    ]
    marked = {"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}
    turns.append({"role": "user", "content": [{"type": "text", "text": "Mend the failing test."}]})
    user = {"user_id": "user_5f0c_account__session_0e1d"}
    return {
        "model": "claude",
        "messages": turns,
        "system": [marked],
        "tools": declared,
        "metadata": user,
        "max_tokens": 4_000,
    }


def _responses(system: str, tools: list[dict[str, Any]], turns: list[dict[str, Any]]) -> dict[str, Any]:
    declared = [
        {
            "type": "function",
            "name": one["name"],
            "description": one["description"],
            "strict": False,
            "parameters": one["schema"],
        }
        for one in tools
    ]
    text = {"type": "input_text", "text": "Mend the failing test."}
    turns.append({"type": "message", "role": "user", "content": [text]})
    return {
        "model": "fast",
        "instructions": system,
        "input": turns,
        "tools": declared,
        "store": False,
        "max_output_tokens": 4_000,
    }


_Write = Callable[[str, list[dict[str, Any]], list[dict[str, Any]]], dict[str, Any]]
_SHAPES: Final[Mapping[str, _Write]] = {"chat": _chat, "messages": _messages, "responses": _responses}


def _add(shape: str, turns: list[dict[str, Any]], number: int, turn: Turn) -> None:
    """The turn as messages or items."""
    said, lines, picture = turn
    call, path = f"call_{number:08}", {"file_path": f"/srv/shop/module_{number}.py", "limit": 60}
    if shape == "chat":
        function = {"name": "read_0", "arguments": json.dumps(path)}
        calls = [{"id": call, "type": "function", "function": function}]
        turns.append({"role": "assistant", "content": said, "tool_calls": calls})
        turns.append({"role": "tool", "tool_call_id": call, "content": lines})
        if picture is not None:
            image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
            turns.append({"role": "user", "content": [{"type": "text", "text": "It looks so."}, image]})
    elif shape == "messages":
        use = {"type": "tool_use", "id": call, "name": "read_0", "input": path}
        turns.append({"role": "assistant", "content": [{"type": "text", "text": said}, use]})
        shown: list[dict[str, Any]] = [{"type": "text", "text": lines}]
        if picture is not None:
            source = {"type": "base64", "media_type": "image/png", "data": picture}
            shown.append({"type": "image", "source": source})
        turns.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": call, "content": shown}]})
    else:
        spoken = [{"type": "output_text", "text": said}]
        turns.append({"type": "message", "role": "assistant", "content": spoken})
        arguments = json.dumps(path)
        turns.append({"type": "function_call", "call_id": call, "name": "read_0", "arguments": arguments})
        turns.append({"type": "function_call_output", "call_id": call, "output": lines})
        if picture is not None:
            image = {"type": "input_image", "image_url": f"data:image/png;base64,{picture}"}
            turns.append({"type": "message", "role": "user", "content": [image]})
