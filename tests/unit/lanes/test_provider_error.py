"""The words of a provider's error, on every lane."""

import json

import msgspec
import pytest

from gateway.lanes.pairs import TRANSLATIONS
from gateway.lanes.provider_error import ProviderError, failed_within, read_error

_FASTAPI = {
    "detail": [
        {"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": "Extra inputs are not permitted"},
        {"type": "missing", "loc": ["body", "messages", 0], "msg": "Field required"},
    ]
}
_FASTAPI_WORDS = "body.max_completion_tokens: Extra inputs are not permitted; body.messages.0: Field required"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"Bad request body", "Bad request body"),
        (b"  model not loaded\r\n(try \x1b[31magain)\x00 ", "model not loaded (try [31magain)"),
        (b"caf\xe9", "caf\ufffd"),
        (b"<html><head><title>413 Request Entity Too Large</title></head><body>", "413 Request Entity Too Large"),
        (b"<html><body>no title</body></html>", ""),
        (b"<title" * 10_900, ""),
        (b"<title" * 10_000 + b" lang=en>Bad Gateway", "Bad Gateway"),
        (b"<title>&#" + b"9" * 60_000, "\ufffd"),
        (b'{"cut', ""),
        (b'"a text alone"', "a text alone"),
        (b'{"detail":"Not Found"}', "Not Found"),
        (b'{"detail":{"error":{"message":"deep"}}}', "deep"),
        (msgspec.json.encode(_FASTAPI), _FASTAPI_WORDS),
        (
            msgspec.json.encode({"object": "error", "message": _FASTAPI, "type": "invalid_request_error"}),
            _FASTAPI_WORDS,
        ),
        (b'{"message":"alone"}', "alone"),
        (b'{"Message":"of AWS"}', "of AWS"),
        (b'{"error":"a text"}', "a text"),
        (b'{"error":true,"message":"beside"}', "beside"),
        (b'{"error":{"code":5},"message":"beside"}', "beside"),
        (b'{"errors":[{"message":"one"},{"message":"two"}]}', "one; two"),
        (b'{"error":{"message":"several\\nlines"}}', "several lines"),
        (b"{}", ""),
        (b"[[[[[[[[{}]]]]]]]]", ""),
    ],
)
def test_forms(body, message):
    assert read_error(body).message == message


def test_what_an_error_names_is_kept():
    body = b'{"error":{"message":"m","type":"t","code":"c","param":"tools[0]"}}'

    assert read_error(body) == ProviderError("m", "t", "c", "tools[0]")
    assert read_error(b'{"message":"m","__type":"com.amazon#Denied"}').type == "Denied"


def test_words_are_bounded():
    assert len(read_error(b"x" * 1_000_000).message) == 4096
    assert len(read_error(msgspec.json.encode({"error": {"message": "y" * 1_000_000}})).message) == 4096


def test_what_an_error_names_is_printable_and_bounded_too():
    named = "\x1b[31mred\n" + "z" * 100_000
    body = msgspec.json.encode({"error": {"message": named, "type": named, "code": named, "param": named}})
    stated = read_error(body)
    words = str(failed_within(body))

    for name, longest in ((stated.type, 256), (stated.code, 256), (stated.param, 256), (words, 4096)):
        assert len(name) == longest
        assert name.startswith("[31mred z")
    assert ": [31mred z" in words
    assert len(str(failed_within(b"{}", f"{named}Exception"))) == 4096


@pytest.mark.parametrize("translation", TRANSLATIONS.values(), ids=map(str, TRANSLATIONS))
@pytest.mark.parametrize(("body", "message"), [(b"Bad request body", "Bad request body"), (b'{"detail":"No"}', "No")])
def test_every_lane_keeps_them(translation, body, message):
    assert json.loads(translation.error(422, body))["error"]["message"] == message
