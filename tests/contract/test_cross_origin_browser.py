"""A page of another site calls the API from a real browser."""

import pytest

from tests.contract.conftest import config
from tests.support.chromium import in_chromium, opened
from tests.support.keys import SECRET
from tests.support.upstream import CHAT, response, stream

pytestmark = in_chromium

EVENT = b'data: {"choices":[{"delta":{"content":"hi"}}]}\n\n'

CALL = """async ([url, key, body]) => {
  const headers = {
    authorization: `Bearer ${key}`, "content-type": "application/json", "x-stainless-lang": "js",
    "anthropic-dangerous-direct-browser-access": "true",
  };
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {method: "POST", headers, body: JSON.stringify(body)});
    const pieces = [];
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) pieces.push(piece);
    return {
      status: answer.status, pieces, id: answer.headers.get("x-langwatch-request-id"),
      theirs: answer.headers.get("x-request-id"), provider: answer.headers.get("x-langwatch-provider"),
    };
  } catch (error) { return error.name; }
}"""


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url), env={"GATEWAY_CORS_ORIGINS": upstream.url})


@pytest.fixture(scope="module")
def browser():
    yield from opened()


@pytest.fixture
def call(browser, gateway, upstream):
    """Calls the gateway from a page that the upstream serves; what the page's script got of the answer."""
    page = browser.new_page()

    def from_page(play, body, key=SECRET, site=upstream.url):
        upstream.play = lambda _: response(b"<link rel=icon href=data:,>", content_type="text/html")
        page.goto(f"{site}/page")
        upstream.reset()
        upstream.play = lambda _: play
        return page.evaluate(CALL, [gateway.url, key, {"model": "gpt-5-mini", "messages": [], **body}])

    yield from_page
    page.close()


def test_its_script_reads_answer_and_headers_and_the_provider_hears_of_no_site(call, upstream):
    got = call(response(CHAT, headers={"x-request-id": "req_1", "access-control-allow-origin": "*"}), {})

    assert (got["status"], "".join(got["pieces"])) == (200, CHAT.decode())
    assert got["id"].startswith("grq_")
    assert (got["theirs"], got["provider"]) == ("req_1", "openai")
    assert [asked.request_line for asked in upstream.requests] == ["POST /v1/chat/completions HTTP/1.1"]
    assert "origin" not in upstream.requests[0].headers


def test_its_script_reads_a_stream(call):
    got = call(stream([EVENT, 0.1, EVENT, b"data: [DONE]\n\n"]), {"stream": True})

    assert got["status"] == 200
    assert len(got["pieces"]) > 1
    assert "".join(got["pieces"]).encode() == EVENT * 2 + b"data: [DONE]\n\n"
    assert got["id"].startswith("grq_")


def test_its_script_reads_a_refusal(call, upstream):
    got = call([], {}, key="nobody's")

    assert (got["status"], "invalid_api_key" in "".join(got["pieces"])) == (401, True)
    assert upstream.requests == []


def test_a_script_of_a_site_that_is_not_named_gets_nothing(call, upstream):
    site = upstream.url.replace("127.0.0.1", "localhost")

    assert call(response(CHAT), {}, site=site) == "TypeError"
    assert upstream.requests == []
