"""Messages, items and blocks of every API, as parts of the conventions.

No two APIs mean different things by the same kind of block, so one function reads them all.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

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
        yield block_part(block)
    if isinstance(message.get("refusal"), str):
        yield {"type": "refusal", "content": message["refusal"]}
    for call in message.get("tool_calls") or ():
        function = call.get("function") or call.get("custom") or {}
        yield parts.tool_call(function.get("name"), call.get("id"), function.get("arguments", function.get("input")))
    legacy = message.get("function_call")
    if legacy:
        yield parts.tool_call(legacy.get("name"), None, legacy.get("arguments"))


def block_part(block: Fields) -> Part:
    """One block of a content, asked or answered."""
    kind = str(block.get("type"))
    read = _BLOCKS.get(kind)
    if read is not None:
        return read(block)
    return _server_tool_result(block, kind) if kind.endswith("_tool_result") else parts.other(block)


def _image(block: Fields) -> Part:
    url = block.get("image_url")
    if block.get("file_id"):
        return parts.file(block["file_id"], "image")
    return parts.media(url.get("url") if isinstance(url, dict) else url, "image")


def _audio(block: Fields) -> Part:
    audio = block["input_audio"]
    return parts.blob(f"audio/{audio.get('format')}", audio.get("data"))


def _file(block: Fields) -> Part:
    block = block.get("file") or block
    if block.get("file_id"):
        return parts.file(block["file_id"])
    url = block.get("file_url") or block.get("file_data") or ""
    return parts.media(url, "document") if ":" in url[:8] else parts.blob(None, url)


def _source(block: Fields) -> Part:
    source, modality = block.get("source"), block["type"]
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


def _server_tool_call(block: Fields) -> Part:
    call = {"type": block.get("name"), "arguments": block.get("input")}
    return {"type": "server_tool_call", "id": block.get("id"), "name": block.get("name"), "server_tool_call": call}


def _server_tool_result(block: Fields, kind: str) -> Part:
    answer = {"type": kind, "content": block.get("content")}
    identifier = block.get("tool_use_id")
    return {"type": "server_tool_call_response", "id": identifier, "server_tool_call_response": answer}


_BLOCKS: Final[Mapping[str, Callable[[Fields], Part]]] = {
    **dict.fromkeys(
        ("text", "input_text", "output_text", "summary_text", "reasoning_text"),
        lambda block: parts.text(block.get("text", "")),
    ),
    "thinking": lambda block: parts.reasoning(block.get("thinking", "")),
    "refusal": lambda block: {"type": "refusal", "content": block.get("refusal")},
    "tool_use": lambda block: parts.tool_call(block.get("name"), block.get("id"), block.get("input")),
    "tool_result": lambda block: parts.tool_response(block.get("tool_use_id"), block.get("content")),
    "server_tool_use": _server_tool_call,
    **dict.fromkeys(("image_url", "input_image"), _image),
    **dict.fromkeys(("image", "document"), _source),
    **dict.fromkeys(("file", "input_file"), _file),
    "input_audio": _audio,
}


def google_message(content: Fields) -> dict[str, Any]:
    """A content of Gemini's own API, asked or answered, in either spelling of its members."""
    role = {"model": "assistant", "function": "tool"}.get(content.get("role") or "user", "user")
    made = [_google_part(one) for one in parts.blocks(listed(content.get("parts")))]
    return {"role": role, "parts": made}


def listed(value: Any) -> list[Any]:
    """A list, or what may stand in the place of one in Google's JSON; nothing for nothing."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _google_part(part: Fields) -> Part:
    part = {camel_case(name): value for name, value in part.items()}
    if isinstance(part.get("text"), str):
        return parts.reasoning(part["text"]) if part.get("thought") is True else parts.text(part["text"])
    if (call := part.get("functionCall")) is not None:
        return parts.tool_call(call.get("name"), call.get("id"), call.get("args"))
    if (answer := part.get("functionResponse")) is not None:
        return parts.tool_response(answer.get("id") or answer.get("name"), answer.get("response"))
    if (data := part.get("inlineData")) is not None:
        return parts.blob(data.get("mimeType") or data.get("mime_type"), data.get("data"))
    if (file := part.get("fileData")) is not None:
        kind = str(file.get("mimeType") or file.get("mime_type")).partition("/")[0]
        return parts.media(file.get("fileUri") or file.get("file_uri"), kind)
    return parts.other({"type": next(iter(part), "empty"), **part})


def camel_case(name: str) -> str:
    """A member of Google's JSON in its usual spelling."""
    first, *more = name.split("_")
    return first + "".join(word.capitalize() for word in more)


def response_item(item: Fields) -> tuple[str, list[Part]]:
    """Role and parts of one item of a response's input or output."""
    kind = item.get("type") or "message"
    if kind == "message":
        return item.get("role") or "assistant", [block_part(one) for one in parts.blocks(item.get("content"))]
    if kind in ("function_call", "custom_tool_call"):
        arguments = item.get("arguments", item.get("input"))
        return "assistant", [parts.tool_call(item.get("name"), item.get("call_id"), arguments)]
    if kind in ("function_call_output", "custom_tool_call_output"):
        return "tool", [parts.tool_response(item.get("call_id"), item.get("output"))]
    if kind == "reasoning":
        thoughts = (*(item.get("summary") or ()), *(item.get("content") or ()))
        return "assistant", [parts.reasoning(one.get("text", "")) for one in thoughts]
    return item.get("role") or "assistant", [parts.other(item)]
