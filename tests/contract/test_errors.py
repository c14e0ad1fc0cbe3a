"""What a client is told when something fails, in its own shape."""

import pytest

from tests.contract.conftest import config
from tests.support.upstream import CUT, HANG, response

pytestmark = pytest.mark.every_build


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    text = config(upstream.url).replace(
        '/v1"}', '/v1", timeouts: {connect_ms: 1000, first_byte_ms: 700, idle_ms: 700}}'
    )
    text = text.replace("  simulator:", "  gone: {type: custom, base_url: 'http://127.0.0.1:1/v1'}\n  simulator:")
    return module_gateway(text)


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422, 429, 418])
def test_a_client_s_own_fault_comes_back_as_the_provider_put_it(gateway, upstream, status):
    body = b'{"error": {"message": "as it came", "type": "theirs"}}'
    upstream.play = lambda _: response(body, status, {"retry-after": "17", "x-request-id": "req_1"})

    answer = gateway.chat()

    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["retry-after"] == "17"
    assert answer.headers["x-request-id"] == "req_1"
    assert gateway.record_of(answer)["outcome"] == "failed"


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_credential_is_the_gateway_s_fault(gateway, upstream, status):
    upstream.play = lambda _: response(b'{"error":{"message":"Incorrect API key sk-upstream"}}', status)

    answer = gateway.chat()

    assert answer.status_code == 502
    assert answer.headers["x-should-retry"] == "false"
    assert answer.json()["error"]["type"] == "provider_error"
    assert "providers.openai" in answer.json()["error"]["message"]
    assert "sk-upstream" not in answer.text


@pytest.mark.parametrize(
    ("play", "status", "kind", "code"),
    [
        (response(b"oops", 500), 502, "provider_error", "upstream_server_error"),
        (response(b"oops", 529, {"retry-after": "9"}), 502, "provider_error", "upstream_server_error"),
        (response(b"", 307, {"location": "http://169.254.169.254/"}), 502, "provider_error", "upstream_redirect"),
        ([HANG], 504, "upstream_timeout", "upstream_timeout"),
        ([CUT], 502, "provider_error", "upstream_network_error"),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort", CUT], 502, "provider_error", None),
        ([b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort", HANG], 504, "upstream_timeout", None),
        ([b"this is not HTTP\r\n\r\n", CUT], 502, "provider_error", None),
    ],
)
def test_a_provider_s_failure_is_told_in_the_envelope(gateway, upstream, play, status, kind, code):
    upstream.play = lambda _: play

    answer = gateway.chat()

    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (status, kind), answer.text
    assert code is None or error["code"] == code
    assert error["param"] is None
    assert "openai" in error["message"]
    assert len(upstream.requests) == 1
    assert gateway.record_of(answer)["outcome"] == "failed"
    if b"529" in (play[0] if isinstance(play[0], bytes) else b""):
        assert answer.headers["retry-after"] == "9"


def test_a_refused_connection_is_told(gateway):
    answer = gateway.chat("gone/x")

    assert answer.status_code == 502
    assert answer.json()["error"]["code"] == "upstream_connect_error"


def test_errors_on_messages_are_in_anthropic_s_envelope(gateway, upstream):
    upstream.play = lambda _: response(b"", 500)

    answer = gateway.post({"model": "claude", "max_tokens": 1, "messages": []}, "/v1/messages")

    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "provider_error"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/v1/embeddings", 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v1/models/unheard-of", 404, "model_not_found"),
    ],
)
def test_paths_and_methods(gateway, method, path, status, kind):
    answer = gateway.client.request(method, path)

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert answer.headers["x-langwatch-request-id"].startswith("grq_")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "bad_request"),
        (b"{", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b'{"model":"gpt-5-mini"} x', 400, "bad_request"),
        (b'{"model":"gpt-5-mini","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "bad_request"),
        (b'\xef\xbb\xbf{"model":"gpt-5-mini"}', 400, "bad_request"),
        (b'{"model":"gpt-5-mini","a":NaN}', 400, "bad_request"),
    ],
)
def test_bodies_that_are_not_json_are_refused(gateway, upstream, body, status, kind):
    answer = gateway.post(body)

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert upstream.requests == []


@pytest.mark.parametrize("model", ["gpt-5-mini", "claude"])
@pytest.mark.parametrize("written", ['"x"', "0", "1", "[]", "{}"])
def test_what_is_neither_true_nor_false_is_refused_on_native_and_translated_lanes_alike(
    gateway, upstream, model, written
):
    body = f'{{"model":"{model}","messages":[{{"role":"user","content":"hi"}}],"drop_tuning_params":{written}}}'
    answer = gateway.post(body.encode())

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "drop_tuning_params"
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content-encoding": "br"}, 415, "unsupported_media_type"),
        ({"content-encoding": "gzip"}, 400, "bad_request"),
        ({"x-langwatch-cache": "sometimes"}, 400, "cache_override_invalid"),
    ],
)
def test_headers_that_cannot_be_followed_are_refused(gateway, upstream, headers, status, kind):
    answer = gateway.chat(headers=headers)

    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("path", "handshake", "told"),
    [
        ("/v1/responses", {"upgrade": "websocket"}, "POST the request over HTTP"),
        ("/v1/responses", {"upgrade": "WebSocket", "authorization": ""}, "POST the request over HTTP"),
        ("/v1/realtime?model=gpt-realtime", {"upgrade": "websocket"}, "The Realtime API is not served"),
        ("/v1/realtime?model=gpt-realtime", {"upgrade": ""}, "The Realtime API is not served"),
    ],
)
def test_a_websocket_is_refused_in_words_and_leaves_no_warning(gateway, path, handshake, told):
    headers = {"connection": "upgrade", "sec-websocket-version": "13", "sec-websocket-key": "AA==", **handshake}

    answer = gateway.client.get(path, headers=headers)

    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["code"]) == (426, *["websocket_unsupported"] * 2)
    assert told in error["message"]
    assert answer.headers["upgrade"] == "HTTP/1.1"
    assert answer.headers["x-langwatch-request-id"].startswith("grq_")
    assert "426 for" not in gateway.log()
    assert 'gateway_refusals_total{code="websocket_unsupported"' in gateway.metrics()
