"""`limits:`: rate limits of what a selector matches, whoever sends it, in memory and in Redis."""

import json
import threading

import pytest

from tests.support.keys import new_key
from tests.support.upstream import response, stream

pytestmark = pytest.mark.every_build

ADA, ADAS_OTHER, BOB, ROBOT = (new_key() for _ in range(4))
OPUS, GPT = "claude-opus-4-8", "gpt-5-mini"
CONFIG = """
version: 1
organization: acme
teams: {{core: {{}}, search: {{}}}}
principals: {{"ada@acme.com": {{team: core}}, "bob@acme.com": {{team: search}}}}
providers:
  one: {{type: custom, base_url: "{url}/v1"}}
  two: {{type: simulator}}
model_aliases:
  {opus}: one/{opus}
  {gpt}: two/{gpt}
  both: [one/{opus}, two/{gpt}]
  twice: [one/{opus}, two/{opus}]
virtual_keys:
  ada: {{environment: test, principal: "ada@acme.com", secret_hash: "{hashes[0]}"}}
  ada-ci: {{environment: test, principal: "ada@acme.com", secret_hash: "{hashes[1]}", tags: [ci]}}
  bob: {{environment: test, principal: "bob@acme.com", secret_hash: "{hashes[2]}"}}
  robot: {{environment: test, secret_hash: "{hashes[3]}"}}
limits:
{limits}
"""


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.service)])
def limited(request, start_gateway, upstream):
    """A gateway with these limits; its counters are in its memory, or in Redis."""
    shared = {} if request.param == "memory" else {"GATEWAY_REDIS_URL": request.getfixturevalue("server").url}

    def start(*limits):
        text = CONFIG.format(
            url=upstream.url, opus=OPUS, gpt=GPT, limits="\n".join(f"  {one}" for one in limits),
            hashes=[digest for _, digest in (ADA, ADAS_OTHER, BOB, ROBOT)],
        )  # fmt: skip
        return start_gateway(text, env=shared)

    return start


def ask(gateway, key, model=OPUS, path="/v1/chat/completions", **headers):
    body = {"model": model, "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}
    return gateway.post(body, path=path, headers={"authorization": f"Bearer {key[0]}", **headers})


def statuses(answers):
    return [one.status_code for one in answers]


def test_a_limit_of_a_model_counts_each_person_by_whatever_key(limited):
    gateway = limited('opus: {match: {model: "*opus*"}, each: principal, rpm: 2, message: "Ask #ai."}')

    answers = [ask(gateway, key) for key in (ADA, ADAS_OTHER, ADA, BOB, ROBOT, BOB, ROBOT, BOB, ROBOT)]

    assert statuses(answers) == [200, 200, 429, 200, 200, 200, 200, 429, 429]
    assert ask(gateway, ADA, GPT).status_code == 200
    error = answers[2].json()["error"]
    assert (error["type"], error["code"]) == ("rate_limit_exceeded", "selected_rate_limit_exceeded")
    assert error["message"].startswith("The limit opus is 2 requests per minute; try again in ")
    assert error["message"].endswith(" Ask #ai.")
    assert answers[2].headers["x-langwatch-ratelimit-dimension"] == "rpm"


@pytest.mark.parametrize(
    ("match", "counted"),
    [
        ("{}", [ADA, ADAS_OTHER, BOB, ROBOT]),
        ("{team: core}", [ADA, ADAS_OTHER]),
        ("{tag: ci}", [ADAS_OTHER]),
        ("{virtual_key: robot}", [ROBOT]),
        ('{principal: "bob@acme.com", model: one/*}', [BOB]),
        ("{team: core, tag: ci, endpoint: chat_completions}", [ADAS_OTHER]),
        ("{endpoint: messages}", []),
        ("{team: core, model: gpt-*}", []),
    ],
)
def test_what_counts_is_what_everything_matches(start_gateway, upstream, match, counted):
    limits = f"  few: {{match: {match}, each: virtual_key, rpm: 1}}"
    gateway = start_gateway(
        CONFIG.format(url=upstream.url, opus=OPUS, gpt=GPT, limits=limits, hashes=[one[1] for one in (ADA, ADAS_OTHER, BOB, ROBOT)])
    )  # fmt: skip

    refused = [
        key for key in (ADA, ADAS_OTHER, BOB, ROBOT) if [ask(gateway, key), ask(gateway, key)][1].status_code == 429
    ]

    assert refused == counted


def test_end_users_have_limits_of_their_own_and_nobody_counts_under_the_key(limited):
    gateway = limited("each: {each: end_user, rpm: 1}", "one: {match: {end_user: eve}, rpd: 1}")

    named = [ask(gateway, ADA, **{"X-LangWatch-End-User-Id": who}) for who in ("joe", "sue", "joe", "eve")]
    unnamed = [ask(gateway, key) for key in (ADA, BOB, ADA)]

    assert statuses(named) == [200, 200, 429, 200]
    assert statuses(unnamed) == [200, 200, 429]
    assert ask(gateway, BOB, GPT, **{"X-LangWatch-End-User-Id": "eve"}).status_code == 429


def test_requests_at_one_time_are_given_back(limited, upstream):
    gateway = limited("few: {match: {model: one/*}, concurrency: 1}")
    release = threading.Event()
    upstream.play = lambda _: [release, *response()]
    background = threading.Thread(target=ask, args=(gateway, ADA))
    background.start()
    upstream.wait_for()
    upstream.play = lambda _: response()

    beside = ask(gateway, BOB)
    release.set()
    background.join()

    assert (beside.status_code, beside.json()["error"]["code"]) == (429, "selected_rate_limit_exceeded")
    gateway.wait(lambda: ask(gateway, BOB).status_code == 200)


def test_a_model_at_its_limit_leaves_the_chain(limited):
    gateway = limited('opus: {match: {model: "*opus*"}, rpm: 1}')

    answers = [ask(gateway, ADA, "both") for _ in range(2)]

    assert [one.headers["x-langwatch-provider"] for one in answers] == ["one", "two"]
    assert [one["outcome"] for one in gateway.record_of(answers[1])["attempts"]] == ["rate_limited", "ok"]
    assert ask(gateway, ADA).status_code == 429


def test_a_request_counts_once_whatever_it_falls_back_to(limited, upstream):
    gateway = limited(
        'opus: {match: {model: "*opus*"}, rpm: 2, concurrency: 1}', "gpt: {match: {model: gpt-*}, rpm: 1}"
    )
    upstream.play = lambda _: response(status=503)

    answers = [ask(gateway, ADA, "twice") for _ in range(3)]

    assert statuses(answers) == [200, 200, 429]
    assert [ask(gateway, ADA, GPT).status_code for _ in range(2)] == [200, 429]


def test_tokens_are_settled_to_what_was_used(limited, upstream):
    gateway = limited('opus: {match: {model: "*opus*"}, tpm: 200}')
    used = {"prompt_tokens": 1, "completion_tokens": 9, "total_tokens": 10}
    upstream.play = lambda _: response(json.dumps({"choices": [], "usage": used}).encode())

    assert statuses([ask(gateway, ADA) for _ in range(8)]) == [200] * 8

    upstream.play = lambda _: response(json.dumps({"choices": [], "usage": {**used, "total_tokens": 150}}).encode())
    assert statuses([ask(gateway, ADA) for _ in range(2)]) == [200, 429]


def test_tokens_of_another_model_that_took_over_are_given_back(limited, upstream):
    gateway = limited('opus: {match: {model: "*opus*"}, tpm: 60}')
    upstream.play = lambda _: response(status=503)

    assert statuses([ask(gateway, ADA, "both") for _ in range(4)]) == [200] * 4


def test_a_limit_may_only_warn(limited, upstream):
    gateway = limited('opus: {match: {model: "*opus*"}, rpm: 1, mode: warn}', "all: {rpm: 3}")
    upstream.play = lambda _: stream([b"data: [DONE]\n\n"])

    answers = [ask(gateway, ADA) for _ in range(4)]

    assert [(one.status_code, one.headers.get("x-langwatch-warnings")) for one in answers] == [
        (200, None), (200, "limits.opus.rpm"), (200, "limits.opus.rpm"), (429, None),
    ]  # fmt: skip
