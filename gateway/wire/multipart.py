"""A multipart/form-data request body (RFC 7578): where its fields stand; files are neither parsed nor copied.

Parsers of forms differ in what they forgive. Whatever two of them could read differently (line ends other than CRLF,
folded headers, names with escapes, a `model` that is a file or is encoded) is refused: what is judged is what is sent.
"""

import re
from collections.abc import Hashable, Iterator
from typing import Any

import msgspec

from gateway.errors import GatewayError
from gateway.wire.json_splice import Splice
from gateway.wire.urls import urls_in_text

_BOUNDARY = re.compile(r'[;\s]boundary=(?:"([^"\\]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_DISPOSITION = re.compile(rb"(?:^|\r\n)content-disposition[ \t]*:", re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name=(?:"([^"\\\r\n]*)"|([^\s;"\\]+))', re.IGNORECASE)
_FILE = re.compile(rb"[;\s]filename\*?=", re.IGNORECASE)
_EXTENDED_NAME = re.compile(rb"[;\s]name\*", re.IGNORECASE)
_ENCODED = re.compile(rb"\ncontent-transfer-encoding[ \t]*:(?![ \t]*(?:7bit|8bit|binary)[ \t]*\r\n)", re.IGNORECASE)
_QUOTED = re.compile(rb'"[^"\r\n]*"')
_JUDGED = ("model", "stream")
_MAX_HEAD_BYTES = 8192
_MAX_FIELD_BYTES = 4096
_MAX_PARTS = 1000


class _Part(msgspec.Struct):
    name: str
    start: int
    end: int
    is_file: bool
    is_encoded: bool


class MultipartBody:
    """See `RequestBody`. Raises `bad_request` or `unsupported_media_type` on construction."""

    __slots__ = ("_fields", "_spans", "data", "max_output_tokens", "model", "stream")

    def __init__(self, data: bytes, content_type: str) -> None:
        boundaries = _BOUNDARY.findall(content_type)
        if not content_type.lower().startswith("multipart/form-data") or len(boundaries) != 1:
            raise GatewayError("unsupported_media_type", "This path reads multipart/form-data with a boundary.")
        boundary = boundaries[0][0] or boundaries[0][1]
        self.data = data
        self.max_output_tokens: int | None = None
        self._fields: list[_Part] = []
        self._spans: dict[str, tuple[int, int]] = {}
        for part in _parts(data, b"--" + boundary.encode("latin-1")):
            if not part.is_file:
                self._fields.append(part)
            if part.name in _JUDGED:
                self._add(part)
        self.model = self._text("model")
        if self.model == "":
            raise GatewayError("bad_request", "`model` may not be empty.", param="model")
        self.stream = (self._text("stream") or "").lower() == "true"

    def decoded(self, _name: str) -> Any:
        """A form declares no tools and no servers."""
        return None

    def raw(self, _name: str) -> bytes | None:
        """A form has no JSON values."""
        return None

    def is_ambiguous(self, _name: str) -> bool:
        """What a form may not say twice was refused before."""
        return False

    def fingerprint(self, *_names: str) -> Hashable | None:
        """A form declares nothing that could be judged."""
        return None

    def urls(self) -> Iterator[tuple[int, str, bool]]:
        """Every http(s) URL in a field that is not a file."""
        for field in self._fields:
            for url, certain in urls_in_text(self.data[field.start : field.end].decode("utf-8", "replace")):
                yield field.start, url, certain

    def path_at(self, offset: int) -> str:
        """The name of the field that begins at an offset."""
        return next((field.name for field in self._fields if field.start == offset), "")

    def replacing_model(self, model: str) -> list[Splice]:
        """The splice of the field's value."""
        span = self._spans.get("model")
        if span is None:
            raise GatewayError("bad_request", f"Name the model: the default here is {model!r}.", param="model")
        return [Splice(*span, model.encode())]

    def removing(self, _name: str) -> list[Splice]:
        """Forms have no fields of the gateway's own."""
        return []

    def document(self) -> dict[str, Any]:
        """Forms are never translated."""
        raise GatewayError("bad_request", "A form cannot be translated into another API's shape.")

    def asking_for_usage(self) -> list[Splice]:
        """Forms have no stream options."""
        return []

    def _add(self, part: _Part) -> None:
        name = part.name
        if name in self._spans:
            raise GatewayError("bad_request", f"The form has {name!r} twice; keep one.", param=name)
        if part.is_file or part.is_encoded:
            raise GatewayError("bad_request", f"The field {name!r} has to be plain text.", param=name)
        self._spans[name] = (part.start, part.end)

    def _text(self, name: str) -> str | None:
        span = self._spans.get(name)
        if span is None:
            return None
        if span[1] - span[0] > _MAX_FIELD_BYTES:
            raise GatewayError("bad_request", f"The field {name!r} is too long.", param=name)
        try:
            return self.data[span[0] : span[1]].decode()
        except UnicodeDecodeError:
            raise GatewayError("bad_request", f"The field {name!r} is not UTF-8.", param=name) from None


def _parts(data: bytes, delimiter: bytes) -> Iterator[_Part]:
    """Every part in turn (RFC 2046, section 5.1.1)."""
    between = b"\r\n" + delimiter
    line_end = re.compile(re.escape(delimiter) + rb"(--)?[ \t]*(?:\r\n|\Z)")
    position = 0 if data.startswith(delimiter) else data.find(between) + 2
    for _ in range(_MAX_PARTS):
        line = line_end.match(data, position)
        if line is None:
            raise _unclear("its boundary does not stand on a line of its own")
        if line[1] is not None:
            if data[line.end() : line.end() + _MAX_HEAD_BYTES].strip(b" \t\r\n"):
                raise _unclear("something follows its end")
            return
        # The line end of the delimiter may be that of an empty head.
        head_end = data.find(b"\r\n\r\n", line.end() - 2, line.end() + _MAX_HEAD_BYTES)
        end = data.find(between, head_end + 2) if head_end >= 0 else -1
        if end < 0:
            raise _unclear("it breaks off")
        yield _part(data[line.end() - 2 : head_end + 2], head_end + 4, end)
        position = end + 2
    raise _unclear(f"it has more than {_MAX_PARTS} parts")


def _part(head: bytes, start: int, end: int) -> _Part:
    """A part, given its headers with the line ends around them."""
    lone_line_ends = head.replace(b"\r\n", b"")
    if b"\r" in lone_line_ends or b"\n" in lone_line_ends or b"\r\n " in head or b"\r\n\t" in head:
        raise _unclear("a header of a part is folded or ends in a bare line end")
    unquoted = _QUOTED.sub(b'""', head)
    names = _NAME.findall(head)
    is_plain = len(_DISPOSITION.findall(head)) == 1 and len(names) == 1 and _EXTENDED_NAME.search(unquoted) is None
    if not is_plain or b"\\" in names[0][0]:
        raise _unclear("a part does not have one plain name")
    name = (names[0][0] or names[0][1]).decode("utf-8", "replace")
    return _Part(name, start, end, _FILE.search(unquoted) is not None, _ENCODED.search(head) is not None)


def _unclear(why: str) -> GatewayError:
    return GatewayError("bad_request", f"The form cannot be read without doubt: {why}.")
