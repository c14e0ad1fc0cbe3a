"""Spaces before an answer that takes long: what comes after them, whatever it is, is the answer's body."""

import json
import threading

import openai
import pytest

from tests.support.keys import HASH, SECRET, new_key
from tests.support.upstream import CHAT, response

PLAIN = new_key()
CONFIG = """
version: 1
unary_keepalive_s: 1
providers:
  openai: {{type: openai, api_key: sk-up, base_url: "{url}/v1"}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
  plain: {{environment: test, secret_hash: "{plain}", unary_keepalive_s: 0}}
"""
ASKED = {"model": "openai/gpt-5", "messages": [{"role": "user", "content": "hi"}]}
PAUSE_S = 1.3


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH, plain=PLAIN[1]))


def late(answer):
    return lambda _: [PAUSE_S, *answer]


def test_an_answer_that_is_late_comes_behind_spaces(gateway, upstream):
    upstream.play = late(response(CHAT))
    answer = gateway.post(ASKED)

    assert (answer.status_code, answer.content.lstrip(b" ")) == (200, CHAT)
    assert answer.content.startswith(b" ")
    record = gateway.record_of(answer)
    assert (record["outcome"], record["usage"]["output_tokens"]) == ("ok", 7)
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=SECRET, max_retries=0) as client:
        assert client.chat.completions.create(**ASKED).choices[0].message.content == "hello"


def test_an_error_that_is_late_stands_in_the_body_alone(gateway, upstream):
    upstream.play = late(response(b"{}", 503))
    answer = gateway.post(ASKED)

    assert answer.status_code == 200
    assert answer.content.startswith(b" ")
    assert answer.json()["error"]["type"] == "provider_error"
    record = gateway.record_of(answer)
    assert (record["status"], record["outcome"]) == (502, "failed")


def test_in_time_and_where_it_is_off_nothing_changes(gateway, upstream):
    upstream.play = lambda _: response(b'{"error":{"message":"no"}}', 422)
    assert gateway.post(ASKED).status_code == 422

    upstream.play = late(response(CHAT))
    answer = gateway.client.post("/v1/chat/completions", json=ASKED, headers={"authorization": f"Bearer {PLAIN[0]}"})
    assert answer.content == CHAT
    assert answer.headers["content-length"] == str(len(CHAT))


def test_a_client_that_leaves_between_two_spaces_ends_the_call(gateway, upstream):
    goes_on = threading.Event()
    upstream.reset()
    upstream.play = lambda _: [goes_on]

    with gateway.client.stream("POST", "/v1/chat/completions", content=json.dumps(ASKED)) as answer:
        assert next(answer.iter_raw()) == b" "
    assert upstream.requests[0].hung_up.wait(10)
    goes_on.set()
    assert gateway.record_of(answer)["outcome"] == "client_left"
