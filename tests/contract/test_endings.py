"""How an answer ended is one fact: frame, outcome, circuit, cost and fallback follow from it, unary and streamed."""

import gzip
import json
import re
import socket
import threading
import time
from contextlib import closing

import pytest

from tests.support.keys import HASH, SECRET
from tests.support.upstream import CHAT, CUT, HANG, PlayedUpstream, response, stream

pytestmark = pytest.mark.every_build

CONFIG = """
version: 1
providers:
  openai: {{type: openai, api_key: k, base_url: "{url}/v1"{circuit}}}
  anthropic: {{type: anthropic, api_key: k, base_url: "{url}"{circuit}}}
  second: {{type: openai, api_key: k, base_url: "{second}/v1"}}
prices:
  openai/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  anthropic/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
  second/m: {{input_usd_per_mtok: 1, output_usd_per_mtok: 1}}
model_aliases:
  gpt: openai/m
  claude: anthropic/m
  both: [openai/m, second/m]
  claude-first: [anthropic/m, second/m]
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
"""
MICRO = 1000
OPENS_AT_ONCE = ", circuit_breaker: {failures: 1, open_ms: 60000}"
NEVER_OPENS = ", circuit_breaker: {failures: 1000}"


@pytest.fixture(scope="module")
def second():
    with closing(PlayedUpstream()) as played:
        yield played


@pytest.fixture(autouse=True)
def _reset(second):
    second.reset()


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream, second):
    return module_gateway(CONFIG.format(url=upstream.url, second=second.url, hash=HASH, circuit=NEVER_OPENS))


@pytest.fixture
def fragile(start_gateway, upstream, second):
    """A gateway whose circuits open at the first failure."""
    return start_gateway(CONFIG.format(url=upstream.url, second=second.url, hash=HASH, circuit=OPENS_AT_ONCE))


def chat(text, finish=None, index=0):
    choice = {"index": index, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def event(name, **members):
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


ROLE = b'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n'
STOP = chat("", "stop")
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}\n\n'
DONE = b"data: [DONE]\n\n"
START = event("message_start", message={"usage": {"input_tokens": 40, "output_tokens": 1}})
PING = event("ping")
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
DELTA = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "word"})
BLOCK_STOP = event("content_block_stop", index=0)
MESSAGE_DELTA = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 7})
MESSAGE_STOP = event("message_stop")
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "busy"})
CHAT_ERROR = b'data: {"error":{"message":"overloaded","type":"server_error","code":503}}\n\n'
CREATED = event("response.created", sequence_number=0, response={"id": "resp_1", "created_at": 1, "model": "m"})
IN_PROGRESS = event("response.in_progress", sequence_number=1, response={"id": "resp_1"})
TEXT = event("response.output_text.delta", sequence_number=2, delta="word")
TEXT_DONE = event("response.output_text.done", sequence_number=3, text="word")
COMPLETED = event("response.completed", sequence_number=4, response={"usage": {"input_tokens": 9, "output_tokens": 2}})

CHAT_PATH, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
HELLO = [{"role": "user", "content": "hi"}]
BODIES = {
    CHAT_PATH: {"model": "gpt", "messages": HELLO, "max_tokens": 100},
    MESSAGES: {"model": "claude", "messages": HELLO, "max_tokens": 100},
    RESPONSES: {"model": "gpt", "input": "hi", "max_output_tokens": 100},
}


def ask(gateway, path=CHAT_PATH, **extra):
    return gateway.post({**BODIES[path], "stream": True, **extra}, path)


WHOLE = {
    "chat": (CHAT_PATH, "gpt", [chat("hi"), STOP, USAGE, DONE], (9, 2)),
    "chat of a server that never says [DONE]": (CHAT_PATH, "gpt", [chat("hi"), STOP, USAGE], (9, 2)),
    "messages": (MESSAGES, "claude", [START, BLOCK, DELTA, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP], (40, 7)),
    "responses": (RESPONSES, "gpt", [CREATED, TEXT, TEXT_DONE, COMPLETED], (9, 2)),
}


@pytest.mark.parametrize("death", [CUT, None], ids=["reset", "no last chunk"])
@pytest.mark.parametrize(("path", "model", "events", "usage"), WHOLE.values(), ids=WHOLE.keys())
def test_a_connection_that_dies_after_the_last_event_changes_nothing(
    fragile, upstream, path, model, events, usage, death
):
    upstream.play = lambda _: [*stream([*events, 0.1], ends=False), death or CUT]

    answer = (
        ask(fragile, path, model=model, stream_options={"include_usage": True})
        if path == CHAT_PATH
        else ask(fragile, path)
    )

    assert (answer.status_code, answer.content) == (200, b"".join(events))
    record = fragile.record_of(answer)
    assert (record["status"], record["outcome"], record["error_code"]) == (200, "ok", None)
    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == usage
    assert record["usage_warning"] is None
    assert [one["outcome"] for one in record["attempts"]] == ["ok"]
    assert "circuit" not in ask(fragile, path).text


def test_so_it_is_on_a_translated_lane(fragile, upstream):
    upstream.play = lambda _: stream([chat("hi"), STOP, USAGE, DONE, 0.1, CUT], ends=False)

    answer = ask(fragile, MESSAGES, model="gpt")

    assert b"message_stop" in answer.content
    assert b"error" not in answer.content
    record = fragile.record_of(answer)
    assert (record["outcome"], record["usage_warning"], record["usage"]["output_tokens"]) == ("ok", None, 2)


CUTS = {
    "chat": (CHAT_PATH, [ROLE, chat("one"), chat("two"), chat("three")], 3),
    "chat, one of two choices finished": (CHAT_PATH, [chat("one", index=1), chat("two"), STOP], 2),
    "messages": (MESSAGES, [START, PING, BLOCK, DELTA, DELTA], 2),
    "messages whose content is whole": (MESSAGES, [START, BLOCK, DELTA, BLOCK_STOP, MESSAGE_DELTA], 7),
    "responses": (RESPONSES, [CREATED, TEXT, TEXT], 2),
}


@pytest.mark.parametrize("end", ["cleanly", "by a reset"])
@pytest.mark.parametrize(("path", "events", "tokens"), CUTS.values(), ids=CUTS.keys())
def test_a_stream_that_ends_before_its_last_event_is_cut_however_cleanly(gateway, upstream, path, events, tokens, end):
    upstream.play = lambda _: stream(events) if end == "cleanly" else stream([*events, 0.1, CUT], ends=False)

    answer = ask(gateway, path)

    assert answer.content.startswith(b"".join(events))
    name, data = answer.content.removeprefix(b"".join(events)).decode().strip().split("\n")
    told = json.loads(data.removeprefix("data: "))
    error = told["response"]["error"] if path == RESPONSES else told["error"]
    assert (error["type"], error["code"]) == ("provider_error", "upstream_mid_stream_failure")
    assert name == ("event: response.failed" if path == RESPONSES else "event: error")
    if path == RESPONSES:
        assert (told["type"], told["sequence_number"], told["response"]["id"]) == ("response.failed", 3, "resp_1")
    record = gateway.record_of(answer)
    assert (record["status"], record["outcome"]) == (200, "failed")
    assert (record["error_type"], record["error_code"]) == ("provider_error", "upstream_mid_stream_failure")
    assert record["usage_warning"] == "stream-cut-short"
    assert record["usage"]["output_tokens"] == tokens
    assert record["cost_nano_usd"] == (record["usage"]["input_tokens"] + tokens) * MICRO
    assert [one["outcome"] for one in record["attempts"]] == ["network"]


def test_what_came_is_never_more_than_the_request_allowed(gateway, upstream):
    upstream.play = lambda _: stream([START, PING, BLOCK, *[DELTA] * 50, 0.1, CUT], ends=False)

    record = gateway.record_of(ask(gateway, MESSAGES, max_tokens=20))

    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (40, 20)


def test_each_answer_to_each_prompt_may_be_as_long_as_the_request_allowed(gateway, upstream):
    choices = [{"index": index, "text": "x" * 200, "finish_reason": "stop"} for index in range(4)]
    upstream.play = lambda _: stream(
        [*[f"data: {json.dumps({'choices': [one]})}\n\n".encode() for one in choices], DONE]
    )
    body = {"model": "gpt", "prompt": ["a", "b"], "n": 2, "max_tokens": 30, "stream": True}

    record = gateway.record_of(gateway.post({**body, "stream_options": {"include_usage": False}}, "/v1/completions"))

    assert (record["outcome"], record["usage"]["output_tokens"]) == ("ok", 4 * 30)


def test_a_limit_of_nothing_bounds_nothing(gateway, upstream):
    """Some servers take it for no limit."""
    upstream.play = lambda _: stream([*[chat("x" * 400)] * 3, STOP, DONE])

    record = gateway.record_of(ask(gateway, max_tokens=0, stream_options={"include_usage": False}))

    assert (record["outcome"], record["usage"]["output_tokens"]) == ("ok", 300)


ERRORS = {
    "chat": (CHAT_PATH, [CHAT_ERROR]),
    "messages": (MESSAGES, [OVERLOADED]),
    "responses": (RESPONSES, [event("error", message="no", code="server_error")]),
    "responses, after it was created": (
        RESPONSES,
        [CREATED, event("response.failed", sequence_number=1, response={"error": {"message": "no"}})],
    ),
}


@pytest.mark.parametrize(("path", "events"), ERRORS.values(), ids=ERRORS.keys())
def test_a_stream_of_nothing_but_an_error_passes_and_is_failed_and_free(fragile, upstream, path, events):
    upstream.play = lambda _: stream(events)

    answer = ask(fragile, path)

    assert (answer.status_code, answer.content) == (200, b"".join(events))
    record = fragile.record_of(answer)
    assert (record["status"], record["outcome"], record["cost_nano_usd"]) == (200, "failed", None)
    assert record["error_type"] == "provider_error"
    assert [one["outcome"] for one in record["attempts"]] == ["error_in_stream"]
    assert ask(fragile, path).status_code == 503, "the circuit is open"


def test_an_error_in_the_middle_is_failed_and_what_came_before_it_is_charged(gateway, upstream):
    upstream.play = lambda _: stream([ROLE, chat("one"), chat("two"), CHAT_ERROR])

    answer = ask(gateway)

    assert answer.content.endswith(CHAT_ERROR)
    record = gateway.record_of(answer)
    assert (record["outcome"], record["error_code"]) == ("failed", "upstream_mid_stream_failure")
    assert record["usage"]["output_tokens"] == 2


def test_a_whole_answer_that_is_an_error_passes_and_is_failed_and_free(fragile, upstream):
    error = b'{"error":{"message":"overloaded","type":"server_error","code":503}}'
    upstream.play = lambda _: response(error)

    answer = ask(fragile, stream=False)

    assert (answer.status_code, answer.content) == (200, error)
    record = fragile.record_of(answer)
    assert (record["outcome"], record["cost_nano_usd"], record["error_code"]) == (
        "failed",
        None,
        "upstream_server_error",
    )
    assert ask(fragile, stream=False).status_code == 503


def test_a_translated_answer_that_is_an_error_is_told_in_the_provider_s_words(gateway, upstream):
    upstream.play = lambda _: response(b'{"error":{"message":"all busy","type":"server_error"}}')

    answer = ask(gateway, MESSAGES, model="gpt", stream=False)

    assert answer.status_code == 502
    assert "all busy" in answer.json()["error"]["message"]
    assert gateway.record_of(answer)["outcome"] == "failed"


def test_a_translated_error_keeps_the_provider_s_words(gateway, upstream):
    detail = [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": "Extra inputs"}]
    upstream.play = lambda _: response(json.dumps({"detail": detail}).encode(), status=422)

    answer = ask(gateway, MESSAGES, model="gpt", stream=False)

    assert answer.status_code == 422
    assert answer.json()["error"]["message"] == "body.max_completion_tokens: Extra inputs"


def test_so_it_does_within_a_stream_with_one_full_stop(gateway, upstream):
    failure = b'data: {"error":{"message":"Model overloaded, try again.","type":"server_error"}}\n\n'
    upstream.play = lambda _: stream([ROLE, chat("starting to ans"), failure])

    answer = ask(gateway, MESSAGES, model="gpt")

    error = json.loads(answer.content.rpartition(b"data: ")[2])["error"]
    assert error["message"] == "The provider openai broke off: server_error: Model overloaded, try again."
    assert gateway.record_of(answer)["outcome"] == "failed"


def test_a_conversation_goes_over_another_provider_and_back(gateway, upstream):
    thought = b'data: {"choices":[{"index":0,"delta":{"reasoning_content":"Hm"}}]}\n\n'
    upstream.play = lambda _: stream([ROLE, thought, chat("Yes"), STOP, DONE])
    answered = ask(gateway, MESSAGES, model="gpt")
    blocks = [json.loads(line[6:]) for line in answered.text.splitlines() if line.startswith("data: ")]
    signature = next(one["delta"]["signature"] for one in blocks if "signature" in one.get("delta", ()))
    content = [{"type": "thinking", "thinking": "Hm", "signature": signature}, {"type": "text", "text": "Yes"}]
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": content}]
    turns.append({"role": "user", "content": "So?"})

    ask(gateway, MESSAGES, model="gpt", messages=turns)
    assert json.loads(upstream.requests[-1].body)["messages"][1]["reasoning_content"] == "Hm"

    ask(gateway, MESSAGES, model="claude", messages=turns)
    assert json.loads(upstream.requests[-1].body)["messages"][1]["content"] == content[1:]


OPENINGS = {
    "an overload after message_start": (MESSAGES, "claude-first", [START, PING, 0.3, OVERLOADED]),
    "an error after the role": (CHAT_PATH, "both", [ROLE, 0.3, CHAT_ERROR]),
    "a cut after the role": (CHAT_PATH, "both", [ROLE, 0.3, CUT]),
    "an end after the role": (CHAT_PATH, "both", [ROLE, 0.3]),
    "a failure after it was created": (
        RESPONSES,
        "both",
        [CREATED, IN_PROGRESS, 0.3, event("response.failed", sequence_number=2, response={"error": {"message": "no"}})],
    ),
}


@pytest.mark.parametrize(("path", "model", "steps"), OPENINGS.values(), ids=OPENINGS.keys())
def test_what_has_said_nothing_yet_falls_back(gateway, upstream, second, path, model, steps):
    upstream.play = lambda _: stream(steps, ends=CUT not in steps)
    spoken = [CREATED, TEXT, COMPLETED] if path == RESPONSES else [chat("hi"), STOP, USAGE, DONE]
    second.play = lambda _: stream(spoken)

    answer = ask(gateway, path, model=model)

    assert answer.status_code == 200
    assert answer.headers["x-langwatch-provider"] == "second"
    assert answer.headers["x-langwatch-fallback-count"] == "1"
    record = gateway.record_of(answer)
    assert record["outcome"] == "ok"
    assert [one["outcome"] for one in record["attempts"]][1:] == ["ok"]


def test_openings_are_held_until_the_first_content_and_go_on_as_they_came(gateway, upstream, second):
    pieces = [ROLE[:20], 0.2, ROLE[20:], 0.2, b": ping\r\n\r\n", 0.2, chat("hi"), 0.2, STOP, DONE]
    upstream.play = lambda _: stream(pieces)

    answer = ask(gateway, model="both")

    assert answer.content == b"".join(piece for piece in pieces if isinstance(piece, bytes))
    assert second.requests == []


def test_openings_are_held_for_three_seconds_at_most(gateway, upstream):
    arrived = threading.Event()
    upstream.play = lambda _: stream([ROLE, arrived, chat("hi"), STOP, DONE])
    began = time.monotonic()

    with gateway.client.stream(
        "POST", CHAT_PATH, json={**BODIES[CHAT_PATH], "model": "both", "stream": True}
    ) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        waited = time.monotonic() - began
        arrived.set()
        rest = b"".join(pieces)

    assert 2.5 < waited < 20
    assert first + rest == ROLE + chat("hi") + STOP + DONE


def test_nothing_is_held_where_no_other_candidate_stands_by(gateway, upstream):
    arrived = threading.Event()
    upstream.play = lambda _: stream([ROLE, arrived, chat("hi"), STOP, DONE])

    with gateway.client.stream("POST", CHAT_PATH, json={**BODIES[CHAT_PATH], "stream": True}) as answer:
        pieces = answer.iter_raw()
        first = next(pieces)
        arrived.set()
        rest = b"".join(pieces)

    assert (first, rest) == (ROLE, chat("hi") + STOP + DONE)


def chunked(*pieces, ends=True):
    return stream(pieces, ends=ends, content_type="application/json")


HALVES = {
    "breaks off": (lambda: chunked(CHAT[:40], 0.1, CUT, ends=False), "network"),
    "ends in the middle": (lambda: chunked(CHAT[:40], CHAT[40:80]), "protocol"),
    "is an error": (lambda: chunked(b'{"error":{"message":"busy","type":"server_error"}}'), "error_in_stream"),
}


@pytest.mark.parametrize(("play", "outcome"), HALVES.values(), ids=HALVES.keys())
def test_a_whole_answer_in_chunks_falls_back_while_nothing_of_it_went_out(gateway, upstream, second, play, outcome):
    upstream.play = lambda _: play()
    second.play = lambda _: response(CHAT)

    answer = ask(gateway, model="both", stream=False)

    assert (answer.status_code, answer.content) == (200, CHAT)
    assert [one["outcome"] for one in gateway.record_of(answer)["attempts"]] == [outcome, "ok"]


ODD = {
    "NaN": (b'{"choices":[],"x":NaN}', {}),
    "half an emoji": (rb'{"choices":[],"x":"\ud83d"}', {}),
    "compressed against the wish": (gzip.compress(CHAT), {"content-encoding": "gzip"}),
}


@pytest.mark.parametrize(("body", "headers"), ODD.values(), ids=ODD.keys())
def test_what_some_can_read_goes_on_whether_another_candidate_stands_by_or_not(gateway, upstream, body, headers):
    upstream.play = lambda _: response(body, 200, {"content-type": "application/json", **headers})

    for model in ("gpt", "both"):
        with gateway.client.stream("POST", CHAT_PATH, json={**BODIES[CHAT_PATH], "model": model}) as answer:
            assert (answer.status_code, b"".join(answer.iter_raw())) == (200, body)
            assert answer.headers["x-langwatch-provider"] == "openai"


def test_an_error_that_nobody_could_stand_in_for_is_told_once_and_of_who_answered(start_gateway, upstream, second):
    twice = ", circuit_breaker: {failures: 2, open_ms: 60000}"
    text = CONFIG.format(url=upstream.url, second=second.url, hash=HASH, circuit=twice)
    gateway = start_gateway(text.replace("second: {type: openai,", f"second: {{type: openai{OPENS_AT_ONCE},"))
    second.play = lambda _: response(b"{}", 500)
    ask(gateway, model="second/m", stream=False)
    upstream.play = lambda _: stream([CHAT_ERROR, DONE])

    # What one request provokes twice says nothing of others, so these are two.
    answers = [ask(gateway, model="both", user=user) for user in ("ada", "bob")]

    assert [answer.content for answer in answers] == [CHAT_ERROR + DONE] * 2
    attempts = [(one["provider"], one["outcome"]) for one in gateway.record_of(answers[0])["attempts"]]
    assert attempts == [("openai", "error_in_stream"), ("second", "circuit_open")]
    assert ask(gateway, model="both").status_code == 503


@pytest.mark.parametrize("half", ["breaks off", "ends in the middle"])
def test_half_an_answer_without_another_candidate_is_an_error_and_opens_the_circuit(fragile, upstream, half):
    play, outcome = HALVES[half]
    upstream.play = lambda _: play()

    answer = ask(fragile, stream=False)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, f"upstream_{outcome}_error")
    record = fragile.record_of(answer)
    assert (record["outcome"], [one["outcome"] for one in record["attempts"]]) == ("failed", [outcome])
    assert ask(fragile, stream=False).status_code == 503


def test_a_slow_whole_answer_of_chunks_goes_on_identical(gateway, upstream):
    upstream.play = lambda _: chunked(b"\n", 0.3, b"\n", 0.3, CHAT)

    answer = ask(gateway, model="both", stream=False)

    assert answer.content == b"\n\n" + CHAT


def leave_after(gateway, path, last, left=None, **extra):
    """Sends a request, waits for some bytes of the answer, and hangs up, which sets `left`; the record of that request."""
    data = json.dumps({**BODIES[path], "stream": True, **extra}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port)) as client:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {SECRET}\r\n"
        client.sendall(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)
        got = b""
        while last not in got:
            got += client.recv(65536)
    if left is not None:
        left.set()
    (request_id,) = re.findall(rb"x-langwatch-request-id: (\S+)", got.lower())
    wanted = request_id.decode()
    return gateway.wait(lambda: [one for one in gateway.records() if one["request_id"].lower() == wanted])[0]


LEFT = object()
LATE = USAGE.replace(b'"completion_tokens":2', b'"completion_tokens":90000')
LEAVES = {
    "chat, at finish_reason": (CHAT_PATH, b'"stop"', [chat("hi"), STOP, LEFT, LATE, DONE], 90000),
    "responses, at output_text.done": (
        RESPONSES,
        b"output_text.done",
        [
            *[CREATED, TEXT, TEXT_DONE, LEFT],
            event("response.completed", response={"usage": {"input_tokens": 9, "output_tokens": 90000}}),
        ],
        90000,
    ),
    "messages, before message_delta": (
        MESSAGES,
        b"content_block_stop",
        [
            *[START, BLOCK, DELTA, BLOCK_STOP, LEFT],
            event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 75000}),
            MESSAGE_STOP,
        ],
        75000,
    ),
}


@pytest.mark.parametrize(("path", "last", "steps", "tokens"), LEAVES.values(), ids=LEAVES.keys())
def test_whoever_leaves_with_all_of_the_content_pays_what_the_provider_states(
    gateway, upstream, path, last, steps, tokens
):
    left = threading.Event()
    upstream.play = lambda _: stream([step if step is not LEFT else left for step in steps])

    record = leave_after(gateway, path, last, left)

    assert (record["outcome"], record["usage"]["output_tokens"]) == ("ok", tokens)


def test_the_usage_is_waited_for_two_seconds_at_most(gateway, upstream):
    upstream.play = lambda _: stream([chat("hi"), STOP, HANG], ends=False)

    record = leave_after(gateway, CHAT_PATH, b'"stop"')

    assert upstream.wait_for().hung_up.wait(15)
    assert (record["outcome"], record["usage"]["output_tokens"]) == ("ok", 1)
    assert record["usage_warning"] == "usage-not-reported"


UNSTATED = {
    "a stream": ([*[chat("x" * 400)] * 50, STOP, DONE], True, 5000),
    "a stream of little": ([chat("three"), chat(" small"), chat(" words"), STOP, DONE], True, 4),
    "a whole answer": (
        json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "x" * 4000}}]}).encode(),
        False,
        1000,
    ),
}


@pytest.mark.parametrize(("answer", "streams", "tokens"), UNSTATED.values(), ids=UNSTATED.keys())
def test_an_answer_without_usage_costs_what_came(gateway, upstream, answer, streams, tokens):
    upstream.play = lambda _: stream(answer) if streams else response(answer)
    body = {**BODIES[CHAT_PATH], "stream": streams}
    del body["max_tokens"]

    record = gateway.record_of(gateway.post({**body, "stream_options": {"include_usage": False}}))

    assert (record["outcome"], record["usage_warning"]) == ("ok", "usage-not-reported")
    assert record["usage"]["output_tokens"] == tokens
    assert record["cost_nano_usd"] == (record["usage"]["input_tokens"] + tokens) * MICRO


def test_a_translated_answer_that_cannot_be_read_is_charged_what_it_states(gateway, upstream):
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    upstream.play = lambda _: response(json.dumps({"choices": [], "usage": usage}).encode())

    answer = ask(gateway, MESSAGES, model="gpt", stream=False)

    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "upstream_untranslatable")
    record = gateway.record_of(answer)
    assert (record["outcome"], record["cost_nano_usd"]) == ("failed", 1500 * MICRO)
