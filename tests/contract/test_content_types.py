"""One media type, read strictly: a provider never reads another body than the one that was judged."""

import httpx
import pytest

from tests.support.upstream import response

FORM = (
    b'--b1\r\nContent-Disposition: form-data; name="model"\r\n\r\nrenamed\r\n'
    b'--b1\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b1--\r\n'
)
JSON = b'{"model":"gpt-5-mini","messages":[{"role":"user","content":"hi"}]}'
OTHER_FORM = FORM.replace(b"b1", b"b2")
TRANSCRIPTIONS = "/v1/audio/transcriptions"


def post(gateway, path, body, *content_types):
    lines = [("content-type", written) for written in content_types]
    return gateway.client.post(path, content=body, headers=httpx.Headers(lines))


def refused(answer, upstream):
    assert upstream.requests == []
    return answer.status_code, answer.json()["error"]["type"]


@pytest.mark.parametrize(
    ("path", "body", "written", "sent"),
    [
        ("/v1/chat/completions", JSON, ["application/json"], "application/json"),
        ("/v1/chat/completions", JSON, ["Application/JSON; charset=UTF-8"], "Application/JSON; charset=UTF-8"),
        ("/v1/chat/completions", JSON, ['application/json; charset="utf-8"; a=b'], "application/json"),
        ("/v1/chat/completions", JSON, ["application/vnd.api+json"], "application/json"),
        ("/v1/chat/completions", JSON, [], "application/json"),
        (TRANSCRIPTIONS, FORM, ['Multipart/Form-Data; charset=utf-8; Boundary="b1"'], "multipart/form-data; boundary=b1"),
    ],
)  # fmt: skip
def test_one_content_type_goes_upstream(gateway, upstream, path, body, written, sent):
    answer = post(gateway, path, body, *written)

    assert answer.status_code == 200, answer.text
    arrived = upstream.wait_for()
    assert arrived.headers["content-type"] == sent
    assert len(arrived.body) == len(body) + (len("gpt-x") - len("renamed") if body is FORM else 0)


@pytest.mark.parametrize(
    ("path", "body", "written", "expected"),
    [
        ("/v1/chat/completions", JSON, ["application/x-www-form-urlencoded", "application/json"], (400, "bad_request")),
        ("/v1/chat/completions", JSON, ["application/json", "application/json"], (400, "bad_request")),
        ("/v1/messages", JSON, ["application/json", "text/plain"], (400, "bad_request")),
        ("/v1/chat/completions", JSON, ["application/json; charset=utf-7"], (415, "unsupported_media_type")),
        ("/v1/chat/completions", JSON, ["application/json; charset=utf-16le"], (415, "unsupported_media_type")),
        ("/v1/chat/completions", JSON, ["multipart/form-data; boundary=b1"], (415, "unsupported_media_type")),
        (
            TRANSCRIPTIONS,
            OTHER_FORM + FORM,
            ["multipart/form-data; boundary=b2", "multipart/form-data; boundary=b1"],
            (400, "bad_request"),
        ),
        (TRANSCRIPTIONS, OTHER_FORM + FORM, ["multipart/form-data; boundary=b1"], (400, "bad_request")),
        (TRANSCRIPTIONS, FORM + OTHER_FORM, ["multipart/form-data; boundary=b1"], (400, "bad_request")),
        (TRANSCRIPTIONS, FORM, ["multipart/form-data; boundary=b1; boundary*=utf-8''b2"], (400, "bad_request")),
        (TRANSCRIPTIONS, JSON, ["application/json"], (415, "unsupported_media_type")),
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(gateway, upstream, path, body, written, expected):
    assert refused(post(gateway, path, body, *written), upstream) == expected


@pytest.fixture(autouse=True)
def _transcribes(upstream):
    upstream.play = lambda _: response(b'{"text":"hi"}')
