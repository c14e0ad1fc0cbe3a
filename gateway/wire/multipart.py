"""A multipart/form-data request body (RFC 7578): where its fields stand; files are neither parsed nor copied.

Parsers of forms differ in what they forgive. Whatever two of them could read differently (line ends other than CRLF,
a boundary anywhere but on a line of its own, text around the form, folded headers, names with escapes, a `model` that
is a file, is encoded, or is in another charset) is refused: what is judged is what is sent.
"""

import mmap
import re
from collections.abc import Collection, Generator, Hashable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec

from gateway.errors import GatewayError
from gateway.wire.json_splice import Splice
from gateway.wire.json_tokens import text_in_steps
from gateway.wire.media_type import boundary_of, charset_is_utf8, form_data
from gateway.wire.request_body import NOT_PLAIN, Glance
from gateway.wire.unreadable import UNREADABLE
from gateway.wire.url_sieve import UrlSieve
from gateway.wire.urls import UrlPlaces, urls_in_text

_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEADER = re.compile(rb"(" + _NAME + rb"):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_FORM_DATA = re.compile(rb"form-data[ \t]*(?=;|\Z)", re.IGNORECASE)
_PARAMETER = re.compile(rb";[ \t]*(" + _NAME + rb")=(?:\"([^\"]*)\"|([^\s;\"\\]+))[ \t]*(?=;|\Z)")
_CHARSET = re.compile(rb"charset\s*=\s*\"?([^\s;\"]*)", re.IGNORECASE)
_BEYOND_ASCII = (b"us-ascii", b"iso-8859-1", b"windows-1252")
"""Charsets that some clients name, in which ASCII is what it is in UTF-8."""
_NOT_ENCODED = (b"7bit", b"8bit", b"binary")
_JUDGED = ("model", "stream")
_BELOW = re.compile(r"[\[.]")
_MEMBER = re.compile(r"\w+(?:\[\w*\])*", re.ASCII)
_STEP_BELOW = re.compile(r"\[(\w*)\]", re.ASCII)
_CHARSET_FIELD = "_charset_"
"""A field that says in which charset the others are (RFC 7578, section 4.6)."""
_MAX_HEAD_BYTES = 8192
_MAX_FIELD_BYTES = 4096
_MAX_PARTS = 1000
_STEP = 1024 * 1024

Bytes = bytes | mmap.mmap
"""A form in memory, or one that lies on the disk."""


class Part(NamedTuple):
    """A part: where its value stands, whether every parser takes it for a file, and for plain text."""

    name: str
    start: int
    end: int
    is_file: bool
    is_plain: bool


@dataclass(frozen=True)
class FormFields:
    """The fields by which a form is judged, beside its model.

    Args:
        texts: Those that are texts, whatever they look like.
        numbers: Those that are numbers.
        members: Those that have parts, as `svg[model]` and `models[]`, or are written as JSON.
    """

    texts: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()

    def __contains__(self, name: object) -> bool:
        return name in self.texts or name in self.numbers or name in self.members


NO_FIELDS: Final = FormFields()


class MultipartBody:
    """See `RequestBody`. Raises `bad_request` or `unsupported_media_type` on construction.

    `content_type` is the one spelling in which the form goes upstream, `files` is how many files it has. What it is
    judged by reads as the same members of a JSON body would.
    """

    __slots__ = (
        "_boundary",
        "_end",
        "_fields",
        "_file_parts",
        "_judged",
        "_members",
        "_spans",
        "_whole",
        "content_type",
        "data",
        "files",
        "glance",
        "has_doubtful_names",
        "model",
        "names",
        "stream",
        "telling",
    )

    def __init__(self, data: bytes, content_type: bytes, judged: FormFields = NO_FIELDS) -> None:
        boundary = self._boundary = boundary_of(content_type)
        self.content_type = form_data(boundary)
        self.data = data
        self.files = 0
        self._judged = judged
        self._members: dict[str, Any] = {}
        self._whole: set[str] = set()
        self.telling: bool | None = False
        self.glance: Glance | None = NOT_PLAIN
        self.has_doubtful_names = False
        self._fields: list[Part] = []
        self._file_parts: list[Part] = []
        self._spans: dict[str, tuple[int, int]] = {}
        self.names: Collection[str] = self._spans
        self._end = _start_of(data)
        for part in parts_of(data, boundary):
            self._end = part.end + len(b"\r\n")
            if part.is_file:
                self.files += 1
                self._file_parts.append(part)
            else:
                self._fields.append(part)
            self._judge_name(part)
        self.model = self._text("model")
        if self.model == "":
            raise GatewayError("bad_request", "`model` may not be empty.", param="model")
        self.stream = (self._text("stream") or "").lower() == "true"
        self.names = (*self._spans, *self._members)

    def decoded(self, name: str) -> Any:
        """What a field says by which the form is judged."""
        return self._members.get(name)

    def raw(self, name: str) -> bytes | None:
        """What a field says by which the form is judged, as JSON; a number is as it was written."""
        value = self._members.get(name)
        if value is None:
            return None
        return str(value).encode() if name in self._judged.numbers else msgspec.json.encode(value)

    def size(self, _name: str) -> int:
        """A form has no JSON values."""
        return 0

    def is_ambiguous(self, _name: str) -> bool:
        """What a form may not say twice was refused before."""
        return False

    def fingerprint(self, _names: Mapping[str, bytes]) -> Hashable | None:
        """Nobody compares forms."""
        return None

    def parted(self, _names: Mapping[str, bytes]) -> tuple[bytes, bytes] | None:
        """Nobody parts a form."""
        return None

    def only_file(self, name: str) -> Iterator[bytes]:
        """The content of the form's only file, in pieces, where nothing else can be taken for what has this name."""
        if self._has_only(name):
            yield self.data[self._file_parts[0].start : self._file_parts[0].end]

    def _has_only(self, name: str) -> bool:
        """Whether the form has one file, of this name, and no field that some parser takes for it."""
        return (
            self.files == 1
            and self._file_parts[0].name == name
            and not any(_BELOW.split(_read_as(field.name), maxsplit=1)[0] == name for field in self._fields)
        )

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every short field that is not a file, by its name."""
        for field in self._fields:
            if field.end - field.start > _MAX_FIELD_BYTES:
                continue
            yield field.name, self.data[field.start : field.end].decode("utf-8", "replace")

    def parts(self) -> Iterator[tuple[str, Part]]:
        """Each part, with the name that the most forgiving parser gives it, or what it is a part of."""
        for part in (*self._fields, *self._file_parts):
            yield _BELOW.split(_read_as(part.name), maxsplit=1)[0], part

    def may_have_urls(self, _places: UrlPlaces) -> bool:
        """Any field that is not a file."""
        return bool(self._fields)

    def urls(
        self, _places: UrlPlaces, _sieve: UrlSieve | None = None, _passed: set[bytes] | None = None
    ) -> Iterator[tuple[int, str, bool] | None]:
        """Every http(s) URL in a field that is not a file."""
        for field in self._fields:
            text = yield from text_in_steps(self.data, field.start, field.end)
            for found in urls_in_text(text):
                yield None if found is None else (field.start, *found)

    def path_at(self, offset: int) -> Generator[None, None, str]:
        """The name of the field that begins at an offset."""
        yield from ()
        return next((field.name for field in self._fields if field.start == offset), "")

    def replacing_model(self, model: str) -> list[Splice]:
        """The splice of the field's value, or a field behind all others where there is none."""
        span = self._spans.get("model")
        if span is not None:
            return [Splice(*span, model.encode())]
        field = f'--{self._boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n{model}\r\n'
        return [Splice(self._end, self._end, field.encode())]

    def removing(self, _name: str) -> list[Splice]:
        """Forms have no fields of the gateway's own."""
        return []

    def document(self) -> dict[str, Any]:
        """Forms are never translated."""
        raise GatewayError("bad_request", "A form cannot be translated into another API's shape.")

    def asking_for_usage(self) -> list[Splice]:
        """Forms have no stream options."""
        return []

    def _judge_name(self, part: Part) -> None:
        """Keeps what stands in a field by which the form is judged; a name that some parser takes for it is refused."""
        read = _read_as(part.name)
        if read == _CHARSET_FIELD:
            raise _unclear("it names a charset of its own")
        name = _BELOW.split(read, maxsplit=1)[0]
        is_member = name in self._judged
        if name not in _JUDGED and not is_member:
            return
        written = _MEMBER.fullmatch(part.name) if is_member else None
        if (written is None or part.name.partition("[")[0] != name) and part.name != name:
            raise GatewayError("bad_request", f"Write the name {part.name[:64]!r} as {name!r}.", param=name)
        if not part.is_plain:
            raise GatewayError("bad_request", f"The field {name!r} has to be plain text.", param=name)
        if is_member:
            self._keep_member(name, part)
        elif name in self._spans:
            raise _twice(name)
        else:
            self._spans[name] = (part.start, part.end)

    def _keep_member(self, name: str, part: Part) -> None:
        """Puts a field where it belongs in what the form is judged by: `svg[model]` is `model` of `svg`."""
        text = self._read(name, part.start, part.end)
        steps = [name, *_STEP_BELOW.findall(part.name)]
        value = _as_json(text) if name in self._judged.members and len(steps) == 1 else text
        if name in self._whole or (len(steps) == 1 and name in self._members):
            raise _twice(name)
        if len(steps) == 1:
            self._whole.add(name)
        holder: Any = self._members
        for step, following in pairwise(steps):
            holder = holder.setdefault(step, {} if following else []) if isinstance(holder, dict) else None
            if not isinstance(holder, dict if following else list):
                raise _twice(name)
        if isinstance(holder, list):
            holder.append(value)
        elif steps[-1] in holder:
            raise _twice(name)
        else:
            holder[steps[-1]] = value

    def _text(self, name: str) -> str | None:
        span = self._spans.get(name)
        return None if span is None else self._read(name, *span)

    def _read(self, name: str, start: int, end: int) -> str:
        if end - start > _MAX_FIELD_BYTES:
            raise GatewayError("bad_request", f"The field {name!r} is too long.", param=name)
        try:
            return self.data[start:end].decode()
        except UnicodeDecodeError:
            raise GatewayError("bad_request", f"The field {name!r} is not UTF-8.", param=name) from None


def _read_as(name: str) -> str:
    """What the most forgiving parser takes a part's name for."""
    return unquote(name).strip(" \t\r\n\0").lower()


def _start_of(data: Bytes) -> int:
    """Where the first boundary stands."""
    return 2 if data[:2] == b"\r\n" else 0


def _as_json(text: str) -> Any:
    """The list or object that a text writes, where it is one; some servers read it so."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return msgspec.json.decode(text)
    except UNREADABLE:
        return text


def _twice(name: str) -> GatewayError:
    return GatewayError("bad_request", f"The form has {name!r} twice, or in two ways; keep one.", param=name)


def parts_of(data: Bytes, boundary: str) -> Iterator[Part]:
    """Every part in turn (RFC 2046, section 5.1.1). Raises `bad_request` for what two parsers could read differently.

    Some parsers find the delimiter behind a bare line end too, within a file, say: no line may begin with it but these.
    """
    delimiter = b"--" + boundary.encode()
    line_end = re.compile(re.escape(delimiter) + rb"(?:(--)|\r\n)")
    position = _start_of(data)
    for _ in range(_MAX_PARTS):
        line = line_end.match(data, position)
        if line is None or (line[1] is not None and not _is_empty_lines(data, line.end())):
            raise _unclear("a boundary does not stand on a line of its own, or something stands around the form")
        if line[1] is not None:
            return
        head_end = data.find(b"\r\n\r\n", line.end(), line.end() + _MAX_HEAD_BYTES)
        position = _find(data, b"\n" + delimiter, head_end + 3, len(data)) + 1 if head_end >= 0 else 0
        if not position:
            raise _unclear("it breaks off")
        end = position - len(b"\r\n")
        if data[end:position] != b"\r\n" or _find(data, b"\r" + delimiter, head_end + 4, end) >= 0:
            raise _unclear("its boundary stands behind a bare line end")
        if end < head_end + 4:
            raise _unclear("it breaks off within a head")
        yield _part(data, line.end(), head_end + 4, end)
    raise _unclear(f"it has more than {_MAX_PARTS} parts")


def _is_empty_lines(data: Bytes, start: int) -> bool:
    rest = data[start : start + _MAX_HEAD_BYTES]
    return len(data) - start == len(rest) and rest == b"\r\n" * (len(rest) // 2)


def _find(data: Bytes, wanted: bytes, start: int, end: int) -> int:
    """As `bytes.find`, in steps between which others can go on."""
    for begin in range(start, end, _STEP):
        found = data.find(wanted, begin, min(begin + _STEP + len(wanted), end))
        if found >= 0:
            return found
    return -1


def _part(data: Bytes, head: int, start: int, end: int) -> Part:
    """A part, given where its head and its value stand."""
    headers: dict[bytes, bytes] = {}
    while head < start - 2:
        line = _HEADER.match(data, head)
        if line is None:
            raise _unclear("a header of a part is not one line with a name and a value")
        name = line[1].lower()
        if name in headers:
            raise _unclear("a part has a header twice")
        headers[name] = line[2].strip(b" \t")
        head = line.end()
    parameters = _disposition(headers.get(b"content-disposition", b""))
    media_type = headers.get(b"content-type", b"text/plain").lower()
    if media_type.startswith(b"multipart/"):
        raise _unclear("a part holds other parts")
    # An empty file name is that of a file to some parsers, and none to others.
    is_file = bool(parameters.get(b"filename"))
    if not is_file:
        if headers.get(b"content-transfer-encoding", b"binary").lower() not in _NOT_ENCODED:
            raise _unclear("a field is encoded")
        _check_charset(media_type, data, start, end)
    is_plain = media_type.startswith(b"text/") and parameters.keys() == {b"name"}
    try:
        return Part(parameters[b"name"].decode(), start, end, is_file, is_plain)
    except UnicodeDecodeError:
        raise _unclear("a part's name is not UTF-8") from None


def _check_charset(media_type: bytes, data: Bytes, start: int, end: int) -> None:
    """Refuses a field that reads differently in the charset that it names than in UTF-8."""
    charset = _CHARSET.search(media_type)
    if charset is None and b"*" not in media_type:
        return
    named = b"" if charset is None else charset[1]
    is_ascii = named in _BEYOND_ASCII and data[start:end].isascii()
    if not is_ascii and not charset_is_utf8(named.decode("latin-1")):
        raise _unclear("a field is in another charset than UTF-8")


def _disposition(written: bytes) -> dict[bytes, bytes]:
    """The parameters of a part's Content-Disposition, `name` among them."""
    form_data = _FORM_DATA.match(written)
    parameters: dict[bytes, bytes] = {}
    position = -1 if form_data is None else form_data.end()
    while 0 <= position < len(written):
        parameter = _PARAMETER.match(written, position)
        if parameter is None or (name := parameter[1].lower()) in parameters or name == b"name*":
            break
        parameters[name] = parameter[2] if parameter[2] is not None else parameter[3]
        position = parameter.end()
    named = parameters.get(b"name")
    if position != len(written) or named is None or b"\\" in named or parameters.get(b"filename", b"").endswith(b"\\"):
        raise _unclear("a part does not have one plain name")
    return parameters


def _unclear(why: str) -> GatewayError:
    return GatewayError("bad_request", f"The form cannot be read without doubt: {why}.")
