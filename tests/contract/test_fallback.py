"""When a provider fails before its first byte, the next one answers, and the client sees a normal 200."""

import json
import socket
import threading
import time
from contextlib import closing

import httpx
import pytest

from tests.support.keys import HASH, SECRET, new_key
from tests.support.upstream import CHAT, CUT, HANG, Flood, PlayedUpstream, response, stream

pytestmark = pytest.mark.every_build

CONFIG = """
version: 1
providers:
  first: {{type: openai, api_key: sk-first, base_url: "{first}/v1", models: [m]}}
  second: {{type: openai, api_key: sk-second, base_url: "{second}/v1", models: [m]}}
  third: {{type: simulator, models: [m]}}
{more}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"{key}}}
{keys}
"""
CHAIN = "fallback: {chain: [first, second, third], timeout_ms: 700, max_attempts: 2}"
NEVER_OPENS = "circuit_breaker: {failures: 10000}"
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
FROM_SECOND = CHAT.replace(b"hello", b"from the second")
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.fixture(scope="module")
def second():
    with closing(PlayedUpstream()) as played:
        yield played


@pytest.fixture(autouse=True)
def _reset(upstream, second):
    upstream.reset()
    second.reset()
    second.play = lambda _: response(FROM_SECOND)


def text_of(first, second, more=CHAIN, key="", keys="", breaker=NEVER_OPENS):
    text = CONFIG.format(first=first, second=second, more=more, hash=HASH, key=key, keys=keys)
    return text.replace("models: [m]}", f"models: [m], {breaker}}}")


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream, second):
    return module_gateway(text_of(upstream.url, second.url))


def ask(gateway, body=BODY, secret=SECRET, **extra):
    headers = {"authorization": f"Bearer {secret}"}
    return gateway.client.post("/v1/chat/completions", json={**body, **extra}, headers=headers)


def record_of(gateway, answer):
    request_id = answer.headers["x-langwatch-request-id"]
    return gateway.wait(lambda: [one for one in gateway.records() if one["request_id"] == request_id])[0]


def outcomes(gateway, answer):
    return [(one["provider"], one["outcome"]) for one in record_of(gateway, answer)["attempts"]]


ERROR = b'{"error":{"message":"no","type":"x"}}'
FALLS_BACK = {
    "500": (lambda: response(ERROR, 500), "500"),
    "502": (lambda: response(b"<html>", 502, content_type="text/html"), "502"),
    "503": (lambda: response(ERROR, 503, {"retry-after": "7"}), "503"),
    "504": (lambda: response(ERROR, 504), "504"),
    "529": (lambda: response(ERROR, 529), "529"),
    "429": (lambda: response(ERROR, 429, {"retry-after": "9"}), "429"),
    "reset before the head": (lambda: [CUT], "network"),
    "reset within the head": (lambda: [b"HTTP/1.1 200 OK\r\ncontent-", CUT], "network"),
    "head but no body": (
        lambda: [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n", CUT],
        "network",
    ),
    "head and silence": (
        lambda: [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n", HANG],
        "timeout",
    ),
    "slow first byte": (lambda: [HANG], "timeout"),
    "slow drip": (
        lambda: [b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n", *([0.2, b"x"] * 50)],
        "timeout",
    ),
    "no HTTP": (lambda: [b"SMTP ready\r\n\r\n"], "protocol"),
    "invalid JSON with status 200": (lambda: response(b"{oops"), "protocol"),
}


@pytest.mark.parametrize(("play", "outcome"), FALLS_BACK.values(), ids=FALLS_BACK.keys())
def test_a_failure_before_the_first_byte_leads_to_the_next_provider(gateway, upstream, second, play, outcome):
    upstream.play = lambda _: play()

    answer = ask(gateway)

    assert (answer.status_code, answer.content) == (200, FROM_SECOND)
    assert answer.headers["x-langwatch-provider"] == "second"
    assert answer.headers["x-langwatch-fallback-count"] == "1"
    assert outcomes(gateway, answer) == [("first", outcome), ("second", "ok")]
    assert second.requests[0].headers["authorization"] == "Bearer sk-second"


STREAMS_THAT_FALL_BACK = {
    "503": (lambda: response(ERROR, 503), "503"),
    "an error hidden in a 200": (lambda: stream([b'data: {"error":{"message":"overloaded"}}\n\n']), "error_in_stream"),
    "an error event": (lambda: stream([b": hi\n\n", b"event: error\ndata: {}\n\n"]), "error_in_stream"),
    "in pieces": (lambda: stream([b'data: {"err', 0.05, b'or":{"message":"x"}}\n', b"\n"]), "error_in_stream"),
    "nothing at all": (lambda: stream([]), "error_in_stream"),
    "cut before the first event": (lambda: stream([b": comment\n\n", CUT], ends=False), "network"),
    "cut within the first event": (lambda: stream([b'data: {"cho', CUT], ends=False), "network"),
    "silence after the head": (lambda: stream([HANG], ends=False), "timeout"),
}


@pytest.mark.parametrize(("play", "outcome"), STREAMS_THAT_FALL_BACK.values(), ids=STREAMS_THAT_FALL_BACK.keys())
def test_a_stream_falls_back_until_its_first_event(gateway, upstream, second, play, outcome):
    upstream.play = lambda _: play()
    second.play = lambda _: stream([EVENT, DONE])

    answer = ask(gateway, stream=True, stream_options={"include_usage": False})

    assert (answer.status_code, answer.content) == (200, EVENT + DONE)
    assert outcomes(gateway, answer) == [("first", outcome), ("second", "ok")]


def test_a_stream_that_has_begun_never_switches(gateway, upstream, second):
    upstream.play = lambda _: stream([EVENT, 0.1, CUT], ends=False)

    answer = ask(gateway, stream=True)

    assert answer.content.startswith(EVENT)
    assert b"event: error" in answer.content
    assert b"upstream_mid_stream_failure" in answer.content
    assert not second.requests


def test_a_stream_that_was_looked_at_arrives_identical(gateway, upstream):
    pieces = [b": ping\r\n\r\n", b'data: {"choices":', 0.02, b"[]}\r", b"\n\r\n", EVENT, b"data: [DONE]"]
    upstream.play = lambda _: stream(pieces)

    answer = ask(gateway, stream=True, stream_options={"include_usage": True})

    assert answer.content == b"".join(piece for piece in pieces if isinstance(piece, bytes))


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_what_the_client_did_wrong_is_final(gateway, upstream, second, status):
    upstream.play = lambda _: response(ERROR, status)

    answer = ask(gateway)

    assert (answer.status_code, answer.content) == (status, ERROR)
    assert not second.requests


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_final_and_names_the_provider(gateway, upstream, second, status):
    upstream.play = lambda _: response(ERROR, status)

    answer = ask(gateway)

    assert answer.status_code == 502
    assert "providers.first" in answer.json()["error"]["message"]
    assert not second.requests


def test_the_last_failure_is_the_answer_and_its_retry_after_survives(gateway, upstream, second):
    upstream.play = lambda _: response(ERROR, 503)
    second.play = lambda _: response(ERROR, 429, {"retry-after": "31"})

    answer = ask(gateway)

    assert (answer.status_code, answer.content) == (429, ERROR)
    assert answer.headers["retry-after"] == "31"
    # The third provider stays unasked: `max_attempts` is 2.
    assert outcomes(gateway, answer) == [("first", "503"), ("second", "429")]


def test_the_attempts_of_one_request_end_in_one_record(gateway, upstream):
    upstream.play = lambda _: response(ERROR, 500)

    answer = ask(gateway)

    record = record_of(gateway, answer)
    assert record["provider"] == "second"
    assert record["usage"]["input_tokens"] == 11
    assert record["outcome"] == "ok"


CONNECTIONS = {
    "refused": ("http://127.0.0.1:1", "connect"),
    "no such name": ("http://no-such-host.invalid", "connect"),
    "a handshake that never ends": ("https://127.0.0.1:{port}", "timeout"),
}


@pytest.mark.parametrize(("url", "outcome"), CONNECTIONS.values(), ids=CONNECTIONS.keys())
def test_a_provider_that_cannot_be_reached_is_passed_over(start_gateway, upstream, second, url, outcome):
    gateway = start_gateway(text_of(url.format(port=upstream.port), second.url))

    answer = ask(gateway)

    assert answer.content == FROM_SECOND
    assert outcomes(gateway, answer)[0] == ("first", outcome)


ALIASES = """
model_aliases:
  listed: [first/a, second/b]
  continued: first/a
  "continued:fallback": second/b
  named: first/a
  well-known: first/gpt-5
"""
TARGETS = {
    "the next target of a list": ("listed", "", b'"b"'),
    "the alias with :fallback": ("continued", "", b'"b"'),
    "the chain, asked for the list's target": ("listed", CHAIN, b'"b"'),
    "the chain, asked for the :fallback target": ("continued", CHAIN, b'"b"'),
    "the chain, asked for the same name": ("named", CHAIN, b'"a"'),
}


@pytest.mark.parametrize(("model", "chain", "asked"), TARGETS.values(), ids=TARGETS.keys())
def test_each_provider_is_asked_for_its_own_target(start_gateway, upstream, second, model, chain, asked):
    upstream.play = lambda _: response(ERROR, 500)
    gateway = start_gateway(text_of(upstream.url, second.url, chain + ALIASES))

    assert ask(gateway, model=model).content == FROM_SECOND
    assert upstream.requests[0].body.startswith(b'{"model":"a"') or b'"a"' in upstream.requests[0].body
    assert asked in second.requests[0].body


def test_without_a_chain_and_a_list_a_failure_is_final(start_gateway, upstream, second):
    upstream.play = lambda _: response(ERROR, 500)
    gateway = start_gateway(text_of(upstream.url, second.url, ""))

    assert ask(gateway).status_code == 502
    assert not second.requests


def test_a_key_may_have_a_chain_of_its_own_and_never_leaves_its_providers(start_gateway, upstream, second):
    secret, hashed = new_key()
    keys = f'  own: {{environment: test, secret_hash: "{hashed}", providers: [first, second], fallback: {{chain: [first, second], on: [not_found]}}}}'
    upstream.play = lambda _: response(ERROR, 404)
    gateway = start_gateway(text_of(upstream.url, second.url, keys=keys))

    assert ask(gateway, secret=secret).content == FROM_SECOND
    assert ask(gateway).status_code == 404

    upstream.play = lambda _: response(ERROR, 500)
    assert ask(gateway, secret=secret).status_code == 502


def test_a_target_that_the_key_may_not_call_is_passed_over(start_gateway, upstream, second):
    secret, hashed = new_key()
    keys = f'  narrow: {{environment: test, secret_hash: "{hashed}", models_allowed: ["first/*", "third/*"]}}'
    upstream.play = lambda _: response(ERROR, 500)
    gateway = start_gateway(text_of(upstream.url, second.url, keys=keys))

    answer = ask(gateway, secret=secret)

    assert answer.headers["x-langwatch-provider"] == "third"
    assert not second.requests


def test_no_attempt_begins_after_the_total_time(start_gateway, upstream, second):
    chain = "fallback: {chain: [first, second], timeout_ms: 400, total_timeout_ms: 300}"
    upstream.play = lambda _: [HANG]
    gateway = start_gateway(text_of(upstream.url, second.url, chain))

    assert ask(gateway).status_code == 504
    assert not second.requests


def test_an_account_at_its_limit_is_passed_over(start_gateway, upstream, second):
    text = text_of(upstream.url, second.url).replace("sk-first,", "sk-first, rate_limits: {rpm: 1},", 1)
    gateway = start_gateway(text)

    assert ask(gateway).headers["x-langwatch-provider"] == "first"
    answer = ask(gateway)
    assert answer.headers["x-langwatch-provider"] == "second"
    assert outcomes(gateway, answer) == [("first", "rate_limited"), ("second", "ok")]


def test_a_circuit_opens_lets_one_probe_through_and_closes_again(start_gateway, upstream, second):
    breaker = "circuit_breaker: {failures: 3, window_ms: 60000, open_ms: 2000}"
    patient = CHAIN.replace("700", "20000")
    gateway = start_gateway(text_of(upstream.url, second.url, more=patient, breaker=breaker))
    upstream.play = lambda _: response(ERROR, 500)

    for number in range(3):
        ask(gateway, seed=number)
    assert len(upstream.requests) == 3
    answer = ask(gateway)
    assert answer.content == FROM_SECOND
    assert outcomes(gateway, answer) == [("first", "circuit_open"), ("second", "ok")]
    assert len(upstream.requests) == 3

    time.sleep(2.1)
    answers = []

    def probe(_):
        # The probe takes until all others have their answers.
        while len(answers) < 7:
            yield 0.02
        yield from response(CHAT)

    upstream.play = probe
    asking = [threading.Thread(target=lambda: answers.append(ask(gateway))) for _ in range(8)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert len(upstream.requests) == 4
    assert sorted(one.headers["x-langwatch-provider"] for one in answers) == ["first", *["second"] * 7]

    assert ask(gateway).headers["x-langwatch-provider"] == "first"


def test_a_client_that_leaves_while_it_probes_does_not_keep_the_circuit(start_gateway, upstream, second):
    breaker = "circuit_breaker: {failures: 1, window_ms: 60000, open_ms: 2000}"
    gateway = start_gateway(text_of(upstream.url, second.url, breaker=breaker, more=""))
    upstream.play = lambda _: response(ERROR, 500)
    ask(gateway)
    assert ask(gateway).status_code == 503

    time.sleep(2.1)
    upstream.play = lambda _: [HANG]
    data = json.dumps(BODY).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
        client.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        assert upstream.wait_for(2)
    assert upstream.wait_for(2).hung_up.wait(15)

    upstream.play = lambda _: response(CHAT)
    assert ask(gateway).status_code == 200


def test_answers_of_the_4xx_kind_never_open_a_circuit(start_gateway, upstream, second):
    breaker = "circuit_breaker: {failures: 2}"
    gateway = start_gateway(text_of(upstream.url, second.url, breaker=breaker, more=""))
    for status in (400, 401, 403, 404, 422, 429) * 2:
        upstream.play = lambda _, status=status: response(ERROR, status)
        ask(gateway)

    upstream.play = lambda _: response(CHAT)
    assert ask(gateway).status_code == 200


def test_all_circuits_open_is_503_and_says_when_to_come_back(start_gateway, upstream, second):
    breaker = "circuit_breaker: {failures: 1, window_ms: 60000, open_ms: 30000}"
    gateway = start_gateway(
        text_of(upstream.url, second.url, breaker=breaker, more="fallback: {chain: [first, second]}")
    )
    upstream.play = second.play = lambda _: response(ERROR, 500)
    ask(gateway)

    answer = ask(gateway)

    assert answer.status_code == 503
    assert answer.json()["error"]["type"] == "circuit_open"
    assert 1 <= int(answer.headers["retry-after"]) <= 5
    assert "x-langwatch-provider" not in answer.headers


def test_one_application_with_a_poisoned_prompt_takes_out_nobody(start_gateway, upstream, second):
    gateway = start_gateway(text_of(upstream.url, second.url, more="", breaker="circuit_breaker: {failures: 2}"))
    upstream.play = lambda request: response(ERROR, 500) if b"poison" in request.body else response(CHAT)

    poisoned = [ask(gateway, user="poison").status_code for _ in range(5)]
    good = [ask(gateway, seed=number).status_code for number in range(5)]
    others = [ask(gateway, user=f"poison {number}").status_code for number in range(4)]

    assert (set(poisoned), set(good), set(others)) == ({502}, {200}, {502})
    assert len(upstream.requests) == 14


def test_a_client_that_stops_reading_opens_no_circuit(start_gateway, upstream, second):
    breaker = "circuit_breaker: {failures: 1, window_ms: 60000, open_ms: 30000}"
    gateway = start_gateway(text_of(upstream.url, second.url, more="", breaker=breaker))
    head, chunk = stream([EVENT.replace(b"hi", b"x" * 60_000)], ends=False)
    flood = Flood(chunk, patience_s=1.5)
    upstream.play = lambda _: [head, flood]
    body = json.dumps({**BODY, "stream": True}).encode()
    asked = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\nconnection: close\r\n"

    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", gateway.port))
        client.sendall(f"{asked}content-length: {len(body)}\r\n\r\n".encode() + body)
        assert flood.gave_up.wait(20)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)
        received = b""
        while data := client.recv(65536):
            received = received[-4096:] + data
    upstream.play = lambda _: response(CHAT)

    assert b"upstream_mid_stream_failure" in received
    assert ask(gateway).headers["x-langwatch-provider"] == "first"


def test_deadlines_of_a_key_touch_no_other_key(start_gateway, upstream, second):
    secret, hashed = new_key()
    other = f'  other: {{environment: test, secret_hash: "{hashed}", providers: [first]}}'
    hasty = ", fallback: {chain: [first, second], timeout_ms: 200}"
    breaker = "circuit_breaker: {failures: 2, window_ms: 60000, open_ms: 30000}"
    gateway = start_gateway(text_of(upstream.url, second.url, more="", key=hasty, keys=other, breaker=breaker))
    upstream.play = lambda _: [0.5, *response(CHAT)]

    late = [ask(gateway, seed=number) for number in range(2)]
    then = ask(gateway)
    answer = ask(gateway, secret=secret)

    assert [one.headers["x-langwatch-provider"] for one in (*late, then)] == ["second"] * 3
    assert outcomes(gateway, then) == [("first", "circuit_open"), ("second", "ok")]
    assert (answer.status_code, answer.headers["x-langwatch-provider"]) == (200, "first")
    assert gateway.metrics().count("gateway_circuit_open") <= 4


def test_answers_in_one_piece_have_a_deadline_of_their_own(start_gateway, upstream, second):
    more = "fallback: {chain: [first, second], timeout_ms: 200, unary_timeout_ms: 20000}"
    gateway = start_gateway(text_of(upstream.url, second.url, more=more))
    upstream.play = lambda request: [0.5, *(stream([EVENT, DONE]) if b"stream" in request.body else response(CHAT))]

    assert ask(gateway).headers["x-langwatch-provider"] == "first"
    assert ask(gateway, stream=True).headers["x-langwatch-provider"] == "second"


def test_a_refused_failover_says_why_nobody_else_was_asked(start_gateway, upstream, second):
    text = text_of(upstream.url, second.url, more="fallback: {chain: [first, second]}")
    text = text.replace("sk-second,", "sk-second, rate_limits: {rpm: 1},", 1)
    gateway = start_gateway(text)
    upstream.play = lambda _: response(ERROR, 500)
    assert ask(gateway).headers["x-langwatch-provider"] == "second"

    answer = ask(gateway)

    assert (answer.status_code, answer.headers["x-langwatch-provider"]) == (502, "first")
    error = answer.json()["error"]
    assert error["message"] == ("The provider first answered 500. second was passed over: its account is at its limit.")
    assert error["meta"]["passed_over"] == [{"provider": "second", "reason": "rate_limited"}]


BALANCED = "model_aliases: {shared: {model: m, balance: {first: 3, second: 1}%s}}"


def test_requests_are_shared_out_by_weight(start_gateway, upstream, second):
    gateway = start_gateway(text_of(upstream.url, second.url, BALANCED % ""))

    for _ in range(200):
        ask(gateway, model="shared")

    # Three in four go to the first: 150, and six standard deviations to either side.
    assert 113 <= len(upstream.requests) <= 187
    assert len(upstream.requests) + len(second.requests) == 200


def test_the_least_busy_provider_is_asked(start_gateway, upstream, second):
    gateway = start_gateway(text_of(upstream.url, second.url, BALANCED % ", by: least_busy"))
    asked = threading.Event()
    upstream.play = lambda _: [asked, *response(CHAT)]
    slow = [threading.Thread(target=lambda: ask(gateway, model="shared")) for _ in range(3)]
    for one in slow:
        one.start()
    gateway.wait(lambda: len(upstream.requests) + len(second.requests) == 3)

    for _ in range(5):
        ask(gateway, model="shared")

    asked.set()
    for one in slow:
        one.join()
    assert len(second.requests) >= 3


def test_the_others_of_a_balance_stand_by(start_gateway, upstream, second):
    upstream.play = lambda _: response(ERROR, 500)
    gateway = start_gateway(text_of(upstream.url, second.url, BALANCED % ""))

    assert {ask(gateway, model="shared").content for _ in range(10)} == {FROM_SECOND}


def test_attempts_and_open_circuits_are_metrics(start_gateway, upstream, second):
    breaker = "circuit_breaker: {failures: 1, window_ms: 60000, open_ms: 30000}"
    gateway = start_gateway(text_of(upstream.url, second.url, breaker=breaker))
    upstream.play = lambda _: response(ERROR, 500)
    ask(gateway)
    ask(gateway)

    def told():
        text = gateway.metrics()
        return 'gateway_circuit_open{provider="first"} 1.0' in text and text

    text = gateway.wait(told)
    assert 'gateway_attempts_total{outcome="500",provider="first"} 1.0' in text
    assert 'gateway_attempts_total{outcome="circuit_open"' not in text
    assert 'gateway_passed_over_total{provider="first",reason="circuit_open"} 1.0' in text
    assert 'gateway_attempts_total{outcome="ok",provider="second"} 2.0' in text
    assert 'gateway_circuit_open{provider="second"} 0.0' in text


def test_an_answer_that_stands_is_told_with_its_own_marks(start_gateway, upstream, second):
    aliases = "model_aliases: {m: [first/m, second/other]}"
    text = text_of(upstream.url, second.url, aliases).replace("sk-second,", "sk-second, rate_limits: {rpm: 1},", 1)
    gateway = start_gateway(text)
    upstream.play = lambda _: response(ERROR, 429)
    assert ask(gateway).headers["x-langwatch-body"] == "spliced"

    answer = ask(gateway)

    assert answer.status_code == 429
    assert (answer.headers["x-langwatch-provider"], answer.headers["x-langwatch-body"]) == ("first", "identical")
    assert outcomes(gateway, answer) == [("first", "429"), ("second", "rate_limited")]


def test_a_probe_that_cannot_be_sent_does_not_keep_the_circuit(start_gateway, upstream, second):
    breaker = "circuit_breaker: {failures: 1, window_ms: 60000, open_ms: 200}"
    gateway = start_gateway(text_of(upstream.url, second.url, breaker=breaker, more=""))
    upstream.play = lambda _: response(ERROR, 500)
    ask(gateway)
    upstream.play = lambda _: response(CHAT)
    time.sleep(0.3)

    twice = b'{"model":"m","messages":[],"stream":true,"stream_options":{},"stream_options":{}}'
    refused = httpx.post(
        f"{gateway.url}/v1/chat/completions", content=twice, headers={"authorization": f"Bearer {SECRET}"}
    )
    assert refused.status_code == 400
    assert ask(gateway).status_code == 200
