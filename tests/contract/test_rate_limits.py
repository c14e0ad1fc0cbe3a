"""Limits of keys and of providers: what passes, what is refused, and what a refusal says."""

import re
import threading

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET
from tests.support.upstream import HANG, response

pytestmark = pytest.mark.every_build


def limited(url: str, limits: str, more: str = "") -> str:
    return config(url, more).replace(
        "    project: checkout\n", f"    project: checkout\n    rate_limits: {limits}\n", 1
    )


@pytest.mark.parametrize(("limits", "dimension"), [("{rpm: 3}", "rpm"), ("{rpd: 3}", "rpd")])
def test_requests_beyond_the_limit_are_refused(start_gateway, upstream, limits, dimension):
    gateway = start_gateway(limited(upstream.url, limits))

    answers = [gateway.chat() for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    refused = answers[-1]
    assert refused.json()["error"]["type"] == "rate_limit_exceeded"
    assert refused.json()["error"]["code"] == "vk_rate_limit_exceeded"
    assert refused.headers["x-langwatch-ratelimit-dimension"] == dimension
    wait_s = int(re.search(r"try again in (\d+) s\.", refused.json()["error"]["message"])[1])
    assert wait_s >= 1
    assert wait_s <= {"rpm": 60, "rpd": 86_400}[dimension]
    assert refused.headers.get("retry-after") == (str(wait_s) if wait_s <= 60 else None)
    assert len(upstream.requests) == 3


def test_a_limit_of_a_provider_is_shared_by_its_keys(start_gateway, upstream):
    text = config(upstream.url).replace(
        'base_url: "' + upstream.url + '/v1"', f'base_url: "{upstream.url}/v1", rate_limits: {{rpm: 2}}'
    )
    gateway = start_gateway(text)

    answers = [gateway.chat() for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["error"]["code"] == "provider_rate_limit_exceeded"
    assert gateway.chat("sim").status_code == 200


def test_requests_at_one_time_are_limited_and_given_back(start_gateway, upstream):
    gateway = start_gateway(limited(upstream.url, "{concurrency: 1}"))
    release = threading.Event()
    upstream.play = lambda _: [HANG] if not release.is_set() else response()
    background = threading.Thread(target=_swallow_timeout, args=(gateway,))
    background.start()
    upstream.wait_for()

    refused = gateway.chat()
    release.set()
    background.join()

    assert refused.status_code == 429
    assert refused.headers["x-langwatch-ratelimit-dimension"] == "concurrency"
    gateway.wait(lambda: gateway.chat().status_code == 200)


def _swallow_timeout(gateway):
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{gateway.url}/v1/chat/completions",
            json={"model": "gpt-5-mini", "messages": []},
            headers={"authorization": f"Bearer {SECRET}"},
            timeout=1.0,
        )


@pytest.mark.parametrize("written", ["300", "300.0", "3e2"])
def test_tokens_are_held_by_estimate_and_settled_to_what_was_used(start_gateway, upstream, written):
    gateway = start_gateway(limited(upstream.url, "{tpm: 1000}"))
    upstream.play = lambda _: response(b'{"usage":{"prompt_tokens":100,"completion_tokens":200}}')
    body = f'{{"model": "gpt-5-mini", "messages": [], "max_tokens": {written}}}'.encode()

    answers = [gateway.post(body) for _ in range(4)]

    # 300 a call are used; each asks for about 310, so the fourth does not fit beside 900.
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["x-langwatch-ratelimit-dimension"] == "tpm"


def test_a_failed_call_costs_no_tokens(start_gateway, upstream):
    gateway = start_gateway(limited(upstream.url, "{tpm: 1000}"))
    upstream.play = lambda _: response(status=500)

    answers = [gateway.post({"model": "gpt-5-mini", "messages": [], "max_tokens": 900}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [502] * 4


def test_a_refused_request_still_counts_against_the_limit(start_gateway, upstream):
    gateway = start_gateway(limited(upstream.url, "{rpm: 2}"))

    answers = [gateway.chat("openai-nowhere/x") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [404, 404, 429]


def test_counters_outlive_a_reload(start_gateway, upstream):
    text = limited(upstream.url, "{rpm: 2}")
    gateway = start_gateway(text)
    gateway.chat()
    gateway.chat()
    revision = gateway.readyz()["revision"]

    gateway.write_config(text + "\n# another revision\n")
    gateway.wait(lambda: gateway.readyz()["revision"] != revision)

    assert gateway.chat().status_code == 429


@pytest.mark.parametrize("body", [b"{", b'{"model": "a", "model": "b"}', b"[]"])
def test_bodies_that_cannot_be_read_count_too(start_gateway, upstream, body):
    gateway = start_gateway(limited(upstream.url, "{rpm: 2, tpm: 1000, concurrency: 1}"))

    answers = [gateway.post(body) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400, 400, 429]
    assert upstream.requests == []
