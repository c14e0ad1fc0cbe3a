"""Data URLs and base64, as clients send pictures, sounds and files in them."""

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from gateway.lanes.conversation import Inline, Linked, PlainText
from gateway.lanes.reading import wrong

PDF: Final = "application/pdf"
IMAGES: Final[Mapping[str, str]] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
"""The formats of images that models see, by the media types that clients give them."""

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]++={0,2}")
_TEXT: Final = "text/plain"


class DataUrl(NamedTuple):
    """A data URL (RFC 2397): its media type in lower case, whether its data is base64, and the data as written."""

    media_type: str
    is_base64: bool
    data: str


def data_url(url: str) -> DataUrl | None:
    """A URL's parts, where it is a data URL."""
    head, comma, data = url.partition(",")
    if head[:5].lower() != "data:" or not comma:
        return None
    return DataUrl(head[5:].partition(";")[0].lower(), head.lower().endswith(";base64"), data)


def encoded(opened: DataUrl, path: str) -> str:
    """The base64 of a data URL."""
    if not opened.is_base64:
        raise wrong(path, "a data URL in base64")
    return base64_text(opened.data, path)


def base64_text(written: str, path: str) -> str:
    """Base64."""
    if _BASE64.fullmatch(written) is None:
        raise wrong(path, "base64")
    return written


def plain_text(opened: DataUrl, path: str) -> str:
    """The text of a data URL."""
    try:
        raw = b64decode(base64_text(opened.data, path)) if opened.is_base64 else unquote_to_bytes(opened.data)
        return raw.decode()
    except ValueError:
        raise wrong(path, "UTF-8 text in a data URL") from None


def source_at(url: str, path: str) -> Inline | Linked:
    """What a URL of any kind leads to, which for a data URL is what it holds."""
    opened = data_url(url)
    return Linked(url) if opened is None else Inline(opened.media_type, encoded(opened, path))


def document_in(data: str, path: str) -> Inline | PlainText:
    """What a file is that a client sends as a data URL, or as base64 and does not say of which media type."""
    opened = data_url(data)
    if opened is None:
        return Inline("", base64_text(data, path))
    if opened.media_type == _TEXT:
        return PlainText(plain_text(opened, path))
    return Inline(opened.media_type, encoded(opened, path))
