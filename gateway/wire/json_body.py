"""A JSON request body: its facts are found, its bytes stay as they are."""

import hashlib
import json
import math
from collections.abc import Callable, Collection, Generator, Hashable, Iterator, Mapping
from typing import Any

import msgspec

from gateway.errors import GatewayError
from gateway.wire.json_members import find_members
from gateway.wire.json_parts import without_members
from gateway.wire.json_path import path_at, paths_at
from gateway.wire.json_splice import Splice
from gateway.wire.json_tokens import without_lone_surrogates
from gateway.wire.request_body import Glance
from gateway.wire.url_sieve import UrlSieve
from gateway.wire.urls import UrlPlaces, may_have_urls, odd_fields, urls_in_json

_LONG_VALUE = 512
"""Bytes above which a digest stands for a value in fingerprints; shorter ones are remembered as they are."""

_MAX_ODD_FIELDS = 10_000
_DECIMAL_DIGITS_OF_64_BITS = 18
_TOP_LEVEL = msgspec.json.Decoder(dict[str, msgspec.Raw])


class JsonBody:
    """See `RequestBody`. Raises `bad_request` on construction for what is not one JSON object without doubt.

    The names in `judged` may stand once only and in no other case, even alone: two parsers must never disagree about
    what was judged and what was sent.
    """

    __slots__ = (
        "_digest",
        "_names",
        "_parts",
        "_readable",
        "_repeated",
        "_spans",
        "_varied",
        "data",
        "glance",
        "has_doubtful_names",
        "model",
        "names",
        "stream",
        "telling",
    )

    def __init__(self, data: bytes, judged: frozenset[str] = frozenset()) -> None:
        self.data = data
        self.telling: bool | None = None
        self.glance: Glance | None = None
        self._names: Mapping[str, bytes] | None = None
        self._parts: tuple[bytes, bytes] | None = None
        self._digest: bytes | None = None
        # The same bytes, but for escapes that are no characters; offsets are the same in both.
        self._readable, top_level = _decode_top_level(data)
        self._spans, self._repeated = find_members(self._readable, top_level)
        self.names: Collection[str] = self._spans
        # PERF: what may be another spelling of a name that is judged; hardly any body has such a key.
        all_keys = "".join(self._spans)
        is_plain = all_keys.islower() and all_keys.isascii()
        self._varied = [] if is_plain else [key for key in self._spans if not (key.islower() and key.isascii())]
        self.has_doubtful_names = bool(self._repeated or self._varied)
        if self.has_doubtful_names:
            self._refuse_ambiguous(judged)
        self.model = self._model()
        self.stream = "stream" in self._spans and self.raw("stream") == b"true"

    def decoded(self, name: str) -> Any:
        """A top-level value as plain data; objects in it that repeat a key are refused."""
        span = self._spans.get(name)
        return None if span is None else _decode_strictly(self._readable[span[0] : span[1]], name)

    def raw(self, name: str) -> bytes | None:
        """The bytes of a top-level value as they stand, `None` when it is not there."""
        span = self._spans.get(name)
        return None if span is None else self._readable[span[0] : span[1]]

    def size(self, name: str) -> int:
        """How many bytes a top-level value has, 0 when it is not there."""
        span = self._spans.get(name)
        return 0 if span is None else span[1] - span[0]

    def is_ambiguous(self, name: str) -> bool:
        """Whether a top-level name stands twice, in whatever case, or only in another case than its own."""
        return name in self._repeated or any(key != name and key.casefold() == name.casefold() for key in self._varied)

    def document(self) -> dict[str, Any]:
        """The whole body as plain data; repeated keys and numbers beyond a float's range are refused."""
        document: dict[str, Any] = _decode_strictly(self._readable, "body", parse_float=_finite)
        return document

    def fingerprint(self, names: Mapping[str, bytes]) -> Hashable | None:
        """What stands under these names; `None` where that is not plain to see."""
        parts = self.parted(names)
        if parts is None or len(parts[1]) <= _LONG_VALUE:
            return None if parts is None else parts[1]
        if self._digest is None:
            self._digest = hashlib.blake2b(parts[1], digest_size=16).digest()
        return self._digest

    def parted(self, names: Mapping[str, bytes]) -> tuple[bytes, bytes] | None:
        """The text without the top-level members of these names, and those members; `None` as for `fingerprint`."""
        if self._names is not names:
            self._names, self._digest = names, None
            self._parts = None if self.has_doubtful_names else self._parted(names)
        return self._parts

    def _parted(self, names: Mapping[str, bytes]) -> tuple[bytes, bytes] | None:
        data, at = self._readable, 0
        rest: list[bytes] = []
        members: list[bytes] = []
        for name, (start, end) in self._spans.items():
            key = names.get(name)
            if key is None:
                continue
            begin = start - len(key) - 1
            if data[begin:start] != key + b":":
                begin = data.rfind(key, at, start)
                # Else the key is written with escapes.
                if begin < 0 or data[begin + len(key) : start].strip() != b":":
                    return None
            rest.append(data[at:begin])
            members.append(data[begin:end])
            at = end
        rest.append(data[at:])
        return b"".join(rest), b",".join(members)

    def may_have_urls(self, places: UrlPlaces) -> bool:
        """Whether `urls` may find anything: for a short body, one look says so."""
        seen = self.glance
        if seen is not None and seen.is_plain and not (seen.has_urls or seen.may_have_own_urls):
            return False
        return may_have_urls(self._searched, places.names)

    @property
    def _searched(self) -> bytes:
        """Where URLs may be: not in what lasts, where one look has told that it has none.

        Without that the text is no JSON any more, but what is left of it has the same paths.
        """
        seen = self.glance
        is_known = seen is not None and seen.is_plain and not seen.has_urls
        return self._parts[0] if is_known and self._parts is not None else self._readable

    def urls(
        self, places: UrlPlaces, sieve: UrlSieve | None = None, passed: set[bytes] | None = None
    ) -> Iterator[tuple[int, str, bool] | None]:
        """Every http(s) URL in any string of the body, keys and repeated keys included, and every field that is one.

        With a sieve, URLs are left out of which it tells that they are not refused; so is what has `passed` before.
        """
        data = self._searched
        fields: list[tuple[int, str]] = []
        for field in odd_fields(data, places.names):
            yield None
            if field is not None:
                fields.append(field)
            if len(fields) > _MAX_ODD_FIELDS:
                raise GatewayError("bad_request", "The body has too many URLs that are not plainly written.")
        if fields:
            fields.sort()
            waiting = iter(fields)
            for path in paths_at(data, [offset for offset, _ in fields]):
                if path is None:
                    yield None
                    continue
                offset, text = next(waiting)
                if places.holds(path):
                    yield offset, text, True
        yield from urls_in_json(data, sieve, passed)

    def path_at(self, offset: int) -> Generator[None, None, str]:
        """The JSON path of the string at an offset that `urls` has told; in steps."""
        return path_at(self._searched, offset)

    def replacing_model(self, model: str) -> list[Splice]:
        """The splice of the top-level `model`; raises when the body leaves its model to the API's default."""
        span = self._spans.get("model")
        if span is None:
            raise GatewayError("bad_request", f"Name the model: the default here is {model!r}.", param="model")
        return [Splice(*span, msgspec.json.encode(model))]

    def removing(self, *names: str) -> list[Splice]:
        """The splices that take top-level fields out, as far as they are there; raises where one of them repeats."""
        spans = {name: self._spans[name] for name in names if name in self._spans}
        for name in spans:
            if name in self._repeated:
                raise GatewayError("bad_request", f"The body has {name!r} twice; keep one.", param=name)
        return without_members(self._readable, spans)

    def asking_for_usage(self) -> list[Splice]:
        """Adds `stream_options.include_usage` where the body does not mention it.

        Raises `bad_request` where `stream_options` repeats: which of them a provider reads cannot be known.
        """
        span = self._spans.get("stream_options")
        if span is None:
            after_brace = self.data.index(b"{") + 1
            member = b'"stream_options":{"include_usage":true}'
            return [Splice(after_brace, after_brace, member + (b"," if self._spans else b""))]
        if "stream_options" in self._repeated:
            raise GatewayError("bad_request", "The body has 'stream_options' twice; keep one.", param="stream_options")
        raw = self._readable[span[0] : span[1]]
        if raw == b"null":
            return [Splice(*span, b'{"include_usage":true}')]
        try:
            options = _TOP_LEVEL.decode(raw)
        except (msgspec.ValidationError, UnicodeDecodeError):
            return []
        if "include_usage" in options:
            return []
        inside = span[0] + 1
        return [Splice(inside, inside, b'"include_usage":true' + (b"," if options else b""))]

    def _refuse_ambiguous(self, judged: frozenset[str]) -> None:
        for name in judged & self._repeated:
            raise GatewayError("bad_request", f"The body has {name!r} twice; keep one.", param=name)
        folded = {name.casefold() for name in judged}
        for key in self._varied:
            if key not in judged and key.casefold() in folded:
                raise GatewayError("bad_request", f"Some servers read {key!r} as {key.casefold()!r}.", param=key)

    def _model(self) -> str | None:
        span = self._spans.get("model")
        if span is None:
            return None
        try:
            # The client's own bytes: a name that is not text is refused, not mended.
            model = msgspec.json.decode(self.data[span[0] : span[1]], type=str)
        except (msgspec.DecodeError, UnicodeDecodeError):
            model = ""
        if not model:
            raise GatewayError("bad_request", "`model` has to be a string that is not empty.", param="model")
        return model


def no_body() -> JsonBody:
    """What a request without a body says: nothing."""
    body = JsonBody(b"{}")
    body.data = b""
    return body


def _decode_top_level(data: bytes, *, mended: bool = False) -> tuple[bytes, dict[str, msgspec.Raw]]:
    try:
        return data, _TOP_LEVEL.decode(data)
    except msgspec.DecodeError as error:
        # msgspec refuses halves of surrogate pairs, which the grammar allows (RFC 8259, section 8.2) and which
        # JavaScript clients write when they cut a text within an emoji.
        readable = data if mended else without_lone_surrogates(data)
        if readable is not data:
            return _decode_top_level(readable, mended=True)
        if isinstance(error, msgspec.ValidationError):
            problem = "The body has to be a JSON object"
        else:
            problem = f"The body is not JSON: {str(error).removeprefix('JSON is malformed: ')}"
    except UnicodeDecodeError:
        problem = "The body has a key that is not UTF-8"
    except RecursionError:
        problem = "The body is nested too deep"
    raise GatewayError("bad_request", f"{problem}.")


def _decode_strictly(raw: bytes, name: str, parse_float: Callable[[str], float] = float) -> Any:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            raise GatewayError("bad_request", f"An object in {name!r} has one key twice; keep one.", param=name)
        return mapping

    try:
        return json.loads(raw.decode(), object_pairs_hook=once, parse_int=_integer, parse_float=parse_float)
    except UnicodeDecodeError:
        raise GatewayError("bad_request", f"{name!r} is not UTF-8.", param=name) from None
    except RecursionError:
        raise GatewayError("bad_request", f"{name!r} is nested too deep.", param=name) from None


def _finite(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise GatewayError("bad_request", f"The number {written[:32]} is too large to be translated.")
    return number


def _integer(digits: str) -> int | float:
    """Python refuses to read integers of thousands of digits; a float says as much as anybody asks here."""
    return int(digits) if len(digits) <= _DECIMAL_DIGITS_OF_64_BITS else float(digits)
