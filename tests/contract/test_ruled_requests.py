"""What the file says of the fields of requests: spliced, told, held, and no other byte of a body changed."""

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET

pytestmark = pytest.mark.every_build

RULES = "request: {max_tokens: {max: 8000}, seed: {drop: true}, store: {set: false}}"


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    text = config(upstream.url)
    ruled = text.replace(
        "  openai: {", f"  ruled: {{type: custom, base_url: '{upstream.url}/v1', {RULES}}}\n  openai: {{", 1
    )
    assert ruled != text
    return module_gateway(ruled)


def send(gateway, body, path="/v1/chat/completions"):
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    return httpx.post(gateway.url + path, content=body, headers=headers)


def test_fields_are_spliced_and_told(gateway, upstream):
    body = '{ "seed":1e0, "max_tokens" : 9E3,"model":"ruled/m",\n"x":"\\u00e9",  "messages":[]}'

    answer = send(gateway, body)

    assert upstream.requests[0].body.decode() == (
        '{"store":false, "max_tokens" : 8000,"model":"m",\n"x":"\\u00e9",  "messages":[]}'
    )
    assert answer.headers["x-langwatch-params-dropped"] == "seed,store:set,max_tokens:max"
    assert answer.headers["x-langwatch-body"] == "spliced"


def test_a_provider_without_rules_gets_every_byte(gateway, upstream):
    body = '{"seed":1, "max_tokens" : 9000,"model":"gpt-5",  "messages":[]}'

    answer = send(gateway, body)

    assert upstream.requests[0].body.decode() == body
    assert answer.headers["x-langwatch-body"] == "identical"
    assert "x-langwatch-params-dropped" not in answer.headers


def test_what_could_be_read_in_two_ways_is_refused_and_not_sent(gateway, upstream):
    answer = send(gateway, '{"model":"ruled/m","messages":[],"max_tokens":1,"Max_Tokens":90000}')

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "max_tokens")
    assert not upstream.requests
