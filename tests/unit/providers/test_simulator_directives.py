"""Failures and manners on demand, and how requests are refused that a real API refuses."""

import asyncio

import pytest

from gateway.shapes.endpoints import ENDPOINTS, BodyForm
from gateway.upstream.failure import FailureKind, UpstreamFailure
from tests.support.simulator import ask, request, simulator

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"


def body(path, text, **options):
    if path == RESPONSES:
        return {"model": "m", "input": text, **options}
    return {"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 1000, **options}


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
@pytest.mark.parametrize(
    ("text", "kind"),
    [("[[reset]]", FailureKind.NETWORK), ("[[hang]]", FailureKind.TIMEOUT), ("[[delay 9s]]", FailureKind.TIMEOUT)],
)
def test_failures_before_the_head(path, text, kind):
    with pytest.raises(UpstreamFailure) as raised:
        ask(path, body(path, f"please {text}"), first_byte_timeout_s=0.01)

    assert raised.value.kind is kind


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
def test_a_reset_in_the_middle_comes_after_as_many_events(path):
    async def exchange():
        response = await simulator().send(request(path, body(path, "[[reset after 3]] go on", stream=True)))
        for _ in range(3):
            assert (await response.read_chunk()).count(b"\n\n") == 1
        with pytest.raises(UpstreamFailure) as raised:
            await response.read_chunk()
        return raised.value.kind

    assert asyncio.run(exchange()) is FailureKind.NETWORK


def test_a_silence_beyond_the_idle_deadline_is_a_timeout():
    with pytest.raises(UpstreamFailure) as raised:
        ask(CHAT, body(CHAT, "[[pace 5s]]", stream=True), idle_timeout_s=0.01)

    assert raised.value.kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(
    ("path", "terminal"),
    [(CHAT, b"[DONE]"), (MESSAGES, b'"message_stop"'), (RESPONSES, b'"response.completed"')],
)
def test_truncate_leaves_out_the_terminal_event_alone(path, terminal):
    whole = ask(path, body(path, "[[words 3]]", stream=True)).chunks
    cut = ask(path, body(path, "[[words 3]] [[truncate]]", stream=True)).chunks

    assert terminal in whole[-1]
    assert len(cut) == len(whole) - 1
    assert terminal not in b"".join(cut)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, RESPONSES])
def test_every_chunk_is_one_event(path):
    answer = ask(path, body(path, "[[words 20]]", stream=True))

    assert len(answer.chunks) > 20
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert all(chunk.endswith(b"\n\n") and chunk.count(b"\n\n") == 1 for chunk in answer.chunks)


def test_words_sets_the_length_and_the_rest_of_the_prompt_is_heard():
    content = lambda text: ask(CHAT, body(CHAT, text)).json["choices"][0]["message"]["content"]  # noqa: E731

    assert len(content("[[words 50]]").split()) == 50
    assert content("[[delay 1ms]] hello [[pace 1ms]]") == "This is the simulator. You said: hello"


@pytest.mark.parametrize(
    "text", ["[[status 200]]", "[[status]]", "[[delay soon]]", "[[words many]]", "[[unknown]]", "[status 503]"]
)
def test_what_is_no_directive_changes_nothing(text):
    assert ask(CHAT, body(CHAT, text)).status == 200


def test_only_the_last_user_message_directs():
    messages = [
        {"role": "user", "content": "[[status 503]]"},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": "hi"},
    ]

    assert ask(CHAT, {"model": "m", "messages": messages}).status == 200


@pytest.mark.parametrize(
    "path", [CHAT, MESSAGES, RESPONSES, "/v1/embeddings", "/v1/images/generations", "/v1/audio/speech"]
)
def test_a_rate_limit_says_when_to_come_back(path):
    given = {"prompt": "[[status 429]]", "voice": "alloy", **body(path, "[[status 429]]"), "input": "[[status 429]]"}

    answer = ask(path, given)

    assert answer.status == 429
    assert answer.headers["retry-after"] == "2"


def test_a_transcriptions_prompt_directs_too():
    part = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    form = (
        part % (b"model", b"whisper-1") + part % (b"prompt", b"[[status 503]]") + part % (b"file", b"x") + b"--b--\r\n"
    )

    assert ask("/v1/audio/transcriptions", form).status == 503


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        (CHAT, "messages"),
        (CHAT, "model"),
        (MESSAGES, "max_tokens"),
        (MESSAGES, "messages"),
        (RESPONSES, "input"),
        ("/v1/messages/count_tokens", "messages"),
        ("/v1/embeddings", "input"),
        ("/v1/moderations", "input"),
        ("/v1/images/generations", "prompt"),
        ("/v1/audio/speech", "voice"),
    ],
)
def test_a_missing_field_is_named(path, missing):
    full = {
        "model": "m",
        "input": "a",
        "prompt": "a",
        "voice": "v",
        "messages": [{"role": "user", "content": "a"}],
        "max_tokens": 5,
    }
    answer = ask(path, {name: value for name, value in full.items() if name != missing})

    assert answer.status == 400
    assert answer.json["error"]["message"].startswith(missing)
    assert ask(path, full).status == 200


@pytest.mark.parametrize(
    "endpoint", [row for row in ENDPOINTS.values() if row.body is BodyForm.JSON], ids=lambda row: row.name
)
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"model":"m","messages":[],"input":null,"prompt":null,"max_tokens":"x","dimensions":10000000000}',
        b'{"model":1,"messages":"x","input":{"a":1},"prompt":7,"max_tokens":null,"stream":true,"voice":1,"n":"x"}',
        b'{"model":"m","messages":[1,null],"input":[1,"a",null],"tools":[7],"tool_choice":7,"text":1,"max_tokens":5}',
        b'{"model":"m","messages":[{"role":"user","content":'
        + b"[" * 5000
        + b"]" * 5000
        + b'}],"max_tokens":5,"input":1}',
    ],
)
def test_nonsense_is_an_answer_and_never_an_exception(endpoint, sent):
    assert ask(endpoint.path, sent).status in (200, 400)


@pytest.mark.parametrize("path", [CHAT, MESSAGES, "/v1/messages/count_tokens"])
@pytest.mark.parametrize(("messages", "status"), [([], 200), ("x", 400), (None, 400), ({}, 400)])
def test_messages_are_a_list_that_may_be_empty(path, messages, status):
    """The real APIs refuse an empty list; here it is the shortest request that can be made."""
    assert ask(path, {"model": "m", "messages": messages, "max_tokens": 5}).status == status


def test_a_schema_without_end_has_a_finite_example():
    names = [f"p{index}" for index in range(50)]
    node = {"type": "object", "required": names, "properties": {name: {"$ref": "#/$defs/node"} for name in names}}
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": schema}}]

    answer = ask(CHAT, body(CHAT, "f", tools=tools))

    assert answer.json["choices"][0]["finish_reason"] == "tool_calls"


def test_heads_name_the_request_and_the_account():
    headers = ask(CHAT, body(CHAT, "hi")).headers

    assert headers["x-request-id"] == headers["request-id"] == "req_simulator"
    assert "openai-organization" in headers


def test_the_files_latency_counts_against_the_deadline_unless_the_prompt_says_otherwise():
    slow = simulator(latency_ms=60_000)

    with pytest.raises(UpstreamFailure):
        ask(CHAT, body(CHAT, "hi"), transport=slow, first_byte_timeout_s=0.01)
    assert ask(CHAT, body(CHAT, "[[delay 0s]]"), transport=slow).status == 200


@pytest.mark.parametrize("unit", ["[[", "[[a ", "[[a b c d e ", "[[ ", "[[status  "])
def test_a_text_full_of_open_brackets_is_read_in_linear_time(unit):
    """Quadratic reading of these would take minutes."""
    assert ask(CHAT, body(CHAT, unit * 50_000)).status == 200


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"dimensions": 8192}, 200),
        ({"dimensions": 8193}, 400),
        ({"dimensions": -1}, 400),
        ({"input": ["a"] * 2048, "dimensions": 1}, 200),
        ({"input": ["a"] * 2049, "dimensions": 1}, 400),
    ],
)
def test_embeddings_have_bounds(options, status):
    assert ask("/v1/embeddings", {"model": "m", "input": "a", **options}).status == status
