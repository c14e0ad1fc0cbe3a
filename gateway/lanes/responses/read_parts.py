"""The parts of a message, or of what a tool returned.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.lanes.conversation import Audio, Document, Image, Inline, Linked, Part, Text
from gateway.lanes.data_url import base64_text, document_in, source_at
from gateway.lanes.losses import Losses
from gateway.lanes.reading import mapping, one_of, optional_text, text, wrong

_NAME: Final = "input[].content"
_KINDS: Final = ("input_text", "output_text", "refusal", "input_image", "input_file", "input_audio")
_SHORT: Final[Mapping[str, str]] = {"text": "input_text"}
_AUDIO: Final[Mapping[str, str]] = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_TTLS: Final = ("30m", "12h")


def parts_of(content: Any, path: str, losses: Losses) -> tuple[Part, ...]:
    """The parts of a content; a string stands for one text. Texts that are blank say nothing."""
    if isinstance(content, str):
        return (Text(path=path, text=content),) if content.strip() else ()
    if not isinstance(content, list):
        raise wrong(path, "a string or an array of parts")
    read = [_part(mapping(one, f"{path}[{index}]"), f"{path}[{index}]", losses) for index, one in enumerate(content)]
    return tuple(part for part in read if part is not None)


def _part(part: Mapping[str, Any], path: str, losses: Losses) -> Part | None:
    stated = text(part.get("type"), f"{path}.type")
    kind = one_of(_KINDS, _SHORT.get(stated, stated), f"{path}.type")
    name = f"{_NAME}[type={kind}]"
    losses.judge({member: value for member, value in part.items() if member != "type"}, name, path)
    cache = _cache(part, path)
    if kind == "input_image":
        at = f"{path}.image_url"
        source = source_at(text(part.get("image_url"), at), at)
        return Image(path=path, source=source, detail=optional_text(part.get("detail"), f"{path}.detail"), cache=cache)
    if kind == "input_file":
        return Document(
            path=path,
            source=_file(part, path),
            name=optional_text(part.get("filename"), f"{path}.filename"),
            cache=cache,
        )
    if kind == "input_audio":
        at = f"{path}.input_audio"
        members = mapping(part.get("input_audio"), at)
        losses.judge(members, f"{name}.input_audio", at)
        media_type = _AUDIO[one_of(tuple(_AUDIO), members.get("format"), f"{at}.format")]
        data = base64_text(text(members.get("data"), f"{at}.data"), f"{at}.data")
        return Audio(path=path, source=Inline(media_type, data))
    member = "refusal" if kind == "refusal" else "text"
    said = text(part.get(member), f"{path}.{member}")
    return Text(path=path, text=said, cache=cache) if said.strip() else None


def _file(part: Mapping[str, Any], path: str) -> Any:
    if part.get("file_url") is not None:
        return Linked(text(part["file_url"], f"{path}.file_url"))
    return document_in(text(part.get("file_data"), f"{path}.file_data"), f"{path}.file_data")


def _cache(part: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """A breakpoint of the cache in Anthropic's words, whose longer time is the one that holds as long as OpenAI's."""
    if part.get("prompt_cache_breakpoint") is None:
        return None
    at = f"{path}.prompt_cache_breakpoint"
    mark = mapping(part["prompt_cache_breakpoint"], at)
    one_of(("explicit",), mark.get("mode"), f"{at}.mode")
    if mark.get("ttl") is None:
        return {"type": "ephemeral"}
    one_of(_TTLS, mark["ttl"], f"{at}.ttl")
    return {"type": "ephemeral", "ttl": "1h"}
