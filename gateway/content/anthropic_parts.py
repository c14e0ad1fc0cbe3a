"""Content blocks of Anthropic's messages, as parts of the conventions."""

from collections.abc import Mapping
from typing import Any

from gateway.content import parts
from gateway.content.parts import Fields, Part


def block_part(block: Fields) -> Part:
    """One content block, asked or answered."""
    kind = str(block.get("type"))
    if kind == "text":
        return parts.text(block.get("text", ""))
    if kind == "thinking":
        return parts.reasoning(block.get("thinking", ""))
    if kind == "tool_use":
        return parts.tool_call(block.get("name"), block.get("id"), block.get("input"))
    if kind == "tool_result":
        return parts.tool_response(block.get("tool_use_id"), block.get("content"))
    if kind in ("image", "document"):
        return _media(block.get("source"), kind)
    if kind == "server_tool_use":
        call = {"type": block.get("name"), "arguments": block.get("input")}
        return {"type": "server_tool_call", "id": block.get("id"), "name": block.get("name"), "server_tool_call": call}
    if kind.endswith("_tool_result"):
        answer = {"type": kind, "content": block.get("content")}
        identifier = block.get("tool_use_id")
        return {"type": "server_tool_call_response", "id": identifier, "server_tool_call_response": answer}
    return parts.other(block)


def _media(source: Any, modality: str) -> Part:
    if not isinstance(source, Mapping):
        return parts.other({"type": modality})
    kind = source.get("type")
    if kind == "url":
        return parts.media(source.get("url"), modality)
    if kind == "file":
        return parts.file(source.get("file_id"), modality)
    if kind == "text":
        return parts.text(source.get("data", ""))
    return parts.blob(source.get("media_type"), source.get("data"), modality)
