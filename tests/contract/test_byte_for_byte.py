"""The body goes upstream, and the answer comes back, byte for byte."""

import gzip
import json
import zlib

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.upstream import response, stream

pytestmark = pytest.mark.every_build

SPLICED = [
    (b'{"model":"renamed","messages":[]}', b'{"model":"gpt-x","messages":[]}'),
    (b'\n{ "messages" : [ ] ,\t"model"\r\n:  "renamed"  }\n', b'\n{ "messages" : [ ] ,\t"model"\r\n:  "gpt-x"  }\n'),
    (b'{"model":"ren\\u0061med","messages":[]}', b'{"model":"gpt-x","messages":[]}'),
    (b'{"mod\\u0065l":"renamed","messages":[]}', b'{"mod\\u0065l":"gpt-x","messages":[]}'),
    (
        b'{"metadata":{"model":"renamed"},"n":1e400,"big":123456789012345678901234567890,"model":"renamed"}',
        b'{"metadata":{"model":"renamed"},"n":1e400,"big":123456789012345678901234567890,"model":"gpt-x"}',
    ),
    (
        b'{"x":1,"x":[2],"model":"renamed","x":"\\u00e9\xc3\xa9"}',
        b'{"x":1,"x":[2],"model":"gpt-x","x":"\\u00e9\xc3\xa9"}',
    ),
    (b'{"a":"\\"model\\":\\"renamed\\"","model":"renamed"}', b'{"a":"\\"model\\":\\"renamed\\"","model":"gpt-x"}'),
]


@pytest.mark.parametrize(("sent", "expected"), SPLICED)
def test_only_the_value_of_model_changes(gateway, upstream, sent, expected):
    answer = gateway.post(sent)

    assert answer.status_code == 200
    assert upstream.wait_for().body == expected
    assert answer.headers["x-langwatch-body"] == "spliced"


def test_a_body_whose_model_needs_no_change_is_identical(gateway, upstream):
    sent = b' {"model" : "gpt-5-mini","temperature":1.0000,"messages":[]}  '

    answer = gateway.post(sent)

    assert upstream.wait_for().body == sent
    assert answer.headers["x-langwatch-body"] == "identical"


def test_megabytes_of_base64_arrive_identical(gateway, upstream):
    sent = b'{"messages":[{"role":"user","content":[{"image":"' + b"QUJD" * 2_000_000 + b'"}]}],"model":"renamed"}'

    gateway.post(sent)

    assert upstream.wait_for().body == sent.replace(b"renamed", b"gpt-x")


@pytest.mark.parametrize("name", ["model", "tools", "stream", "mcp_servers", "functions"])
@pytest.mark.parametrize("spelling", [lambda n: n, lambda n: f"\\u{ord(n[0]):04x}{n[1:]}"], ids=["plain", "escaped"])
def test_a_judged_key_that_repeats_is_refused(gateway, upstream, name, spelling):
    value = '"gpt-5-mini"' if name == "model" else "[]"
    other = "" if name == "model" else '"model":"gpt-5-mini",'

    answer = gateway.post(f'{{{other}"{name}":{value},"x":{{}},"{spelling(name)}":{value}}}'.encode())

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "bad_request"
    assert answer.json()["error"]["param"] == name
    assert upstream.requests == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(["model", "stream", "tools"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=st.dictionaries(st.text(max_size=8).filter(lambda k: k not in ("stream", "model")), JSON, max_size=5),
    before=st.booleans(),
    indent=st.sampled_from([None, 1, "\t"]),
    ascii_only=st.booleans(),
)
def test_any_json_goes_on_as_it_came_but_for_the_model(gateway, upstream, fields, before, indent, ascii_only):
    upstream.reset()
    body = {"model": "renamed", **fields} if before else {**fields, "model": "renamed"}
    text = json.dumps(body, indent=indent, ensure_ascii=ascii_only)
    sent = text.encode("utf-8", "surrogatepass")
    try:
        sent.decode()
    except UnicodeDecodeError:
        return

    answer = gateway.post(sent)

    if "\\ud8" in text.lower() or "\\ud9" in text.lower() or "\\udc" in text.lower():
        return
    assert answer.status_code == 200, answer.text
    arrived = upstream.wait_for().body
    start = next(i for i, (a, b) in enumerate(zip(sent, arrived, strict=False)) if a != b)
    assert sent[:start] == arrived[:start]
    assert json.loads(arrived) == {**body, "model": "gpt-x"}
    assert len(arrived) == len(sent) - len("renamed") + len("gpt-x")


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("zstd", lambda data: zstandard.ZstdCompressor().compress(data)),
    ],
)
def test_compressed_bodies_are_read_and_sent_plain(gateway, upstream, coding, compress):
    sent = b'{"model":"gpt-5-mini","messages":[]}'

    answer = gateway.post(compress(sent), headers={"content-encoding": coding})

    assert answer.status_code == 200, answer.text
    assert upstream.wait_for().body == sent
    assert "content-encoding" not in upstream.requests[0].headers


def test_the_answer_comes_back_identical(gateway, upstream):
    body = b' {"usage" : {"prompt_tokens":3,"completion_tokens":4},"x":1e400, "x":2}\n\n'
    upstream.play = lambda _: response(body)

    answer = gateway.chat()

    assert answer.content == body
    assert gateway.record_of(answer)["usage"]["output_tokens"] == 4


def test_a_large_answer_without_a_length_comes_back_identical(gateway, upstream):
    body = b'{"data":"' + b"x" * 3_000_000 + b'","usage":{"prompt_tokens":5,"completion_tokens":6}}'
    upstream.play = lambda _: stream([body[:1_500_000], body[1_500_000:]], content_type="application/json")

    answer = gateway.chat()

    assert answer.content == body
    assert gateway.record_of(answer)["usage"]["input_tokens"] == 5


EVENTS = (
    b': hello\r\n\r\nevent: odd\ndata: {"a":1}\n\ndata: {"choices":[{"delta":{"content":"\xc3\xa9"}}]}\r\n\r\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\nid: 7\rdata: x\r\r: ping\n\ndata: [DONE]'
)
ASKS = {"model": "gpt-5-mini", "messages": [], "stream": True, "stream_options": {"include_usage": True}}


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_a_stream_comes_back_identical_however_it_is_cut(gateway, upstream, size):
    pieces = [EVENTS[at : at + size] for at in range(0, len(EVENTS), size)]
    upstream.play = lambda _: stream(pieces)

    answer = gateway.post(ASKS)

    assert answer.content == EVENTS
    record = gateway.record_of(answer)
    assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (9, 2)


@pytest.mark.parametrize("size", [1, 5, 64, 10_000])
def test_the_usage_that_nobody_asked_for_is_read_and_withheld(gateway, upstream, size):
    content = b'data: {"choices":[{"delta":{"content":"hi"}}],"usage":null}\n\n'
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
    whole = content + usage + b"data: [DONE]\n\n"
    upstream.play = lambda _: stream([whole[at : at + size] for at in range(0, len(whole), size)])

    answer = gateway.post({"model": "gpt-5-mini", "messages": [], "stream": True})

    assert answer.content == content + b"data: [DONE]\n\n"
    assert json.loads(upstream.wait_for().body)["stream_options"] == {"include_usage": True}
    assert answer.headers["x-langwatch-body"] == "spliced"
    assert gateway.record_of(answer)["usage"]["input_tokens"] == 9


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (b'{"include_usage":false}', b'{"include_usage":false}'),
        (b'{ "x" : 1 }', b'{"include_usage":true, "x" : 1 }'),
        (b"{}", b'{"include_usage":true}'),
        (b"null", b'{"include_usage":true}'),
    ],
)
def test_stream_options_are_only_added_to(gateway, upstream, options, expected):
    upstream.play = lambda _: stream([b"data: [DONE]\n\n"])

    gateway.post(b'{"model":"gpt-5-mini","stream":true,"stream_options":' + options + b"}")

    assert upstream.wait_for().body == b'{"model":"gpt-5-mini","stream":true,"stream_options":' + expected + b"}"


def test_a_form_goes_on_with_only_its_model_changed(gateway, upstream):
    upstream.play = lambda _: response(b'{"text":"hi","usage":{"type":"tokens","input_tokens":3,"output_tokens":1}}')
    form = (
        b'--b1\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n\x00\xff--b1x\r\n--b1\r\n'
        b'content-disposition: form-data; name="model"\r\n\r\nrenamed\r\n--b1--\r\n'
    )

    answer = gateway.post(
        form, "/v1/audio/transcriptions", headers={"content-type": "multipart/form-data; boundary=b1"}
    )

    assert answer.status_code == 200, answer.text
    assert upstream.wait_for().body == form.replace(b"renamed", b"gpt-x")
    assert upstream.requests[0].request_line == "POST /v1/audio/transcriptions HTTP/1.1"


def test_reasoning_that_another_provider_gave_is_left_out_for_any_server_of_anthropics_shape(gateway, upstream):
    thought = b'{"type":"thinking","thinking":"hm","signature":"reasoning_content@openai"}'
    signed = b'{"type":"thinking","thinking":"hm","signature":""}'
    sent = (
        b'{"model":"claude", "max_tokens":5,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":['
        + thought + b', {"type":"text","text":"Ja"}]},{"role":"user","content":"So?"},{"role":"assistant","content":['
        + signed + b',{"type":"text","text":"Ja"}]},{"role":"user","content":"So?"}]}'
    )  # fmt: skip
    before = gateway.post(sent.replace(thought, signed), "/v1/messages")

    answer = gateway.post(sent, "/v1/messages")

    first, second = (request.body for request in upstream.requests)
    assert second == first.replace(signed + b", ", b"", 1)
    assert "x-langwatch-params-dropped" not in before.headers
    assert answer.headers["x-langwatch-body"] == "spliced"
    assert answer.headers["x-langwatch-params-dropped"] == "messages[].content[type=thinking]"


def test_the_answer_is_read_for_usage_in_anthropics_shape(gateway, upstream):
    events = (
        b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":10,'
        b'"cache_read_input_tokens":4,"cache_creation_input_tokens":2,"output_tokens":1}}}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":33}}\n\n'
        b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )
    upstream.play = lambda _: stream([events[:40], events[40:]])

    answer = gateway.post({"model": "claude", "max_tokens": 5, "stream": True, "messages": []}, "/v1/messages")

    assert answer.content == events
    usage = gateway.record_of(answer)["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["cache_read_tokens"]) == (16, 33, 4)
