"""Where each API takes media in base64: what stands there is no text, and what stands anywhere else is.

References: https://platform.openai.com/docs/api-reference, https://docs.anthropic.com/en/api. `video_url`, `audio_url`
and media types other than images in a data URL are those of compatible servers
(https://docs.vllm.ai/en/latest/features/multimodal_inputs.html, https://ai.google.dev/gemini-api/docs/openai). A test
compares the tables with the types of the SDKs.
"""

import enum
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

import msgspec

from gateway.money.estimate import Medium, MediumKind
from gateway.shapes.google_request import spellings
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.unreadable import UNREADABLE

_T = TypeVar("_T")

_MOST_VALUES: Final = 500_000
"""No body of so many values means anything; media in it counts as text."""

_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY: Final = msgspec.json.Decoder(Any)
_OF_BASE64: Final = (string.ascii_letters + string.digits + "+/=_-").encode()
_DATA_URL: Final = re.compile(r"data:([\w.+/-]{1,128})(?:;[\w.+-]{1,32}=[\w.+-]{1,64})?;base64,", re.ASCII)


class Form(enum.Enum):
    """How a medium is written."""

    URL = enum.auto()
    """A data URL (RFC 2397), whose media type says what it is."""
    AUDIO = enum.auto()
    """Base64 of audio."""
    FILE = enum.auto()
    """A data URL or base64 of any document."""
    SOURCE = enum.auto()
    """An object with the members `type`, which has to be `base64`, `media_type` and `data`."""
    BLOB = enum.auto()
    """An object with the members `mimeType` and `data`, as Google's APIs have it."""


@dataclass(frozen=True)
class MediaMembers:
    """The members of one API that are media, each by the names that lead to it from the top, array indices left out."""

    places: Mapping[tuple[str, ...], Form] = field(default_factory=dict)

    def found_in(self, body: bytes) -> Iterator[Medium]:
        """All media that stands in base64 in a body."""
        if not self.places or body.count(b",") > _MOST_VALUES:
            return
        members = _read(body, _OBJECT) or {}
        for name, node in self._tree.inner.items():
            raw = members.get(name)
            if raw is not None:
                yield from _media_at(_read(raw, _ANY), node)

    @cached_property
    def _tree(self) -> "_Node":
        root = _Node()
        for path, form in self.places.items():
            node = root
            for name in path:
                node = node.inner.setdefault(name, _Node())
            node.form = form
        return root


class _Node:
    """What may stand at a path: a medium, or more on the way to one."""

    __slots__ = ("form", "inner")

    def __init__(self) -> None:
        self.form: Form | None = None
        self.inner: dict[str, _Node] = {}


def _read(raw: bytes | msgspec.Raw, decoder: msgspec.json.Decoder[_T]) -> _T | None:
    """What stands there; `None` for what cannot be read, which nobody answers."""
    try:
        return decoder.decode(raw)
    except UNREADABLE:
        mended = without_lone_surrogates(bytes(raw))
    try:
        return decoder.decode(mended)
    except UNREADABLE:
        return None


def _media_at(value: Any, node: _Node) -> Iterator[Medium]:
    for one in value if isinstance(value, list) else (value,):
        if isinstance(one, dict):
            if node.form is Form.SOURCE and (medium := _of_source(one)) is not None:
                yield medium
            if node.form is Form.BLOB and (medium := _of_blob(one)) is not None:
                yield medium
            for name, following in node.inner.items():
                if (inner := one.get(name)) is not None:
                    yield from _media_at(inner, following)
        elif node.form is not None and isinstance(one, str) and (medium := _written(one, node.form)) is not None:
            yield medium


def _of_source(source: dict[str, Any]) -> Medium | None:
    """What a `source` has in base64; `None` where its data is text, or is elsewhere."""
    data, media_type = source.get("data"), source.get("media_type")
    if source.get("type") != "base64" or not isinstance(data, str) or not isinstance(media_type, str):
        return None
    return _medium(_kind_of(media_type), data)


def _of_blob(blob: dict[str, Any]) -> Medium | None:
    data, media_type = blob.get("data"), blob.get("mimeType") or blob.get("mime_type")
    if not isinstance(data, str) or not isinstance(media_type, str):
        return None
    return _medium(_kind_of(media_type), data)


def _written(text: str, form: Form) -> Medium | None:
    """The medium that a text is, `None` where it is none."""
    url = _DATA_URL.match(text)
    if form is Form.URL:
        return None if url is None else _medium(_kind_of(url[1]), text[url.end() :])
    encoded = text if url is None else text[url.end() :]
    return _medium(MediumKind.AUDIO if form is Form.AUDIO else MediumKind.DOCUMENT, encoded)


def _kind_of(media_type: str) -> MediumKind:
    media_type = media_type.lower()
    if media_type.startswith("image/") and not media_type.endswith("xml"):
        return MediumKind.IMAGE
    return MediumKind.AUDIO if media_type.startswith("audio/") else MediumKind.DOCUMENT


def _medium(kind: MediumKind, text: str) -> Medium | None:
    """`None` for what is not base64 throughout."""
    if not text.isascii():
        return None
    encoded = text.encode()
    return None if encoded.translate(None, _OF_BASE64) else Medium(kind, encoded)


NO_MEDIA: Final = MediaMembers()
"""An API that takes no media in base64."""


def _parts(*path: str) -> dict[tuple[str, ...], Form]:
    """The parts of a message of chat."""
    return {
        (*path, "image_url"): Form.URL,
        (*path, "image_url", "url"): Form.URL,
        (*path, "video_url", "url"): Form.URL,
        (*path, "audio_url", "url"): Form.URL,
        (*path, "input_audio", "data"): Form.AUDIO,
        (*path, "file", "file_data"): Form.FILE,
    }


CHAT: Final = MediaMembers(_parts("messages", "content"))
EMBEDDINGS: Final = MediaMembers(
    {**_parts("messages", "content"), **_parts("input"), **_parts("input", "content"), **_parts("inputs", "content")}
)
"""No API of OpenAI's, but of servers that are made after it."""

_PARTS_OF_RESPONSES: Final = {
    ("image_url",): Form.URL,
    ("image_url", "url"): Form.URL,
    ("file_data",): Form.FILE,
    ("input_audio", "data"): Form.AUDIO,
}
_TOOLS_OF_RESPONSES: Final = {
    ("input_image_mask", "image_url"): Form.URL,
    ("environment", "skills", "source"): Form.SOURCE,
}
RESPONSES: Final = MediaMembers(
    {
        **{
            ("input", parts, *path): form
            for parts in ("content", "output")
            for path, form in _PARTS_OF_RESPONSES.items()
        },
        **{(*above, "tools", *path): form for above in ((), ("input",)) for path, form in _TOOLS_OF_RESPONSES.items()},
    }
)
RERANK: Final = MediaMembers(
    {
        **_parts("documents", "content"),
        **_parts("query", "content"),
        ("documents", "image"): Form.URL,
        ("query", "image"): Form.URL,
    }
)
"""https://api.jina.ai/redoc and vLLM's parts of messages: rankings of pictures."""
IMAGES: Final = MediaMembers({("images", "image_url"): Form.URL, ("mask", "image_url"): Form.URL})
MESSAGES: Final = MediaMembers(
    dict.fromkeys(
        (
            ("messages", "content", "source"),
            ("messages", "content", "source", "content", "source"),
            ("messages", "content", "content", "source"),
            ("messages", "content", "content", "source", "content", "source"),
            ("messages", "content", "content", "content", "source"),
            ("messages", "content", "content", "content", "source", "content", "source"),
        ),
        Form.SOURCE,
    )
)
"""Images and documents; those in a document, in the result of a tool, and in what was fetched."""


def _blobs(*path: str) -> dict[tuple[str, ...], Form]:
    """The parts below a member of Google's, in both spellings of every name."""
    inline = [
        *spellings(*path, "parts", "inlineData"),
        *spellings(*path, "parts", "functionResponse", "parts", "inlineData"),
    ]
    return dict.fromkeys(inline, Form.BLOB)


GENERATE_CONTENT: Final = MediaMembers(
    {
        **_blobs("contents"),
        **_blobs("systemInstruction"),
        **_blobs("generateContentRequest", "contents"),
    }
)
EMBED_CONTENT: Final = MediaMembers({**_blobs("content"), **_blobs("requests", "content")})
