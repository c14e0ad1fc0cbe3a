"""Parts of messages as the GenAI conventions write them.

https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-input-messages.json
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

Part = dict[str, Any]
Fields = Mapping[str, Any]

_MODALITIES: Final = ("image", "video", "audio")
_ENCODED: Final = re.compile(r"data:[^,]{0,200},.*|[A-Za-z0-9+/_-]{512,}={0,2}", re.DOTALL)
"""Base64, longer than any word or identifier, or a `data:` URL."""


def text(content: Any) -> Part:
    """A text part."""
    return {"type": "text", "content": str(content)}


def reasoning(content: Any) -> Part:
    """What the model thought."""
    return {"type": "reasoning", "content": str(content)}


def tool_call(name: Any, identifier: Any, arguments: Any) -> Part:
    """A call that the model asks for; arguments that are JSON in a string become JSON."""
    return {"type": "tool_call", "id": identifier, "name": str(name), "arguments": _decoded(arguments)}


def tool_response(identifier: Any, response: Any) -> Part:
    """What a tool answered."""
    return {"type": "tool_call_response", "id": identifier, "response": _without_bytes(response)}


def other(block: Fields) -> Part:
    """A part of a kind that the conventions leave open, as it is."""
    return {"type": "unknown", **_without_bytes(block)}


def media(url: Any, modality: str) -> Part:
    """What a URL names; the bytes of a `data:` URL are left out, since no pattern could hide what is in them."""
    url = str(url)
    if not url.startswith("data:"):
        return {"type": "uri", "modality": modality, "uri": url}
    kind, _, data = url.removeprefix("data:").partition(",")
    return blob(kind.partition(";")[0], data, modality)


def blob(mime_type: Any, data: Any, modality: str | None = None) -> Part:
    """Binary content: what kind and how much of it there was."""
    kind = str(mime_type or "")
    found = modality or next((one for one in _MODALITIES if kind.startswith(one)), "document")
    size = len(data) if isinstance(data, str) else 0
    return {"type": "blob", "modality": found, "mime_type": kind or None, "content": "", "omitted_characters": size}


def file(identifier: Any, modality: str = "document") -> Part:
    """A file that the provider has already."""
    return {"type": "file", "modality": modality, "file_id": str(identifier)}


def blocks(content: Any) -> Iterator[Fields]:
    """The blocks of a content; a string is one of text."""
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    for one in content if isinstance(content, list) else ():
        yield {"type": "text", "text": one} if isinstance(one, str) else one


def _decoded(arguments: Any) -> Any:
    if not isinstance(arguments, str):
        return arguments
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return arguments


def _without_bytes(value: Any) -> Any:
    """A value in which a note stands in the place of each string that is nothing but encoded bytes."""
    if isinstance(value, str):
        return f"[omitted {len(value)} characters]" if _ENCODED.fullmatch(value) else value
    if isinstance(value, Mapping):
        return {name: _without_bytes(inner) for name, inner in value.items()}
    return [_without_bytes(inner) for inner in value] if isinstance(value, list) else value
