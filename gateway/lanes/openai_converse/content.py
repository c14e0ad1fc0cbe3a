"""Parts of a chat message become blocks of a Converse message.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html. In JSON, bytes are
base64 text, as they are in data URLs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gateway.lanes.losses import Losses
from gateway.lanes.openai_converse.parameters import TABLE
from gateway.lanes.reading import mapping, optional_text, text, wrong

Block = dict[str, Any]

TEXT: Final = ("text",)
SAID: Final = ("text", "refusal")
RETURNED: Final = ("text", "image_url", "file")
ASKED: Final = ("text", "image_url", "input_audio", "file")

_PART: Final = "messages[].content[]"
_IMAGES: Final[Mapping[str, str]] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_DOCUMENTS: Final[Mapping[str, str]] = {
    "application/pdf": "pdf",
    "application/msword": "doc",
    "application/vnd.ms-excel": "xls",
    f"{_OFFICE}.wordprocessingml.document": "docx",
    f"{_OFFICE}.spreadsheetml.sheet": "xlsx",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
}
_AUDIO: Final = ("wav", "mp3")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]++={0,2}")
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9()\[\]-]+")
_LONGEST_NAME: Final = 180
_NO_URL: Final = "Converse fetches nothing; send it along as a data URL in base64."


class Parts:
    """Turns the parts of one request's messages into blocks, and gives each document a name of its own."""

    __slots__ = ("_losses", "_names")

    def __init__(self, losses: Losses) -> None:
        self._losses = losses
        self._names: set[str] = set()

    def blocks(self, content: Any, path: str, kinds: Sequence[str]) -> list[Block]:
        """The blocks of a content that may hold parts of these kinds; a string stands for one text."""
        if isinstance(content, str):
            return _text_block(content)
        if not isinstance(content, list):
            raise wrong(path, "a string or an array of parts")
        return [
            block
            for index, part in enumerate(content)
            for block in self._blocks(mapping(part, f"{path}[{index}]"), f"{path}[{index}]", kinds)
        ]

    def _blocks(self, part: Mapping[str, Any], path: str, kinds: Sequence[str]) -> Iterator[Block]:
        kind = text(part.get("type"), f"{path}.type")
        if kind not in kinds:
            raise wrong(f"{path}.type", f"one of {', '.join(kinds)} in this place")
        self._losses.judge(part, _PART, path)
        if kind in SAID:
            yield from _text_block(text(part.get(kind), f"{path}.{kind}"))
            return
        members, path = mapping(part.get(kind), f"{path}.{kind}"), f"{path}.{kind}"
        self._losses.judge(members, f"{_PART}.{kind}", path)
        if kind == "image_url":
            yield _image(members, path)
        elif kind == "input_audio":
            yield _audio(members, path)
        else:
            yield self._document(members, path)

    def _document(self, members: Mapping[str, Any], path: str) -> Block:
        name = optional_text(members.get("filename"), f"{path}.filename")
        given, path = text(members.get("file_data"), f"{path}.file_data"), f"{path}.file_data"
        media_type, data = _opened(given, path) if given[:5].lower() == "data:" else ("", _base64(given, path))
        stem, _, extension = name.rpartition(".")
        format_ = _DOCUMENTS.get(media_type) or extension.lower()
        if format_ not in _DOCUMENTS.values():
            formats = ", ".join(_DOCUMENTS.values())
            raise TABLE.unsupported(
                path, f"neither its media type nor its name is of a kind that Converse reads: {formats}."
            )
        return {"document": {"format": format_, "name": self._free_name(stem or name), "source": {"bytes": data}}}

    def _free_name(self, wanted: str) -> str:
        """A name in the characters that Converse allows, and not yet another document's of the request."""
        base = _NOT_IN_NAMES.sub(" ", wanted).strip()[:_LONGEST_NAME].rstrip() or "document"
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base} ({number})"
        self._names.add(name)
        return name


def _text_block(said: str) -> list[Block]:
    """Converse refuses texts that are blank; they say nothing."""
    return [{"text": said}] if said.strip() else []


def _image(members: Mapping[str, Any], path: str) -> Block:
    path = f"{path}.url"
    media_type, data = _opened(text(members.get("url"), path), path)
    if media_type not in _IMAGES:
        raise TABLE.unsupported(path, "Converse reads images in PNG, JPEG, GIF and WebP.")
    return {"image": {"format": _IMAGES[media_type], "source": {"bytes": data}}}


def _audio(members: Mapping[str, Any], path: str) -> Block:
    format_ = text(members.get("format"), f"{path}.format")
    if format_ not in _AUDIO:
        raise wrong(f"{path}.format", f"one of {', '.join(_AUDIO)}")
    data = _base64(text(members.get("data"), f"{path}.data"), f"{path}.data")
    return {"audio": {"format": format_, "source": {"bytes": data}}}


def _opened(url: str, path: str) -> tuple[str, str]:
    """The media type and the base64 text of a data URL (RFC 2397)."""
    head, _, data = url.partition(",")
    if head[:5].lower() != "data:":
        raise TABLE.unsupported(path, _NO_URL)
    if not head.lower().endswith(";base64"):
        raise wrong(path, "a data URL in base64")
    return head[5:].partition(";")[0].lower(), _base64(data, path)


def _base64(data: str, path: str) -> str:
    if _BASE64.fullmatch(data) is None:
        raise wrong(path, "base64")
    return data
