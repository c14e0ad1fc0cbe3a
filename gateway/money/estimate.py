"""What a request may cost at most, told before it is sent: no tokenizer, one pass over its bytes.

What is held is an upper estimate, and what it is wrong by is put right when the provider reports the usage.

- **Text** counts as one token for every three bytes of the body, envelope included. Tokenizers of today make one token
  of four to five bytes of English prose, and of three to four bytes of source code; the JSON around the text (names,
  quotes, escapes) is counted as if it were text.
- **Digits, capitals and `+ - / _`** count as one token each, and as two where a quarter of the text and more is made of
  them, up to a token for every byte: of hexadecimal digits, UUIDs and base64 tokenizers make one token of 1.4 to 1.8
  bytes, and some of them one of every digit.
- **Letters beyond ASCII** count as one token for every two bytes of UTF-8 in the scripts that tokenizers know well: a
  character of Chinese or Japanese has three, and about one token. In all others, and of symbols, a byte counts as one
  token at least, which is the most that most tokenizers make of it. Characters in no order can have more, as can
  letters in no order at all.
- **Media in base64** is none of the text where it stands at a place at which the API takes media, and is base64
  throughout; anywhere else it is text, whatever the words around it say.
- **An image** counts as much as the model's family makes of one at most (`gateway.money.media`), however many bytes
  its base64 has: providers scale images down. An image that is named by its URL counts the same.
- **Audio** counts one token for every 24 bytes of base64: speech codecs use 750 bytes a second and more (1,000 in
  base64), providers bill 32 tokens a second and fewer.
- **A PDF** counts by its pages, each as the model's family reads them, and by its text where that is more than such
  pages have; a document of plain text as any text. One that cannot be read, and any other in base64, counts as one
  token for every three bytes of it, as far as the model takes that in.
- **Declared tools** add `TOOLS_TOKENS`: providers put a prompt of their own before them.
"""

import binascii
import enum
import re
import secrets
import string
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import re2
from msgspec import UNSET
from msgspec.structs import replace

from gateway.any_of import any_of
from gateway.money.kinds import KINDS, TOKENS_PER_RATE
from gateway.money.media import ANY, TEXT_OF_PAGE, Media
from gateway.money.pdf_pages import BEGINS as PDF_BEGINS
from gateway.money.pdf_pages import read_pdf
from gateway.money.prices import Price, Rates
from gateway.turns import paced
from gateway.usage import FURTHER_KINDS, Usage

BYTES_PER_TOKEN: Final = 3
"""Bytes of text for which one token is held."""

AUDIO_BYTES_PER_TOKEN: Final = 24
"""Bytes of base64 audio for which one token is held."""

TOOLS_TOKENS: Final = 1_000
"""Tokens for the prompt that providers add for tools."""

BASE_TOKENS: Final = 16
"""Tokens for what providers put around every conversation."""

DEFAULT_OUTPUT_TOKENS: Final = 8_192
"""Output tokens for which is held where a request sets no limit, unless the caller knows better."""

_IMAGES = (b'"image"', b'"image_url"', b'"input_image"')
_TOOLS, _AUDIO, _CACHE, _HOUR, _MORE, _MEDIA = 1, 2, 4, 8, 16, 32
_DENSE = (string.digits + string.ascii_uppercase + "+-/_").encode()
_ASCII = bytes(range(128))
_PROSE = _ASCII.translate(None, _DENSE)
_KNOWN_WELL = {0xC2, 0xC3, 0xD0, 0xD1, *range(0xE2, 0xEE), 0xEF}
"""First bytes of letters of Western European languages, of Cyrillic, Chinese, Japanese and Korean, and of marks."""
_NOT_RARE = bytes({*range(0xC2), *_KNOWN_WELL})
_FOUR_BYTES = b"\xf0"
_EVERY_FLAG = _TOOLS | _AUDIO | _CACHE | _HOUR | _MORE | _MEDIA
_FLAGS = {
    b'"tools"': _TOOLS,
    b'"functions"': _TOOLS,
    b'"toolConfig"': _TOOLS,
    b'"audio': _AUDIO,
    b'"input_audio': _AUDIO,
    b'"cache_control"': _CACHE,
    b'"cachePoint"': _CACHE,
    b'"ttl"': _HOUR,
    b'"data"': _MEDIA,
    b'"data:': _MEDIA,
    b'"file_data"': _MEDIA,
    **dict.fromkeys(
        (
            *(
                b'"file_id"',
                b'"file_url"',
                b'"file_uri"',
                b'"fileUri"',
                b'"s3Location"',
                b'"container_upload"',
                b'"url"',
            ),
            *(
                b'"web_search',
                b'"google_search',
                b'"live_search',
                b'"x_search',
                b'"file_search',
                b'"collections_search',
            ),
            *(
                b'"openrouter:',
                b'"code_interpreter',
                b'"image_gen',
                b'"code_execution',
                b'"web_fetch',
                b'"server_label"',
            ),
        ),
        _MORE,
    ),
}


def _names_of_flags(seen: int) -> list[bytes]:
    """The names that would set a flag not `seen` yet."""
    return [name for name, flag in _FLAGS.items() if not flag & seen]


def _names_of_marks(seen: int) -> Sequence[bytes]:
    """What is looked for in a body: names of images, and those that would set a flag not `seen` yet."""
    return (*_IMAGES, *_names_of_flags(seen))


# PERF: RE2 goes from quote to quote, in a thirtieth of the time that `re` takes; but for each match it gives Python's
# lock away, which costs more than a short body is worth. There it helps `re` to look at the next byte first.
_LONG_BYTES = 4 * 1024
_FIRST = b"".join(sorted({name[1:2] for name in (*_IMAGES, *_FLAGS)}))


@lru_cache(maxsize=64)
def _marks_of_long(seen: int) -> Any:
    return re2.compile(b'"(?:%s)' % b"|".join([name[1:] for name in _names_of_marks(seen)]))


@lru_cache(maxsize=64)
def _marks_of_short(seen: int) -> Any:
    names = any_of(name[1:].decode() for name in _names_of_marks(seen)).encode()
    return re.compile(b'"(?=[%s])(?:%s)' % (_FIRST, names))


# PERF: hardly any body has so many marks. One that has is searched in few steps, whatever it is full of.
_MANY = 2_000


@lru_cache(maxsize=64)
def _flags_of_many(seen: int) -> Any:
    return re2.compile(b"|".join(_names_of_flags(seen)))


# A letter, digit or underscore may be written as \u0061; then a name can hide from a search of the body's bytes.
_ESCAPED_LETTER = rb"\\u00(?:3[0-9aA]|5[fF]|[46][1-9a-fA-F]|[57][0-9aA])"
_IN_NAMES = (string.ascii_letters + string.digits + "_:").encode()
_PLAIN = {b"\\u00" + digits: b"%c" % one for one in _IN_NAMES for digits in {b"%02x" % one, b"%02X" % one}}
_ESCAPED_BACKSLASH, _STAND_IN = b"\\\\", b"\0\0"
_ESCAPED_IN_LONG = re2.compile(_ESCAPED_LETTER)
_ESCAPED_IN_SHORT = re.compile(_ESCAPED_LETTER)


class Characters(NamedTuple):
    """How many bytes texts have, how many of them dense ones, and how many of letters beyond ASCII.

    `wide` counts as many more as make a token of each byte where the script is a rare one.
    """

    size: int = 0
    dense: int = 0
    wide: int = 0

    @property
    def tokens(self) -> int:
        """At most how many tokens such a text has."""
        tokens = -(-(2 * self.size + 4 * self.dense + self.wide) // (2 * BYTES_PER_TOKEN))
        return tokens if tokens >= 2 * self.dense else min(2 * self.dense, self.size)


def characters_in(texts: Iterable[bytes]) -> Characters:
    """Those of texts together; counted in pieces, which let others go on."""
    size = dense = wide = 0
    for text in texts:
        for piece in (text,) if len(text) <= _STEP else _pieces(text):
            size += len(piece)
            # PERF: one look at each byte leaves a tenth of them, of which all the rest is told.
            kept = piece.translate(None, _PROSE)
            dense += len(kept)
            if not piece.isascii():
                beyond = kept.translate(None, _ASCII)
                rare = len(beyond.translate(None, _NOT_RARE))
                dense -= len(beyond)
                wide += len(beyond) + 9 * rare + 3 * (beyond.count(_FOUR_BYTES) if rare else 0)
    return Characters(size, dense, wide)


class MediumKind(enum.Enum):
    """What is sent in base64."""

    IMAGE = "image"
    AUDIO = "audio"
    DOCUMENT = "document"


class Medium(NamedTuple):
    """What stands in base64 at a place where the API takes media, and is no text; without the escapes of JSON."""

    kind: MediumKind
    encoded: bytes


def no_media(_body: bytes) -> tuple[Medium, ...]:
    """What a body has of media where the API takes none."""
    return ()


class Beside(NamedTuple):
    """What a prompt has beside its text: images, pages of documents, and tokens of documents of unknown length."""

    images: int = 0
    pages: int = 0
    documents: int = 0

    def tokens(self, media: Media, context_window: int | None = None) -> int:
        """How many a model makes of it that reads media so; of documents, no more than it takes in."""
        documents = self.pages * media.page + self.documents
        if context_window is not None:
            documents = min(documents, context_window)
        return self.images * media.image + documents


class InputBound:
    """At most how many tokens a prompt has, and whether some may be billed as media or as writes to a cache.

    `tokens` counts all of it, what is `beside` the text as a model of no known family may. `keeps_cache` says that a
    lifetime is asked for, which may be the dearer one; `may_allow_more` that the body holds a word by which it could
    point at what is stored, or allow a tool of the provider.
    """

    __slots__ = ("beside", "has_audio", "has_images", "keeps_cache", "may_allow_more", "tokens", "writes_cache")

    def __init__(
        self,
        tokens: int,
        *,
        has_audio: bool,
        writes_cache: bool,
        has_images: bool = False,
        keeps_cache: bool = False,
        may_allow_more: bool = False,
        beside: Beside | None = None,
    ) -> None:
        self.tokens: Final = tokens
        self.has_audio: Final = has_audio
        self.has_images: Final = has_images
        self.writes_cache: Final = writes_cache
        self.keeps_cache: Final = keeps_cache
        self.may_allow_more: Final = may_allow_more
        self.beside: Final = beside

    def of_model(self, media: Media, context_window: int | None) -> "InputBound":
        """This bound as a model counts it that reads media so, and takes in so many tokens."""
        beside = self.beside
        if beside is None:
            return self
        tokens = self.tokens - beside.tokens(ANY) + beside.tokens(media, context_window)
        return self._with(tokens, has_images=self.has_images, has_audio=self.has_audio)

    def with_pictures(self, count: int) -> "InputBound":
        """This bound with so many pictures at least."""
        beside = self.beside or Beside()
        if count <= beside.images:
            return self
        more = beside._replace(images=count)
        tokens = self.tokens - beside.tokens(ANY) + more.tokens(ANY)
        return self._with(tokens, has_images=True, has_audio=self.has_audio, beside=more)

    def with_more(self, tokens: int, *, of_speech: bool) -> "InputBound":
        """This bound with what the prompt only points at; a call for speech may be billed as audio throughout."""
        has_images = self.has_images or tokens > 0
        return self._with(self.tokens + tokens, has_images=has_images, has_audio=self.has_audio or of_speech)

    def _with(self, tokens: int, *, has_images: bool, has_audio: bool, beside: Beside | None = None) -> "InputBound":
        return InputBound(
            tokens,
            has_audio=has_audio,
            writes_cache=self.writes_cache,
            has_images=has_images,
            keeps_cache=self.keeps_cache,
            may_allow_more=self.may_allow_more,
            beside=beside,
        )


def bound_input(body: bytes, find_media: Callable[[bytes], Iterable[Medium]] = no_media) -> InputBound:
    """The upper estimate of the prompt in a request body of JSON, by the rules of this module.

    Args:
        body: The body.
        find_media: What a body has at the places where its API takes media; asked where there may be any.
    """
    if escaped := has_escaped_letter(body):
        body = with_plain_letters(body)
    seen, parts = _look_through(body) or _look_through_many(body)
    if escaped or seen & _MEDIA:
        text, media = _apart(body, find_media)
        tokens = BASE_TOKENS + text
    else:
        media = []
        tokens = BASE_TOKENS + _text_tokens(body)
    if escaped or seen & _TOOLS:
        tokens += TOOLS_TOKENS
    beside = None
    if parts or media:
        beside, heard = _read_media(media, parts)
        tokens += heard + beside.tokens(ANY)
    return InputBound(
        tokens,
        has_audio=escaped or bool(seen & _AUDIO),
        has_images=escaped or (beside is not None and beside.images > 0),
        writes_cache=escaped or bool(seen & _CACHE),
        keeps_cache=escaped or bool(seen & _HOUR),
        may_allow_more=escaped or bool(seen & _MORE),
        beside=beside,
    )


def bound_plain(text: Characters, flags: int) -> InputBound:
    """The same of a body of which is known what it sets and what `characters_in` it are."""
    tokens = BASE_TOKENS + text.tokens
    return InputBound(
        tokens + TOOLS_TOKENS if flags & _TOOLS else tokens,
        has_audio=bool(flags & _AUDIO),
        writes_cache=bool(flags & _CACHE),
        keeps_cache=bool(flags & _HOUR),
        may_allow_more=bool(flags & _MORE),
    )


def flags_of(text: bytes) -> int | None:
    """What the words in a text say of it; `None` where there may be media, or what is written with escapes."""
    found = None if has_escaped_letter(text) else _look_through(text)
    return None if found is None or found[1] or found[0] & _MEDIA else found[0]


def points_or_allows(flags: int) -> bool:
    """Whether flags tell of a word by which a body could point at what is stored, or allow a tool of the provider."""
    return bool(flags & _MORE)


MARKS: Final = (*_IMAGES, *_FLAGS)
"""What the words begin with of which a body without any is nothing but text."""


def _text_tokens(text: bytes) -> int:
    """At most how many tokens a text has."""
    return characters_in((text,)).tokens


def _pieces(text: bytes) -> Iterable[bytes]:
    return (text[at : at + _STEP] for at in range(0, len(text), _STEP))


def _apart(body: bytes, find_media: Callable[[bytes], Iterable[Medium]]) -> tuple[int, list[Medium]]:
    """The tokens of the text of a body, and its media.

    PERF: what is long is taken out before, so that it is neither decoded nor counted. What stands in its place nobody
    can know, so that nothing else passes for it.
    """
    rest, taken_out = _without_long(body)
    media: list[Medium] = []
    no_text: list[bytes] = []
    for medium in paced(find_media(rest)):
        no_text.append(medium.encoded)
        long = taken_out.pop(medium.encoded, None)
        media.append(medium if long is None else Medium(medium.kind, long))
    text = characters_in((rest, *taken_out.values()))
    none = characters_in((*no_text, *taken_out))
    return Characters(text.size - none.size, text.dense - none.dense, text.wide).tokens, media


def _without_long(body: bytes) -> tuple[bytes, dict[bytes, bytes]]:
    """A body without the long base64 that may be media, and that by what stands in its place."""
    pieces: list[bytes] = []
    taken_out: dict[bytes, bytes] = {}
    at = copied = 0
    for number in range(_MANY):
        if (mark := _BEFORE_MEDIA.search(body, at)) is None:
            break
        begin, at = mark.end(), mark.end() - 1
        end = body.find(b'"', begin)
        if end - begin < _LONG_MEDIA:
            continue
        encoded = body[begin:end]
        if b"\\" in encoded:
            encoded = encoded.replace(b"\\/", b"/")
        # PERF: a quarter of what a pattern takes.
        if not encoded.translate(None, _OF_BASE64):
            stand_in = b"%s%d" % (_STAND_IN_OF_MEDIA, number)
            taken_out[stand_in] = encoded
            pieces += (body[copied:begin], stand_in)
            copied = at = end
    return b"".join((*pieces, body[copied:])) if pieces else body, taken_out


_LONG_MEDIA: Final = 1_024
_BEFORE_MEDIA = re2.compile(rb'"(?:(?:file_)?data"\s*:\s*"|data:[\w.+/;=\\-]{1,256};base64,)')
_STAND_IN_OF_MEDIA: Final = secrets.token_hex(16).encode()
_OF_BASE64: Final = (string.ascii_letters + string.digits + "+/=_-").encode()


def _read_media(media: Sequence[Medium], parts: int) -> tuple[Beside, int]:
    """What a prompt has beside its text, with so many parts that are images by their names; and tokens of audio."""
    images = pages = documents = audio_bytes = 0
    for kind, encoded in paced(media):
        is_pdf = encoded.startswith(PDF_BEGINS)
        if kind is MediumKind.AUDIO:
            audio_bytes += len(encoded)
        elif kind is MediumKind.IMAGE and not is_pdf:
            images += 1
        elif is_pdf and (read := read_pdf(encoded)) is not None:
            pages += read.pages
            documents += max(_divide_up(read.text_bytes, BYTES_PER_TOKEN) - read.pages * TEXT_OF_PAGE, 0)
        elif not is_pdf and (text := _text_in(encoded)) is not None:
            documents += _text_tokens(text)
        else:
            documents += _divide_up(len(encoded), BYTES_PER_TOKEN)
    return Beside(max(images, parts), pages, documents), _divide_up(audio_bytes, AUDIO_BYTES_PER_TOKEN)


def _text_in(encoded: bytes) -> bytes | None:
    """The text that stands in base64, `None` where it is none in UTF-8."""
    try:
        text = binascii.a2b_base64(encoded, strict_mode=True)
        text.decode()
    except ValueError:
        return None
    return None if b"\0" in text else text


def _look_through(body: bytes) -> tuple[int, int] | None:
    """Flags, and parts that are images by their names, from mark to mark; `None` where there are too many."""
    marks = _marks_of_long if len(body) >= _LONG_BYTES else _marks_of_short
    seen = at = 0
    named: list[bytes] = []
    for _ in range(_MANY):
        if (mark := marks(seen).search(body, at)) is None:
            return seen, _image_parts(*map(named.count, _IMAGES)) if named else 0
        name, at = mark[0], mark.end() - 1
        if (flag := _FLAGS.get(name)) is not None:
            seen |= flag
        else:
            named.append(name)
    return None


def _look_through_many(body: bytes) -> tuple[int, int]:
    """The same: each flag is found once, and names of images are counted."""
    seen = at = 0
    while seen != _EVERY_FLAG and (mark := _flags_of_many(seen).search(body, at)) is not None:
        seen |= _FLAGS[mark[0]]
        at = mark.end() - 1
    return seen, _image_parts(*[_count(body, name) for name in _IMAGES])


def bound_recording(size: int) -> InputBound:
    """The upper estimate of a form that holds a recording: the rule for audio, of bytes that are no base64."""
    raw = AUDIO_BYTES_PER_TOKEN * _BYTES_OF_BASE64 // _CHARACTERS_OF_BASE64
    return InputBound(BASE_TOKENS + _divide_up(size, raw), has_audio=True, writes_cache=False)


def bound_texts(texts: Iterable[bytes]) -> InputBound:
    """The upper estimate of texts that come without JSON around them."""
    return InputBound(BASE_TOKENS + characters_in(texts).tokens, has_audio=False, writes_cache=False)


_BYTES_OF_BASE64, _CHARACTERS_OF_BASE64 = 3, 4


def output_bound(limit: int | None, choices: int = 1, default: int = DEFAULT_OUTPUT_TOKENS) -> int:
    """At most how many output tokens a request has: its own limit, or the default, for each of its choices."""
    return (limit or default) * max(choices, 1)


def at_most(usage: Usage, unread: Sequence[str], input_tokens: int, output_tokens: int) -> Usage:
    """A usage with the most that they can be in the place of figures that were stated and could not be read.

    A whole is as large as the estimate says, a part as large as its whole, but for parts that are cheaper than the
    rest of it. What is counted one by one counts once.
    """
    whole = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    if "input_tokens" in unread:
        whole["input_tokens"] = max(usage.input_tokens, input_tokens)
    if "output_tokens" in unread:
        whole["output_tokens"] = max(usage.output_tokens, output_tokens)
    parts: dict[str, int] = {}
    further = {} if usage.further is UNSET else dict(usage.further)
    for figure in unread:
        if figure in whole or figure in _CHEAP:
            continue
        most = whole["output_tokens" if figure.startswith("output") else "input_tokens"]
        if figure not in FURTHER_KINDS:
            parts[figure] = most
        elif figure.endswith("_tokens"):
            further[figure] = most
        else:
            further[figure] = max(further.get(figure, 0), 1)
    if "cache_write_1h_tokens" in further:
        parts["cache_write_tokens"] = max(usage.cache_write_tokens, parts.get("cache_write_tokens", 0))
        if "cache_write_1h_tokens" in unread:
            parts["cache_write_tokens"] = parts["cache_write_tokens"] or whole["input_tokens"]
    return replace(usage, **whole, **parts, further=further or UNSET)


_CHEAP: Final = ("cache_read_tokens", "cache_audio_read_tokens", "cache_image_read_tokens", "reasoning_tokens")


def estimate(
    price: Price,
    prompt: InputBound,
    output_tokens: int,
    *,
    beside: Mapping[str, int] = MappingProxyType({}),
    caches_unasked: bool = False,
) -> int:
    """Nano-USD that a request costs at most, rounded up.

    The dearest of the tiers that a prompt of at most `prompt.tokens` can fall into decides, and in each of them the
    dearest kind that the tokens can be billed as.

    Args:
        price: Of the model, as it may be served.
        prompt: The most that the prompt can count.
        output_tokens: The most that the answers can have.
        beside: What else it may consume at most: figures of `Usage.further` with their counts.
        caches_unasked: Whether the provider may write its cache without a mark in the prompt.
    """
    output_tokens = max(output_tokens, 0)
    writes = prompt.writes_cache or caches_unasked
    most = _at(price, prompt, writes, output_tokens, beside)
    for tier in price.tiers:
        if tier.from_tokens <= prompt.tokens:
            most = max(most, _at(tier.rates, prompt, writes, output_tokens, beside))
    return most


def _at(rates: Rates, prompt: InputBound, writes: bool, output_tokens: int, beside: Mapping[str, int]) -> int:
    given, said = rates.dearest_input, rates.dearest_output
    if writes:
        given = max(given, rates.cache_write or 0, (rates.cache_write_1h or 0) if prompt.keeps_cache else 0)
    if prompt.has_audio:
        given = max(given, rates.input_audio or 0, rates.cache_audio_read or 0)
        said = max(said, rates.output_audio or 0)
    if prompt.has_images:
        given = max(given, rates.input_image or 0, rates.cache_image_read or 0, rates.input_video or 0)
    total = prompt.tokens * given + output_tokens * said
    fixed = rates.per_request or 0
    if not beside:
        return -(-total // TOKENS_PER_RATE) + fixed
    total *= _SCALE // TOKENS_PER_RATE
    for figure, count in beside.items():
        kind = _FEES[figure]
        rate: int | None = getattr(rates, kind.rate)
        total += count * (rate or 0) * (_SCALE // kind.per)
    return _divide_up(total, _SCALE) + fixed


_SCALE: Final = 18_000_000
"""What every kind's `per` divides, so that a sum of several is exact."""

_FEES: Final = {kind.figure: kind for kind in KINDS if not kind.is_of_tokens}


def _count(body: bytes, name: bytes) -> int:
    """How often a name stands in JSON, where no quote ends one and begins another; in steps that let others go on."""
    beyond = _STEP + len(name) - 1
    return sum(body.count(name, start, start + beyond) for start in range(0, len(body), _STEP))


_STEP = 1024 * 1024


def _image_parts(images: int, image_urls: int, inputs: int) -> int:
    """How many parts of messages are images: `image_url` is both type and name in chat, a name in Responses."""
    return max(inputs, _divide_up(inputs + image_urls, 2)) + images


def has_escaped_letter(body: bytes) -> bool:
    """Whether a letter of a name is written as an escape, so that the name can hide from a search of the bytes."""
    # PERF: to look for a single byte takes a fraction of what a longer text takes.
    if body.find(b"\\") < 0:
        return False
    return (_ESCAPED_IN_LONG if len(body) >= _LONG_BYTES else _ESCAPED_IN_SHORT).search(body) is not None


def with_plain_letters(body: bytes) -> bytes:
    """The same JSON with letters, digits, `_` and `:` in the place of their escapes, to search for names."""
    # What stands in for it is in no JSON: so no backslash that is escaped itself begins an escape.
    body = body.replace(_ESCAPED_BACKSLASH, _STAND_IN)
    for escape, plain in _PLAIN.items():
        body = body.replace(escape, plain)
    return body.replace(_STAND_IN, _ESCAPED_BACKSLASH)


def _divide_up(amount: int, by: int) -> int:
    return -(-amount // by)
