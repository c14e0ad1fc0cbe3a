"""Parts of a chat message become blocks of Anthropic's.

Source: https://docs.anthropic.com/en/api/messages (content blocks of the request).
"""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from gateway.lanes.losses import Losses
from gateway.lanes.openai_anthropic.parameters import TABLE
from gateway.lanes.reading import mapping, optional_text, text, wrong

Block = dict[str, Any]

TEXT: Final = ("text",)
SAID: Final = ("text", "refusal")
ASKED: Final = ("text", "image_url", "input_audio", "file")

_PART: Final = "messages[].content[]"
_IMAGES: Final = {
    "image/png": "image/png",
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/gif": "image/gif",
    "image/webp": "image/webp",
}
_DATA_URL: Final = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?)(;base64)?,", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]++={0,2}")
_LONGEST_TITLE: Final = 500


def blocks(content: Any, path: str, kinds: Sequence[str], losses: Losses) -> list[Block]:
    """The blocks of a content that may hold parts of these kinds; a string stands for one text, blank ones go."""
    if isinstance(content, str):
        return _text_block(content)
    if not isinstance(content, list):
        raise wrong(path, "a string or an array of parts")
    return [
        block
        for index, part in enumerate(content)
        for block in _blocks(mapping(part, f"{path}[{index}]"), f"{path}[{index}]", kinds, losses)
    ]


def marked(block: Block, holder: Mapping[str, Any], path: str) -> Block:
    """The block with the cache mark that its part or message carries, if it does."""
    if holder.get("cache_control") is None:
        return block
    return {**block, "cache_control": dict(mapping(holder["cache_control"], f"{path}.cache_control"))}


def _blocks(part: Mapping[str, Any], path: str, kinds: Sequence[str], losses: Losses) -> Iterator[Block]:
    kind = text(part.get("type"), f"{path}.type")
    if kind not in kinds:
        raise wrong(f"{path}.type", f"one of {', '.join(kinds)} in this place")
    losses.judge(part, _PART, path)
    if kind in SAID:
        for block in _text_block(text(part.get(kind), f"{path}.{kind}")):
            yield marked(block, part, path)
        return
    members, at = mapping(part.get(kind), f"{path}.{kind}"), f"{path}.{kind}"
    losses.judge(members, f"{_PART}.{kind}", at)
    yield marked(_image(members, at) if kind == "image_url" else _document(members, at), part, path)


def _text_block(written: str) -> list[Block]:
    return [{"type": "text", "text": written}] if written.strip() else []


def _image(members: Mapping[str, Any], path: str) -> Block:
    url, path = text(members.get("url"), f"{path}.url"), f"{path}.url"
    if url[:5].lower() != "data:":
        if not url.lower().startswith(("https://", "http://")):
            raise wrong(path, "an http(s) URL or a data URL")
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type, data = _opened(url, path)
    if media_type not in _IMAGES:
        raise TABLE.unsupported(path, "Claude sees PNG, JPEG, GIF and WebP.")
    return {"type": "image", "source": {"type": "base64", "media_type": _IMAGES[media_type], "data": data}}


def _document(members: Mapping[str, Any], path: str) -> Block:
    title = optional_text(members.get("filename"), f"{path}.filename")[:_LONGEST_TITLE]
    given, path = text(members.get("file_data"), f"{path}.file_data"), f"{path}.file_data"
    if given[:5].lower() != "data:":
        media_type, data = "application/pdf", _base64(given, path)
    elif given[:15].lower().startswith("data:text/plain"):
        source = {"type": "text", "media_type": "text/plain", "data": _plain_text(given, path)}
        return {"type": "document", "source": source, **({"title": title} if title else {})}
    else:
        media_type, data = _opened(given, path)
    if media_type != "application/pdf":
        raise TABLE.unsupported(path, "Claude reads PDF and plain text.")
    source = {"type": "base64", "media_type": media_type, "data": data}
    return {"type": "document", "source": source, **({"title": title} if title else {})}


def _opened(url: str, path: str) -> tuple[str, str]:
    """Media type and base64 of a data URL (RFC 2397)."""
    opened = _DATA_URL.match(url)
    if opened is None or opened[3] is None:
        raise wrong(path, "a data URL in base64")
    return opened[1].lower(), _base64(url[opened.end() :], path)


def _plain_text(url: str, path: str) -> str:

    opened = _DATA_URL.match(url)
    if opened is None:
        raise wrong(path, "a data URL")
    written = url[opened.end() :]
    try:
        raw = b64decode(_base64(written, path)) if opened[3] is not None else unquote_to_bytes(written)
        return raw.decode()
    except ValueError:
        raise wrong(path, "UTF-8 text in a data URL") from None


def _base64(written: str, path: str) -> str:
    if not _BASE64.fullmatch(written):
        raise wrong(path, "base64")
    return written
