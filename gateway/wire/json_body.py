"""A JSON request body: its facts are found, its bytes stay as they are.

The top level is decoded once, each value left raw, which also proves the syntax. Where a member's value stands is then
known by walking over the top level only; that works as long as no key repeats with another value, and an exact, slower
scan takes over when one does.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.errors import GatewayError
from gateway.wire.json_path import path_at
from gateway.wire.json_splice import Splice

JUDGED = ("model", "tools", "stream", "mcp_servers", "functions")
"""Keys that must not repeat: two parsers must never disagree about what was judged and what was sent."""

_OUTPUT_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_LITERALS = tuple((name, b'"%s"' % name.encode()) for name in JUDGED)
_SMALL = 64 * 1024
_TOP_LEVEL = msgspec.json.Decoder(dict[str, msgspec.Raw])
_OPEN = re.compile(rb"[ \t\r\n]*\{[ \t\r\n]*")
_KEY = re.compile(rb'"((?:[^"\\]|\\.)*)"[ \t\r\n]*:[ \t\r\n]*')
_NEXT = re.compile(rb"[ \t\r\n]*[,}][ \t\r\n]*")
_MAY_HOLD_URL = re.compile(rb"[hH][tT][tT][pP]|\\u00")
_STRING = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_URL = re.compile(r"https?://[^\s\"<>\\^`{|}]+", re.IGNORECASE)
_TRAILING = ".,;:!?)]}'*"

Span = tuple[int, int]


class JsonBody:
    """See `RequestBody`. Raises `bad_request` on construction for what is not one JSON object without doubt."""

    __slots__ = ("_raw", "_walk", "data", "max_output_tokens", "model", "stream")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._raw = _decode_top_level(data)
        self._walk: tuple[dict[str, Span], frozenset[str]] | None = None
        self._refuse_repeats()
        self.model = self._model()
        self.stream = self._text("stream") == b"true"
        self.max_output_tokens = self._max_output_tokens()

    def decoded(self, name: str) -> Any:
        """A top-level value as plain data; objects in it that repeat a key are refused."""
        raw = self._raw.get(name)
        return None if raw is None else _decode_strictly(bytes(raw), name)

    def urls(self) -> Iterator[tuple[int, str]]:
        """Every http(s) URL in any string of the body, keys and repeated keys included."""
        lowered = self.data.lower()
        if b"http" not in lowered and b"\\u00" not in lowered:
            return
        for match in _STRING.finditer(self.data):
            literal = match[1]
            if _MAY_HOLD_URL.search(literal) is None:
                continue
            text = literal.decode("utf-8", "replace")
            if "\\" in text:
                text = json.loads(f'"{text}"', strict=False)
            for url in _URL.findall(text):
                yield match.start(), url.rstrip(_TRAILING)

    def path_at(self, offset: int) -> str:
        """The JSON path of what stands at an offset."""
        return path_at(self.data, offset)

    def replacing_model(self, model: str) -> list[Splice]:
        """The splice of the top-level `model`; raises when the body leaves its model to the API's default."""
        span = self._span("model")
        if span is None:
            raise GatewayError("bad_request", f"Name the model: the default here is {model!r}.", param="model")
        return [Splice(*span, msgspec.json.encode(model))]

    def asking_for_usage(self) -> list[Splice]:
        """Adds `stream_options.include_usage` where the body does not mention it."""
        span = self._span("stream_options")
        if span is None:
            after_brace = self.data.index(b"{") + 1
            return [Splice(after_brace, after_brace, b'"stream_options":{"include_usage":true},')]
        if "stream_options" in self._walked()[1]:
            raise GatewayError("bad_request", "The body has 'stream_options' twice; keep one.", param="stream_options")
        options = self.decoded("stream_options")
        if options is None:
            return [Splice(*span, b'{"include_usage":true}')]
        if not isinstance(options, dict) or "include_usage" in options:
            return []
        inside = span[0] + 1
        return [Splice(inside, inside, b'"include_usage":true' + (b"," if options else b""))]

    def fingerprint(self, *names: str) -> bytes | None:
        """A digest of what stands under these names, `None` when nothing does; equal bytes have equal digests."""
        digest = None
        for name in names:
            raw = self._raw.get(name)
            if raw is not None:
                digest = digest or hashlib.blake2b(digest_size=16)
                digest.update(b"%s\0%d\0" % (name.encode(), len(bytes(raw))))
                digest.update(raw)
        return None if digest is None else digest.digest()

    def _refuse_repeats(self) -> None:
        """PERF: a key that stands in a small body once, as text, repeats nowhere; only else is it looked at closely."""
        data, raw = self.data, self._raw
        if (
            len(data) <= _SMALL
            and b"\\u00" not in data
            and all(data.count(literal) == 1 for name, literal in _LITERALS if name in raw)
        ):
            return
        repeated = self._walked()[1]
        for name in JUDGED:
            if name in repeated:
                raise GatewayError("bad_request", f"The body has {name!r} twice; keep one.", param=name)

    def _walked(self) -> tuple[dict[str, Span], frozenset[str]]:
        if self._walk is None:
            self._walk = _spans(self.data, self._raw)
        return self._walk

    def _span(self, name: str) -> Span | None:
        """Where a top-level value stands."""
        raw = self._raw.get(name)
        if raw is None:
            return None
        literal = b'"%s"' % name.encode()
        if len(self.data) <= _SMALL and b"\\u00" not in self.data and self.data.count(literal) == 1:
            key = _KEY.match(self.data, self.data.index(literal))
            if key is not None:
                return key.end(), key.end() + len(bytes(raw))
        return self._walked()[0].get(name)

    def _max_output_tokens(self) -> int | None:
        stated = [self._count(name) for name in _OUTPUT_LIMITS if name in self._raw]
        return (max(stated) or None) if stated else None

    def _model(self) -> str | None:
        raw = self._text("model")
        if raw is None:
            return None
        try:
            model = msgspec.json.decode(raw, type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            model = ""
        if not model:
            raise GatewayError("bad_request", "`model` has to be a string that is not empty.", param="model")
        return model

    def _text(self, name: str) -> bytes | None:
        raw = self._raw.get(name)
        return None if raw is None else bytes(raw)

    def _count(self, name: str) -> int:
        raw = self._raw.get(name)
        if raw is None:
            return 0
        digits = bytes(raw)
        return int(digits) if digits.isdigit() and len(digits) < 12 else 0  # noqa: PLR2004 - no model writes more


def _decode_top_level(data: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _TOP_LEVEL.decode(data)
    except msgspec.ValidationError:
        problem = "the body has to be a JSON object"
    except msgspec.DecodeError as error:
        problem = f"the body is not JSON: {str(error).removeprefix('JSON is malformed: ')}"
    except UnicodeDecodeError:
        problem = "the body has a key that is not UTF-8"
    except RecursionError:
        problem = "the body is nested too deep"
    raise GatewayError("bad_request", f"{problem[0].upper()}{problem[1:]}.")


def _spans(data: bytes, raw: dict[str, msgspec.Raw]) -> tuple[dict[str, Span], frozenset[str]]:
    """Where each top-level value stands, and which keys repeat. The syntax is known to be right."""
    spans: dict[str, Span] = {}
    repeated: set[str] = set()
    opening = _OPEN.match(data)
    position = opening.end() if opening is not None else 0
    text: str | None = None
    while (key_match := _KEY.match(data, position)) is not None:
        literal = key_match[1]
        key = json.loads(b'"' + literal + b'"', strict=False) if b"\\" in literal else literal.decode()
        start = key_match.end()
        value = bytes(raw[key])
        end = start + len(value)
        following = _NEXT.match(data, end) if data.startswith(value, start) else None
        if following is None:
            # Only a key that repeats with another value gets here. Latin-1 keeps offsets the same in text and bytes.
            text = text or data.decode("latin-1")
            end = _end_of_value(text, start)
            following = _NEXT.match(data, end)
        if key in spans:
            repeated.add(key)
        spans[key] = (start, end)
        if following is None:
            break
        position = following.end()
    return spans, frozenset(repeated)


_SCANNER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)


def _end_of_value(text: str, start: int) -> int:
    try:
        return _SCANNER.raw_decode(text, start)[1]
    except RecursionError:
        raise GatewayError("bad_request", "The body is nested too deep.") from None


def _decode_strictly(raw: bytes, name: str) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            raise GatewayError("bad_request", f"An object in {name!r} has one key twice; keep one.", param=name)
        return mapping

    try:
        return json.loads(raw, object_pairs_hook=once, parse_int=str, parse_float=str, strict=False)
    except UnicodeDecodeError:
        raise GatewayError("bad_request", f"{name!r} is not UTF-8.", param=name) from None
    except RecursionError:
        raise GatewayError("bad_request", f"{name!r} is nested too deep.", param=name) from None
