"""A multipart/form-data request body (RFC 7578): where its `model` stands; files are neither parsed nor copied."""

import re
from collections.abc import Iterator
from typing import Any

from gateway.errors import GatewayError
from gateway.wire.json_splice import Splice

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'content-disposition:[^\r\n]*?[;\s]name="((?:[^"\\]|\\.)*)"', re.IGNORECASE)
_FILE = re.compile(rb"content-disposition:[^\r\n]*?[;\s]filename\*?=", re.IGNORECASE)
_FIELDS = ("model", "stream")
_MAX_FIELD_BYTES = 4096


class MultipartBody:
    """See `RequestBody`. Raises `bad_request` or `unsupported_media_type` on construction."""

    __slots__ = ("_spans", "data", "max_output_tokens", "model", "stream")

    def __init__(self, data: bytes, content_type: str) -> None:
        match = _BOUNDARY.search(content_type)
        if not content_type.lower().startswith("multipart/form-data") or match is None:
            raise GatewayError("unsupported_media_type", "This path reads multipart/form-data with a boundary.")
        self.data = data
        self.max_output_tokens: int | None = None
        self._spans: dict[str, tuple[int, int]] = {}
        for name, start, end in _fields(data, b"--" + (match[1] or match[2]).encode("latin-1")):
            if name not in _FIELDS:
                continue
            if name in self._spans:
                raise GatewayError("bad_request", f"The form has {name!r} twice; keep one.", param=name)
            self._spans[name] = (start, end)
        self.model = self._text("model")
        if self.model == "":
            raise GatewayError("bad_request", "`model` may not be empty.", param="model")
        self.stream = (self._text("stream") or "").lower() == "true"

    def decoded(self, _name: str) -> Any:
        """A form declares no tools and no servers."""
        return None

    def fingerprint(self, *_names: str) -> bytes | None:
        """A form declares nothing that could be judged."""
        return None

    def urls(self) -> Iterator[tuple[int, str]]:
        """A form is not searched for URLs: its fields are a file and options."""
        return iter(())

    def path_at(self, _offset: int) -> str:
        """A form has no paths."""
        return ""

    def replacing_model(self, model: str) -> list[Splice]:
        """The splice of the field's value."""
        span = self._spans.get("model")
        if span is None:
            raise GatewayError("bad_request", f"Name the model: the default here is {model!r}.", param="model")
        return [Splice(*span, model.encode())]

    def asking_for_usage(self) -> list[Splice]:
        """Forms have no stream options."""
        return []

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


def _fields(data: bytes, delimiter: bytes) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of every part that is not a file (RFC 2046, section 5.1.1)."""
    position = 0 if data.startswith(delimiter) else data.find(b"\r\n" + delimiter) + 2
    if position == 1:
        raise GatewayError("bad_request", "The form does not begin with its boundary.")
    between = b"\r\n" + delimiter
    while True:
        position += len(delimiter)
        if data.startswith(b"--", position):
            return
        head_end = data.find(b"\r\n\r\n", position)
        end = data.find(between, head_end + 2) if head_end >= 0 else -1
        if end < 0:
            raise GatewayError("bad_request", "The form breaks off.")
        head = data[position:head_end]
        match = _NAME.search(head)
        if match is None:
            raise GatewayError("bad_request", "A part of the form has no name.")
        if _FILE.search(head) is None:
            yield match[1].decode("utf-8", "replace"), head_end + 4, end
        position = end + 2
