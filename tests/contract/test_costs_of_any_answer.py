"""Any answer of any API costs in the record what the catalogue calculates, however it comes."""

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.support.answers import OF_EVERY_API
from tests.support.keys import HASH
from tests.support.price_oracle import half_up, usd
from tests.support.upstream import response, stream

CONFIG = """
version: 1
providers:
  openai: {{type: openai, api_key: sk-up, base_url: "{url}"}}
  anthropic: {{type: anthropic, api_key: sk-up, base_url: "{url}"}}
  gemini: {{type: gemini, api_key: sk-up, base_url: "{url}"}}
  bedrock: {{type: bedrock, region: eu-central-1, api_key: sk-up, base_url: "{url}"}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
"""
FRAMES = "application/vnd.amazon.eventstream"
TALK = [{"role": "user", "content": "hi"}]
ASKED = {
    "chat_completions": {"messages": TALK},
    "completions": {"prompt": "hi"},
    "embeddings": {"input": "hi"},
    "responses": {"input": "hi"},
    "messages": {"messages": TALK, "max_tokens": 9},
    "images_generations": {"prompt": "hi"},
    "audio_speech": {"input": "hi", "voice": "alloy", "stream_format": "sse"},
    "converse": {"messages": TALK},
}


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH))


def ask(gateway, answer):
    """The request that is answered so."""
    name, model = answer.endpoint.name, f"{answer.type}/{answer.asked}"
    if name == "audio_transcriptions":
        form = {"model": model, **({"stream": "true"} if answer.is_stream else {})}
        return gateway.client.post(answer.endpoint.path, data=form, files={"file": ("a.mp3", b"xx", "audio/mpeg")})
    body = {"model": model, **ASKED[name]}
    if answer.is_stream and name != "audio_speech":
        body["stream"] = True
    if name == "images_generations":
        body["n"] = len(answer.charges)
    path = "/v1/chat/completions" if name == "converse" else answer.endpoint.path
    return gateway.post(body, path)


def played(answer):
    if not answer.is_stream:
        return response(answer.data)
    pieces, at = [], 0
    for size in answer.cuts:
        pieces.append(answer.data[at : at + size])
        at += size
    pieces = [piece for piece in (*pieces, answer.data[at:]) if piece]
    return stream(pieces, content_type=FRAMES if answer.endpoint.name == "converse" else "text/event-stream")


@pytest.mark.parametrize("api", OF_EVERY_API)
@settings(max_examples=5)
@given(data=st.data())
def test_the_record_of_an_answer_has_what_the_catalogue_calculates(gateway, upstream, api, data):
    answer = data.draw(OF_EVERY_API[api])
    # A chat with Claude on Bedrock goes another way.
    assume(api != "converse" or answer.asked.startswith("amazon"))
    upstream.play = lambda _: played(answer)

    reply = ask(gateway, answer)

    assert reply.status_code == 200, reply.text
    record = gateway.record_of(reply)
    now = datetime.now(UTC)
    assert record["cost_nano_usd"] == half_up(sum(usd(charge, now) for charge in answer.charges))
    assert record.get("usage_warning") is None
