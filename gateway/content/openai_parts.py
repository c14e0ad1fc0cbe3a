"""Messages of OpenAI's chat completions and items of its responses, as parts of the conventions."""

from collections.abc import Iterator
from typing import Any

from gateway.content import parts
from gateway.content.parts import Fields, Part


def chat_message(message: Fields) -> dict[str, Any]:
    """A message of a chat, asked or answered."""
    role = message.get("role") or "assistant"
    if role == "tool":
        made = [parts.tool_response(message.get("tool_call_id"), message.get("content"))]
    else:
        made = list(_chat_parts(message))
    named = {"name": message["name"]} if isinstance(message.get("name"), str) else {}
    return {"role": role, "parts": made, **named}


def _chat_parts(message: Fields) -> Iterator[Part]:
    thoughts = message.get("reasoning_content") or message.get("reasoning")
    if isinstance(thoughts, str):
        yield parts.reasoning(thoughts)
    for block in parts.blocks(message.get("content")):
        yield content_part(block)
    if isinstance(message.get("refusal"), str):
        yield {"type": "refusal", "content": message["refusal"]}
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        yield parts.tool_call(function.get("name"), call.get("id"), function.get("arguments", function.get("input")))
    legacy = message.get("function_call")
    if legacy:
        yield parts.tool_call(legacy.get("name"), None, legacy.get("arguments"))


def content_part(block: Fields) -> Part:
    """One block of a content, of either API."""
    kind = block.get("type")
    if kind in ("text", "input_text", "output_text", "summary_text", "reasoning_text"):
        return parts.text(block.get("text", ""))
    if kind in ("image_url", "input_image"):
        url = block.get("image_url")
        if block.get("file_id"):
            return parts.file(block["file_id"], "image")
        return parts.media(url.get("url") if isinstance(url, dict) else url, "image")
    if kind == "input_audio":
        audio = block["input_audio"]
        return parts.blob(f"audio/{audio.get('format')}", audio.get("data"))
    if kind in ("file", "input_file"):
        return _file(block.get("file") or block)
    if kind == "refusal":
        return {"type": "refusal", "content": block.get("refusal")}
    return parts.other(block)


def _file(block: Fields) -> Part:
    if block.get("file_id"):
        return parts.file(block["file_id"])
    url = block.get("file_url") or block.get("file_data") or ""
    return parts.media(url, "document") if ":" in url[:8] else parts.blob(None, url)


def response_item(item: Fields) -> tuple[str, list[Part]]:
    """Role and parts of one item of a response's input or output."""
    kind = item.get("type") or "message"
    if kind == "message":
        return item.get("role") or "assistant", [content_part(one) for one in parts.blocks(item.get("content"))]
    if kind in ("function_call", "custom_tool_call"):
        arguments = item.get("arguments", item.get("input"))
        return "assistant", [parts.tool_call(item.get("name"), item.get("call_id"), arguments)]
    if kind in ("function_call_output", "custom_tool_call_output"):
        return "tool", [parts.tool_response(item.get("call_id"), item.get("output"))]
    if kind == "reasoning":
        thoughts = (*(item.get("summary") or ()), *(item.get("content") or ()))
        return "assistant", [parts.reasoning(one.get("text", "")) for one in thoughts]
    return item.get("role") or "assistant", [parts.other(item)]
