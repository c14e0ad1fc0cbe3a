"""What a request may cost at most, told before it is sent: no tokenizer, one pass over its bytes.

What is held is an upper estimate, and what it is wrong by is put right when the provider reports the usage.

- **Text** counts as one token for every three bytes of the body, envelope included. Tokenizers of today make one token
  of four to five bytes of English prose, of three to four bytes of source code, of three or more bytes of Chinese or
  Japanese (a character has three); the JSON around the text (names, quotes, escapes) is counted as if it were text.
  Text that no tokenizer knows, such as hexadecimal digits, can have more tokens than that.
- **An image** counts at most `IMAGE_TOKENS`, however many bytes its base64 has: providers scale images down, and none
  bills more for one. An image that is named by its URL counts the same.
- **Audio** counts one token for every 24 bytes of base64: speech codecs use 750 bytes a second and more (1,000 in
  base64), providers bill 32 tokens a second and fewer.
- **Documents** count as text.
- **Declared tools** add `TOOLS_TOKENS`: providers put a prompt of their own before them.
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec
import re2

from gateway.money.prices import TOKENS_PER_RATE, Price, Rates

BYTES_PER_TOKEN: Final = 3
"""Bytes of text for which one token is held."""

AUDIO_BYTES_PER_TOKEN: Final = 24
"""Bytes of base64 audio for which one token is held."""

IMAGE_TOKENS: Final = 5_000
"""The most tokens that one image is held to have."""

TOOLS_TOKENS: Final = 1_000
"""Tokens for the prompt that providers add for tools."""

BASE_TOKENS: Final = 16
"""Tokens for what providers put around every conversation."""

DEFAULT_OUTPUT_TOKENS: Final = 8_192
"""Output tokens for which is held where a request sets no limit, unless the caller knows better."""

_MIN_MEDIA_BYTES = 1_024
_LOOK_BACK = 256
_BASE64 = re.compile(rb"[A-Za-z0-9+/=_\\-]*")
_VALUE = re.compile(rb'\s*:\s*"')
_NAMES_DATA_URL = re.compile(rb'"(?:url|image_url|file_data|data)"\s*:\s*\Z')
_OF_TEXT = (b"document", b"application/", b"text/", b"file")
_MARK = (
    rb'"(?:data"|bytes"|data:[\w.+/-]{1,64};base64,|image"|image_url"|input_image"|(?:input_)?audio|tools"|functions"'
    rb'|toolConfig"|cache_control"|cachePoint")'
)
# PERF: one pass finds every name. RE2 goes from quote to quote, in a thirtieth of the time that `re` takes; but for
# each match it gives Python's lock away, which costs more than a short body is worth.
_MARKS_OF_SHORT = re.compile(_MARK)
_MARKS_OF_LONG = re2.compile(_MARK)
_LONG_BYTES = 16 * 1024
_MEDIA_NAMES = (b'"data"', b'"bytes"')
_TOOLS = frozenset((b'"tools"', b'"functions"', b'"toolConfig"'))
_AUDIO = frozenset((b'"audio', b'"input_audio'))
_CACHE = frozenset((b'"cache_control"', b'"cachePoint"'))

# A letter or an underscore may be written as \u0061; then a name can hide from a search of the body's bytes.
_ESCAPED_LETTER = re.compile(rb"\\u00(?:5[fF]|[46][1-9a-fA-F]|[57][0-9aA])")


class InputBound(msgspec.Struct, frozen=True, gc=False):
    """At most how many tokens a prompt has, and whether some may be billed as audio or as writes to a cache."""

    tokens: int
    has_audio: bool
    writes_cache: bool


def bound_input(body: bytes) -> InputBound:
    """The upper estimate of the prompt in a request body of JSON, by the rules of this module."""
    escaped = b"\\u00" in body and _ESCAPED_LETTER.search(body) is not None
    seen: Counter[bytes] = Counter()
    image_bytes = audio_bytes = images = 0
    marks = _MARKS_OF_SHORT if len(body) < _LONG_BYTES else _MARKS_OF_LONG
    for mark in marks.finditer(body):
        seen[mark[0]] += 1
        begin, end = _base64_after(body, mark)
        if end - begin < _MIN_MEDIA_BYTES:
            continue
        kind = _kind(body[max(begin - _LOOK_BACK, 0) : begin])
        if kind == "image":
            image_bytes += end - begin
            images += 1
        elif kind == "audio":
            audio_bytes += end - begin
    tokens = (
        BASE_TOKENS
        + _divide_up(len(body) - image_bytes - audio_bytes, BYTES_PER_TOKEN)
        + _divide_up(audio_bytes, AUDIO_BYTES_PER_TOKEN)
        + IMAGE_TOKENS * max(images, _image_parts(seen))
    )
    if escaped or not _TOOLS.isdisjoint(seen):
        tokens += TOOLS_TOKENS
    return InputBound(
        tokens=tokens,
        has_audio=escaped or not _AUDIO.isdisjoint(seen),
        writes_cache=escaped or not _CACHE.isdisjoint(seen),
    )


def output_bound(limit: int | None, choices: int = 1, default: int = DEFAULT_OUTPUT_TOKENS) -> int:
    """At most how many output tokens a request has: its own limit, or the default, for each of its choices."""
    return (limit or default) * max(choices, 1)


def estimate(price: Price, prompt: InputBound, output_tokens: int, requests: int = 1) -> int:
    """Nano-USD that a request costs at most, rounded up.

    The dearest of the tiers that a prompt of at most `prompt.tokens` can fall into decides, and in each of them the
    dearest kind that the tokens can be billed as.
    """
    reachable = (price, *(tier.rates for tier in price.tiers if tier.from_tokens <= prompt.tokens))
    return max(_at(rates, prompt, max(output_tokens, 0), max(requests, 0)) for rates in reachable)


def _at(rates: Rates, prompt: InputBound, output_tokens: int, requests: int) -> int:
    inputs = [rates.input, rates.cache_read]
    outputs = [rates.output]
    if prompt.writes_cache:
        inputs.append(rates.cache_write)
    if prompt.has_audio:
        inputs.append(rates.input_audio)
        outputs.append(rates.output_audio)
    total = prompt.tokens * _dearest(inputs) + output_tokens * _dearest(outputs)
    return _divide_up(total, TOKENS_PER_RATE) + requests * (rates.per_request or 0)


def _dearest(rates: list[int | None]) -> int:
    return max(rate or 0 for rate in rates)


def _image_parts(seen: Mapping[bytes, int]) -> int:
    """How many parts of messages are images: `image_url` is both type and name in chat, a name in Responses."""
    inputs = seen.get(b'"input_image"', 0)
    return max(inputs, _divide_up(inputs + seen.get(b'"image_url"', 0), 2)) + seen.get(b'"image"', 0)


def _base64_after(body: bytes, mark: re.Match[bytes]) -> tuple[int, int]:
    """Where the base64 begins and ends that is the value of a name under which media is sent; empty if there is none.

    A name's quotes cannot stand in a text, where they are escaped, so that no text passes for media.
    """
    begin = mark.end()
    if mark[0] in _MEDIA_NAMES:
        value = _VALUE.match(body, begin)
        if value is None:
            return begin, begin
        begin = value.end()
    elif not mark[0].endswith(b",") or _NAMES_DATA_URL.search(body, max(mark.start() - 64, 0), mark.start()) is None:
        return begin, begin
    run = _BASE64.match(body, begin)
    return begin, begin if run is None else run.end()


def _kind(before: bytes) -> str:
    """What the bytes before a run of base64 last call it: `image`, `audio` or `text`."""
    marks = {"image": before.rfind(b"image"), "audio": before.rfind(b"audio")}
    marks["text"] = max(before.rfind(mark) for mark in _OF_TEXT)
    return max(marks, key=lambda kind: (marks[kind], kind == "text"))


def _divide_up(amount: int, by: int) -> int:
    return -(-amount // by)
