"""What the file says of the fields of requests: spliced, told, held, and no other byte of a body changed."""

import json

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET, new_key

pytestmark = pytest.mark.every_build

TIGHT = new_key()
SPREAD, OF_FORMS = new_key(), new_key()
KEYS = f"""
  spread:
    environment: test
    secret_hash: "{SPREAD[1]}"
    request:
      max_tokens: {{max: 9000}}
      max_completion_tokens: {{default: 10000}}
      reasoning.effort: {{max: low}}
      output_config: {{drop: true}}
      thinking.budget_tokens: {{max: 2000}}
      n: {{max: 1}}
  of-forms:
    environment: test
    secret_hash: "{OF_FORMS[1]}"
    request: {{temperature: {{max: 0.5}}, language: {{set: en}}, prompt_style: {{drop: true}}, n: {{default: 1}}}}
  tight:
    environment: test
    secret_hash: "{TIGHT[1]}"
    request: {{max_tokens: {{max: 9000}}, reasoning_effort: {{max: medium}}, service_tier: {{set: flex}}, user: {{drop: true}}}}
    policy_rules: [{{tools: {{deny: ['^shell']}}}}]
"""
RULES = "request: {max_tokens: {max: 8000}, seed: {drop: true}, store: {set: false}}"


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    text = config(upstream.url, KEYS)
    ruled = text.replace(
        "  openai: {", f"  ruled: {{type: custom, base_url: '{upstream.url}/v1', {RULES}}}\n  openai: {{", 1
    )
    assert ruled != text
    return module_gateway(ruled)


def send(gateway, body, path="/v1/chat/completions", secret=SECRET):
    headers = {"authorization": f"Bearer {secret}", "content-type": "application/json"}
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


ON_KEYS = [
    (
        "/v1/chat/completions",
        '{ "model":"gpt-5", "max_tokens" : 1e5,"user":"ada",\n"x":"\\u00e9",  "messages":[]}',
        '{"service_tier":"flex", "model":"gpt-5", "max_tokens" : 9000,\n"x":"\\u00e9",  "messages":[]}',
        "user,service_tier:set,max_tokens:max",
    ),
    (
        "/v1/chat/completions",
        '{"model":"gpt-5","max_completion_tokens":10000,"reasoning_effort":"high","messages":[]}',
        '{"service_tier":"flex","model":"gpt-5","max_completion_tokens":9000,"reasoning_effort":"medium","messages":[]}',
        "service_tier:set,max_completion_tokens:max,reasoning_effort:max",
    ),
    (
        "/v1/responses",
        '{"model":"gpt-5","max_output_tokens":10000,"reasoning":{"effort":"xhigh"},"input":"hi"}',
        '{"service_tier":"flex","model":"gpt-5","max_output_tokens":9000,"reasoning":{"effort":"medium"},"input":"hi"}',
        "service_tier:set,max_output_tokens:max,reasoning.effort:max",
    ),
    (
        "/v1/chat/completions",
        '{"model":"ruled/m","max_tokens":10000,"seed":1,"service_tier":"flex","messages":[]}',
        '{"store":false,"model":"m","max_tokens":8000,"service_tier":"flex","messages":[]}',
        "max_tokens:max,seed,store:set,max_tokens:max",
    ),
]


@pytest.mark.parametrize(("path", "body", "goes_up", "told"), ON_KEYS)
def test_rules_of_a_key_come_before_those_of_the_provider_and_hold_in_every_api(
    gateway, upstream, path, body, goes_up, told
):
    answer = send(gateway, body, path, TIGHT[0])

    assert upstream.requests[0].body.decode() == goes_up
    assert set(answer.headers["x-langwatch-params-dropped"].split(",")) == set(told.split(","))
    assert answer.headers["x-langwatch-body"] == "spliced"


def test_a_translated_request_is_of_what_the_key_allows(gateway, upstream):
    body = {"model": "claude", "max_tokens": 10_000, "messages": [{"role": "user", "content": "hi"}]}

    answer = send(gateway, json.dumps(body), secret=TIGHT[0])

    assert json.loads(upstream.requests[0].body)["max_tokens"] == 9000
    assert {"max_tokens:max", "service_tier:set"} <= set(answer.headers["x-langwatch-params-dropped"].split(","))


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ('{"model":"gpt-5","messages":[],"Max_Tokens":90000}', 400, "max_tokens"),
        ('{"model":"gpt-5","messages":[],"max_completion_tokens":"many"}', 400, "max_completion_tokens"),
        ('{"model":"gpt-5","messages":[],"user":"ada","drop_tuning_params":false}', 400, "user"),
        ('{"model":"gpt-5","messages":[],"tools":[{"type":"function","function":{"name":"shell"}}]}', 403, None),
    ],
)
def test_what_the_rules_of_a_key_cannot_tell_is_refused(gateway, upstream, body, status, param):
    answer = send(gateway, body, secret=TIGHT[0])

    assert answer.status_code == status
    assert param in (None, answer.json()["error"]["param"])
    assert not upstream.requests


SAID = [{"role": "user", "parts": [{"text": "hi"}]}]
THINKING = "generationConfig.thinkingConfig.thinking"
GOOGLE = "/v1beta/models/gpt-5:generateContent"


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/v1/chat/completions", {"max_completion_tokens": 9500}, "max_completion_tokens:max"),
        ("/v1/chat/completions", {}, "max_completion_tokens:default,max_completion_tokens:max"),
        ("/v1/chat/completions", {"max_completion_tokens": 8000}, ""),
        ("/v1/responses", {"reasoning": {"effort": "max"}}, "reasoning.effort:max"),
        (GOOGLE, {"generationConfig": {"maxOutputTokens": 9500}}, "generationConfig.maxOutputTokens:max"),
        (GOOGLE, {"generationConfig": {"candidateCount": 3}}, "generationConfig.candidateCount:max"),
        (GOOGLE, {"generationConfig": {"thinkingConfig": {"thinkingLevel": "HIGH"}}}, f"{THINKING}Level:max"),
        (
            GOOGLE,
            {"generationConfig": {"thinkingConfig": {"thinkingLevel": "MINIMAL", "thinkingBudget": 3000}}},
            f"{THINKING}Budget:max",
        ),
    ],
)
def test_a_bound_holds_for_what_every_api_calls_the_same(gateway, upstream, path, body, told):
    said = {"contents": SAID} if path == GOOGLE else {"model": "gpt-5", "input": "hi", "messages": []}

    answer = send(gateway, json.dumps({**said, **body}), path, SPREAD[0])

    dropped = answer.headers.get("x-langwatch-params-dropped", "").split(",")
    assert [one for one in dropped if one.endswith((":max", ":default"))] == [one for one in told.split(",") if one]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"generation_config": {"max_output_tokens": 90000}},
        {"generationConfig": {"max_output_tokens": 90000}},
        {"generationConfig": {"thinking_config": {"thinking_level": "high"}}},
        {"generationConfig": {"thinkingConfig": {"thinking_level": "high"}}},
    ],
)
def test_another_spelling_of_what_is_bounded_is_refused(gateway, upstream, body):
    answer = send(gateway, json.dumps({"contents": SAID, **body}), GOOGLE, SPREAD[0])

    assert answer.status_code == 400, answer.text
    assert "spelt otherwise" in answer.text
    assert not upstream.requests


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temperature": "0.5", "language": "en", "n": "5"}, None),
        ({}, None),
        ({"temperature": "0.6"}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"Temperature": "0.1"}, "Temperature"),
        ({"temperature[]": "0.1"}, "temperature[]"),
        ({"language": "de"}, "language"),
        ({"prompt_style": "x"}, "prompt_style"),
    ],
)
def test_a_form_goes_up_as_it_is_or_not_at_all(gateway, upstream, fields, param):
    answer = httpx.post(
        f"{gateway.url}/v1/audio/transcriptions",
        data={"model": "whisper-1", **fields},
        files={"file": ("a.wav", b"RIFF", "audio/wav")},
        headers={"authorization": f"Bearer {OF_FORMS[0]}"},
    )

    assert (answer.status_code, len(upstream.requests)) == ((400, 0) if param else (200, 1)), answer.text
    assert param is None or answer.json()["error"]["param"] == param


def test_a_long_body_is_ruled_beside_others(gateway, upstream):
    body = {"model": "gpt-5", "max_tokens": 10_000, "messages": [{"role": "user", "content": "x" * 300_000}]}

    send(gateway, json.dumps(body), secret=TIGHT[0])

    assert json.loads(upstream.requests[0].body) == {**body, "max_tokens": 9000, "service_tier": "flex"}
