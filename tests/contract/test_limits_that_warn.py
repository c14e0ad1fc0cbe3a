"""Limits with `mode: warn` count what the same limits count where they are enforced, in memory and on Redis."""

from contextlib import suppress

import httpx
import pytest

from tests.support.keys import new_key
from tests.support.redis_server import Server

TWINS = {
    "rpm": "{rpm: 2%s}",
    "denied": "{rpm: 2%s}",
    "unknown": "{rpm: 2%s}",
    "torn": "{rpm: 2%s}",
    "spent": "{rpm: 2%s}",
    "failed": "{rpm: 2%s}",
    "tpm": "{tpm: 40%s}",
}
"""Limits of pairs of keys, of which one is refused what the other is warned of."""
CROWDED = new_key()
SECRETS = {(name, mode): new_key() for name in TWINS for mode in ("enforce", "warn")}
POLICY = "[{tools: {deny: ['^shell$']}}]"


def key(name, secret, limits):
    return (
        f'  {name}: {{environment: test, secret_hash: "{secret[1]}", rate_limits: {limits}, policy_rules: {POLICY}}}\n'
    )


CONFIG = """
version: 1
providers:
  sim: {type: simulator}
  behind: {type: simulator, rate_limits: {concurrency: 1, mode: warn}}
prices: {sim/gpt-5: {input_usd_per_mtok: 1, output_usd_per_mtok: 10}}
model_aliases:
  both: [sim/gpt-5, behind/gpt-5]
budgets:
""" + "".join(
    f"  cap-{mode}: {{scope: {{virtual_key: spent-{mode}}}, window: month, limit_usd: 0.01, on_breach: block}}\n"
    for mode in ("enforce", "warn")
)
CONFIG += "virtual_keys:\n" + key("crowded", CROWDED, "{concurrency: 1, mode: warn}")
CONFIG += "".join(
    key(f"{name}-{mode}", secret, TWINS[name] % ("" if mode == "enforce" else ", mode: warn"))
    for (name, mode), secret in SECRETS.items()
)


@pytest.fixture(scope="module", params=["memory", pytest.param("redis", marks=pytest.mark.service)])
def counters(request, tmp_path_factory):
    """Where gateways count: what they have to be told of it."""
    if request.param == "memory":
        yield {}
        return
    server = Server(tmp_path_factory.mktemp("redis")).start()
    yield {"GATEWAY_REDIS_URL": server.url}
    server.stop()


@pytest.fixture(scope="module")
def gateway(counters, module_gateway):
    return module_gateway(CONFIG, env=counters)


def ask(gateway, secret, text="hi", model="sim/gpt-5", **more):
    body = {"model": model, "max_tokens": 4, "messages": [{"role": "user", "content": text}], **more}
    return gateway.post(body, headers={"authorization": f"Bearer {secret[0]}"})


def torn(gateway, secret):
    return gateway.post(b'{"model": ', headers={"authorization": f"Bearer {secret[0]}"})


SHELL = {"tools": [{"type": "function", "function": {"name": "shell"}}]}
SENT = {
    "rpm": [ask] * 4,
    "denied": [*[lambda *to: ask(*to, **SHELL)] * 2, ask, ask],
    "unknown": [*[lambda *to: ask(*to, model="nowhere/none")] * 2, ask, ask],
    "torn": [torn, torn, ask, ask],
    "spent": [*[lambda *to: ask(*to, max_tokens=4_000)] * 2, ask, ask],
    "failed": [*[lambda *to: ask(*to, text="[[status 400]]")] * 2, ask, ask],
    "tpm": [ask, ask, lambda *to: ask(*to, text="x" * 400), ask],
}


@pytest.mark.parametrize("name", TWINS)
def test_what_is_warned_of_is_what_its_twin_is_refused(gateway, name):
    refused, warned = [], []
    for send in SENT[name]:
        enforced, watched = (send(gateway, SECRETS[name, mode]) for mode in ("enforce", "warn"))
        refused.append(enforced.status_code == 429)
        assert watched.status_code != 429
        if enforced.status_code != 429:
            assert watched.status_code == enforced.status_code
        warned.append("x-langwatch-warnings" in watched.headers)

    assert any(refused)
    assert warned == refused


def warnings_of(answer):
    return answer.headers.get("x-langwatch-warnings")


def left(gateway, model, text):
    """A stream whose client leaves after its first bytes."""
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": text}]}
    headers = {"authorization": f"Bearer {CROWDED[0]}"}
    with gateway.client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
        next(answer.iter_raw())


def impatient(gateway, model, text):
    with suppress(httpx.TimeoutException):
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        headers = {"authorization": f"Bearer {CROWDED[0]}"}
        httpx.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers, timeout=0.3, trust_env=False)


def whole(gateway, model, text):
    return ask(gateway, CROWDED, text, model)


def streamed(gateway, model, text):
    return ask(gateway, CROWDED, text, model, stream=True)


ENDS = {
    "an answer": (whole, "sim/gpt-5", "hi"),
    "an error": (whole, "sim/gpt-5", "[[status 400]]"),
    "a failure": (whole, "sim/gpt-5", "[[status 500]]"),
    "a break": (whole, "sim/gpt-5", "[[reset]]"),
    "a stream": (streamed, "sim/gpt-5", "hi"),
    "a stream that breaks": (streamed, "sim/gpt-5", "[[reset after 1]]"),
    "a fallback that fails too": (whole, "both", "[[status 500]]"),
    "who leaves a stream": (left, "behind/gpt-5", "[[pace 300ms]] [[words 90]]"),
    "who leaves before the head": (impatient, "behind/gpt-5", "[[delay 5s]]"),
    "who leaves a fallback": (impatient, "both", "[[reset]] [[delay 5s]]"),
}


@pytest.mark.parametrize(("send", "model", "text"), ENDS.values(), ids=ENDS)
def test_requests_at_one_time_are_given_back_however_they_end(gateway, send, model, text):
    send(gateway, model, text)

    for free in ("sim/gpt-5", "behind/gpt-5"):
        gateway.wait(lambda free=free: warnings_of(ask(gateway, CROWDED, model=free)) is None, 8)


def test_a_limit_that_becomes_enforced_goes_on_with_what_it_has_counted(counters, start_gateway):
    soon = new_key()
    text = CONFIG + key("soon", soon, "{rpm: 3, mode: warn}")
    gateway = start_gateway(text, env={**counters, "GATEWAY_REDIS_NAMESPACE": "soon"} if counters else None)

    assert [warnings_of(ask(gateway, soon)) for _ in range(2)] == [None, None]
    gateway.write_config(text.replace("{rpm: 3, mode: warn}", "{rpm: 3}"))
    assert gateway.hears("configuration swapped")
    assert [ask(gateway, soon).status_code for _ in range(2)] == [200, 429]
    gateway.write_config(text)
    gateway.wait(lambda: warnings_of(ask(gateway, soon)) == "rate_limits.rpm")


@pytest.mark.service
def test_gateways_count_together_what_they_warn_of(start_gateway, start_redis):
    shared = {"GATEWAY_REDIS_URL": start_redis().url}
    gateways = [start_gateway(CONFIG, env=shared) for _ in range(2)]

    told = [warnings_of(ask(gateways[number % 2], SECRETS["rpm", "warn"])) for number in range(4)]

    assert told == [None, None, "rate_limits.rpm", "rate_limits.rpm"]


@pytest.mark.service
def test_nobody_waits_or_is_warned_while_redis_is_away(start_gateway, start_redis):
    server = start_redis()
    gateway = start_gateway(CONFIG, env={"GATEWAY_REDIS_URL": server.url})
    assert ask(gateway, SECRETS["rpm", "warn"]).status_code == 200
    server.stop()

    answers = [ask(gateway, SECRETS["rpm", "warn"]) for _ in range(4)]

    assert [(one.status_code, warnings_of(one)) for one in answers] == [(200, None)] * 4
