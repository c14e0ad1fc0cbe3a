"""Text is held for at least the tokens that it has, be it digits of a machine or of another alphabet.

The tokens are those that the tokenizers `o200k_base`, `cl100k_base`, Claude 2's and DeepSeek's made of such text: the most
of the four, for so many bytes.
"""

import base64
import json
import random
import uuid

import pytest

from gateway.money.estimate import Beside, bound_input
from gateway.money.media import ANY
from gateway.shapes.media_members import CHAT

_chance = random.Random(1)  # noqa: S311 - repeatable on purpose


def _drawn(alphabet, count=4_000):
    return "".join(_chance.choices(alphabet, k=count))


def _letters(first, last):
    return "".join(chr(_chance.randint(first, last)) for _ in range(2_000))


def _uuid():
    return str(uuid.UUID(int=_chance.getrandbits(128)))


HEX = "0123456789abcdef"
TEXTS = {
    "hexadecimal digits": (_drawn(HEX), 1.70),
    "capital ones": (_drawn(HEX.upper()), 1.71),
    "hashes": (" ".join(_drawn(HEX, 40) for _ in range(100)), 1.70),
    "UUIDs": ("\n".join(_uuid() for _ in range(100)), 1.48),
    "base64": (base64.b64encode(_chance.randbytes(3_000)).decode(), 1.39),
    "base64 of URLs": (base64.urlsafe_b64encode(_chance.randbytes(3_000)).decode(), 1.40),
    "base32": (base64.b32encode(_chance.randbytes(3_000)).decode(), 1.51),
    "letters of both cases": (_drawn("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), 1.52),
    "fractions": (" ".join(f"{_chance.random():.6f}" for _ in range(500)), 1.80),
    "logs": (
        "\n".join(f"2026-11-03 10:15:02.{_drawn(HEX[:10], 3)} INFO req={_uuid()} took=12ms" for _ in range(100)),
        1.66,
    ),
    "Chinese": ("人工智能正在改变世界，我们需要理解它的影响。" * 50, 2.87),
    "Japanese": ("これは日本語の文章です。東京は今日も良い天気ですね。" * 50, 2.79),
    "Hindi": ("यह एक हिन्दी वाक्य है और इसका अर्थ समझना आसान है। " * 50, 2.51),
    "Cyrillic letters": (_letters(0x430, 0x44F), 2.23),
    "Greek letters": (_letters(0x3B1, 0x3C9), 1.51),
    "Armenian letters": (_letters(0x561, 0x587), 0.98),
    "Hebrew letters": (_letters(0x5D0, 0x5EA), 1.38),
    "Arabic letters": (_letters(0x621, 0x64A), 1.43),
    "Latin letters with marks": (_letters(0x100, 0x17F), 1.12),
    "Bengali letters": (_letters(0x985, 0x9B9), 1.50),
    "Gujarati letters": (_letters(0xA85, 0xAB9), 1.00),
    "Thai letters": (_letters(0xE01, 0xE2F), 1.51),
    "Lao letters": (_letters(0xE81, 0xEB0), 1.00),
    "Georgian letters": (_letters(0x10D0, 0x10F0), 1.50),
    "Ethiopic letters": (_letters(0x1200, 0x1248), 1.00),
    "Khmer letters": (_letters(0x1780, 0x17B3), 1.00),
    "cuneiform": (_letters(0x12000, 0x12399), 1.00),
    "emoji": (_letters(0x1F300, 0x1F5FF), 1.38),
    "English": ("The most that a request can cost is reserved before it is sent. " * 60, 4.2),
}


@pytest.mark.parametrize(("text", "bytes_per_token"), TEXTS.values(), ids=TEXTS.keys())
def test_text_is_held_for_no_fewer_tokens_than_it_has(text, bytes_per_token):
    size = len(text.encode())
    held = bound_input(b'{"input":"%s"}' % text.encode()).tokens

    assert size / bytes_per_token <= held <= 3 * size / bytes_per_token


def test_words_around_it_hide_nothing():
    dense, words = _drawn(HEX, 20_000), "what is said in words " * 1_000
    alone, apart = bound_input(dense.encode()).tokens, bound_input(words.encode()).tokens

    mixed = bound_input((words + dense).encode()).tokens

    assert mixed > 20_000 / 1.70 + len(words) / 4.5
    assert mixed <= alone + apart


def test_base64_of_media_is_no_text():
    picture = base64.b64encode(_chance.randbytes(60_000)).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}}
    body = json.dumps({"messages": [{"role": "user", "content": [part]}]}).encode()

    held = bound_input(body, CHAT.found_in)
    assert held.beside == Beside(images=1)
    assert held.tokens < Beside(images=1).tokens(ANY) + 100
