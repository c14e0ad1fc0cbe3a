"""Clients whose paths name the model: Gemini's own, and those of Vertex AI, Bedrock and Azure, each native at its own."""

import base64
import json

import anthropic
import httpx
import openai
import pytest
from botocore.eventstream import EventStreamBuffer

from tests.contract.test_google_and_azure import MESSAGE, service_account
from tests.support import aws_frames
from tests.support.keys import HASH, SECRET, new_key
from tests.support.upstream import CHAT, CUT, response, stream

CONFIG = """
version: 1
providers:
  gemini: {{type: gemini, api_key: "${{env:UP_KEY:-gemini-key}}", base_url: "{url}"}}
  vertex: {{type: vertex, project: p, location: global, base_url: "{url}", credentials: "${{env:SERVICE_ACCOUNT}}"}}
  bedrock: {{type: bedrock, region: us-east-1, api_key: "${{env:UP_KEY:-aws-key}}", base_url: "{url}"}}
  anthropic: {{type: anthropic, api_key: "${{env:UP_KEY:-sk-upstream}}", base_url: "{url}"}}
  openai: {{type: openai, api_key: "${{env:UP_KEY:-sk-upstream}}", base_url: "{url}/v1"}}
  azure: {{type: azure, base_url: "{url}", api_key: "${{env:UP_KEY:-azure}}", api_version: 2024-10-21, models: [dep]}}
model_aliases:
  flash: gemini/gemini-2.5-flash
  pro: vertex/gemini-2.5-pro
  embed: gemini/gemini-embedding-001
  chat: openai/gpt-5
  claude: anthropic/claude-haiku-4-5
  us.anthropic.claude-haiku-4-5: bedrock/us.anthropic.claude-haiku-4-5
  claude-haiku-4-5@20251001: vertex/claude-haiku-4-5@20251001
policy_rules:
  no-search: {{tools: {{deny: ["^google_search$"]}}, urls: {{deny: ["evil\\\\.example"]}}}}
virtual_keys:
  dev: {{environment: test, secret_hash: "{hash}"}}
  ruled:
    environment: test
    secret_hash: "{ruled}"
    models_allowed: [gemini-2.5-flash]
    policy_rules: [{{tools: {{deny: ["^google_search$"]}}}}, {{urls: {{deny: ["evil"]}}}}]
budgets:
  small: {{scope: {{virtual_key: ruled}}, window: day, limit_usd: 0.01, on_breach: block}}
"""
RULED_SECRET, RULED_HASH = new_key()
RULED = {"x-goog-api-key": RULED_SECRET}
ANSWER = (
    b'{ "candidates":[{"content":{"parts":[{"text":"hello"}],"role":"model"},"finishReason":"STOP"}],\n'
    b'"usageMetadata":{"promptTokenCount":11,"candidatesTokenCount":2,"thoughtsTokenCount":5,"totalTokenCount":18},'
    b'"modelVersion":"gemini-2.5-flash"}\n'
)
EVENTS = [
    b'{"type":"message_start","message":' + MESSAGE.replace(b'[{"type":"text","text":"hello"}]', b"[]") + b"}",
    b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
    b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}',
    b'{"type":"content_block_stop","index":0}',
    b'{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}',
    b'{"type":"message_stop"}',
]
BODY = (
    b'{ "contents":[{"parts":[{"text":"h\\u0069"}]}] , "generationConfig":{"maxOutputTokens":6e2,"x":1.0}, "new":{} }'
)


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    env = {"SERVICE_ACCOUNT": service_account(f"{upstream.url}/token")}
    return module_gateway(CONFIG.format(url=upstream.url, hash=HASH, ruled=RULED_HASH), env=env)


@pytest.fixture
def played(upstream):
    upstream.answer = response(ANSWER)

    def play(request):
        if "/token " in request.request_line:
            return response(json.dumps({"access_token": "ya29.token", "expires_in": 3600}).encode())
        return upstream.answer

    upstream.play = play
    return upstream


def asked(upstream):
    return next(one for one in reversed(upstream.requests) if "/token " not in one.request_line)


def post(gateway, path, body=BODY, **headers):
    sent = {"x-goog-api-key": SECRET, "content-type": "application/json", **headers}
    return httpx.post(gateway.url + path, content=body, headers=sent, timeout=20)


class TestGemini:
    @pytest.mark.parametrize("version", ["/v1beta", "/v1", "/v1alpha", "", "/v1beta1/publishers/google"])
    def test_a_request_goes_up_and_its_answer_comes_down_as_they_are(self, gateway, played, version):
        got = post(gateway, f"{version}/models/gemini-2.5-flash:generateContent?$alt=json&key=other")

        request = asked(played)
        assert request.request_line.split()[1] == "/v1beta/models/gemini-2.5-flash:generateContent?%24alt=json"
        assert (request.body, got.content) == (BODY, ANSWER)
        assert got.headers["x-langwatch-body"] == "identical"
        assert request.headers["x-goog-api-key"] == "gemini-key"
        assert SECRET not in request.head.decode()

    def test_an_alias_is_resolved_in_the_path(self, gateway, played):
        got = post(gateway, "/v1beta/models/flash:generateContent")

        assert "/v1beta/models/gemini-2.5-flash:generateContent " in asked(played).request_line
        assert (got.headers["x-langwatch-provider"], got.headers["x-langwatch-model"]) == ("gemini", "gemini-2.5-flash")
        assert got.headers["x-langwatch-body"] == "identical"

    def test_vertex_has_it_at_its_publisher(self, gateway, played):
        post(gateway, "/v1beta/models/pro:generateContent")

        request = asked(played)
        where = "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-pro:generateContent "
        assert where in request.request_line
        assert request.headers["authorization"] == "Bearer ya29.token"
        assert request.body == BODY

    @pytest.mark.usefixtures("played")
    @pytest.mark.parametrize("colon", [":", "%3A"])
    def test_a_name_with_slashes(self, gateway, colon):
        assert post(gateway, f"/v1beta/models/gemini/gemini-2.5-flash{colon}generateContent").status_code == 200
        assert post(gateway, f"/v1beta/models/gemini%2Fgemini-2.5-flash{colon}generateContent").status_code == 200

    def test_a_stream_of_events(self, gateway, played):
        events = [b"data: " + ANSWER.replace(b"\n", b"") + b"\r\n\r\n"] * 2
        played.answer = stream(events)

        got = post(gateway, "/v1beta/models/flash:streamGenerateContent?alt=sse")

        assert got.content == b"".join(events)
        assert "models/gemini-2.5-flash:streamGenerateContent?alt=sse " in asked(played).request_line

    def test_a_stream_that_is_cut_ends_with_googles_error(self, gateway, played):
        first = b'data: {"candidates":[{"content":{"parts":[{"text":"hel"}]}}]}\r\n\r\n'
        played.answer = stream([first, CUT], ends=False)

        got = post(gateway, "/v1beta/models/flash:streamGenerateContent?alt=sse")

        rest = got.content.removeprefix(first)
        assert rest.startswith(b"data: ")
        error = json.loads(rest.removeprefix(b"data: "))["error"]
        assert (error["code"], error["status"], set(error)) == (502, "UNAVAILABLE", {"code", "status", "message"})

    def test_a_stream_that_is_an_array(self, gateway, played):
        pieces = [b"[" + ANSWER[:40], ANSWER[40:] + b",\r\n", ANSWER, b"]\n"]
        played.answer = stream(pieces, content_type="application/json; charset=UTF-8")

        got = post(gateway, "/v1beta/models/flash:streamGenerateContent")

        assert got.content == b"".join(pieces)
        assert len(json.loads(got.content)) == 2

    def test_an_array_that_is_cut_between_two_elements_is_ended(self, gateway, played):
        first = b'[{"candidates":[{"content":{"parts":[{"text":"hel"}]}}]}\n'
        played.answer = stream([first, CUT], ends=False, content_type="application/json")

        got = post(gateway, "/v1beta/models/flash:streamGenerateContent")

        assert got.content.startswith(first)
        assert json.loads(got.content)[1]["error"]["status"] == "UNAVAILABLE"

    def test_an_array_that_is_cut_within_an_element_is_cut(self, gateway, played):
        played.answer = stream([b'[{"candidates":[{"content"', CUT], ends=False, content_type="application/json")

        with pytest.raises(httpx.RemoteProtocolError):
            post(gateway, "/v1beta/models/flash:streamGenerateContent")

    def test_models_in_a_batch_are_those_of_the_path(self, gateway, played):
        played.answer = response(b'{"embeddings":[{"values":[1]}]}')
        body = b'{"requests": [ {"model":"models/embed", "content":{}}, {"model" : "models/gemini-embedding-001"} ] }'

        got = post(gateway, "/v1beta/models/embed:batchEmbedContents", body)

        assert asked(played).body == body.replace(b"models/embed", b"models/gemini-embedding-001")
        assert got.headers["x-langwatch-body"] == "spliced"

    def test_tokens_are_counted_there(self, gateway, played):
        played.answer = response(b'{"totalTokens":3}')

        assert post(gateway, "/v1beta/models/flash:countTokens").json() == {"totalTokens": 3}
        assert ":countTokens " in asked(played).request_line

    def test_errors_of_google_pass(self, gateway, played):
        error = b'{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT"}}'
        played.answer = response(error, 400)

        got = post(gateway, "/v1beta/models/flash:generateContent")
        assert (got.status_code, got.content) == (400, error)

    def test_the_key_in_the_query_is_none(self, gateway, played):
        got = httpx.post(f"{gateway.url}/v1beta/models/flash:generateContent?key={SECRET}", content=BODY)

        assert (got.status_code, got.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
        assert not played.requests

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/v1beta/models/flash:deleteContent", 405),
            ("/v1beta/models/nobody:generateContent", 404),
            ("/v1beta/models/claude:embedContent", 404),
            ("/v1beta/files", 404),
            ("/v1beta/models/..%2F..:generateContent", 400),
        ],
    )
    def test_what_leads_nowhere_is_told_as_google_does(self, gateway, played, path, status):
        got = post(gateway, path)

        assert (got.status_code, got.json()["error"]["code"]) == (status, status)
        assert not [one for one in played.requests if "/token " not in one.request_line]

    def test_what_cannot_be_read_is_refused(self, gateway):
        got = post(gateway, "/v1beta/models/flash:generateContent", b'{"contents":[],"contents":[]}')

        assert (got.status_code, got.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")


class TestAzure:
    @pytest.fixture
    def client(self, gateway):
        with openai.AzureOpenAI(
            azure_endpoint=gateway.url, api_key=SECRET, api_version="2099-01-01", max_retries=0
        ) as it:
            yield it

    def test_natively(self, client, played):
        played.answer = response(CHAT)

        said = client.chat.completions.create(model="dep", messages=[{"role": "user", "content": "hi"}])

        assert said.choices[0].message.content == "hello"
        where = "/openai/deployments/dep/chat/completions?api-version=2024-10-21 "
        assert where in asked(played).request_line

    def test_at_openai_the_body_names_the_model(self, gateway, played):
        played.answer = response(CHAT)
        path = "/openai/deployments/chat/chat/completions?api-version=2099-01-01"

        got = post(gateway, path, b'{ "messages":[]}', **{"api-key": SECRET})

        request = asked(played)
        assert "/v1/chat/completions " in request.request_line
        assert request.body == b'{"model":"gpt-5", "messages":[]}'
        assert got.headers["x-langwatch-body"] == "spliced"

    def test_another_model_in_the_body_does_not_count(self, gateway, played):
        played.answer = response(CHAT)

        post(gateway, "/openai/deployments/chat/chat/completions", b'{"model":"gpt-4o","messages":[]}')

        assert asked(played).body == b'{"model":"gpt-5","messages":[]}'


class TestClaudeOnVertex:
    @pytest.fixture
    def client(self, gateway):
        with anthropic.AnthropicVertex(
            base_url=gateway.url, project_id="p", region="global", access_token=SECRET, max_retries=0
        ) as it:
            yield it

    def test_natively(self, client, played):
        played.answer = response(MESSAGE)

        got = client.messages.with_raw_response.create(
            model="claude-haiku-4-5@20251001", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )

        request = asked(played)
        assert "/publishers/anthropic/models/claude-haiku-4-5@20251001:rawPredict " in request.request_line
        assert "model" not in json.loads(request.body)
        assert got.headers["x-langwatch-body"] == "identical"

    def test_at_anthropic_without_what_only_vertex_takes(self, client, played):
        played.answer = response(MESSAGE)

        client.messages.create(model="claude", max_tokens=9, messages=[{"role": "user", "content": "x"}])

        request = asked(played)
        assert "/v1/messages " in request.request_line
        body = json.loads(request.body)
        assert (body["model"], "anthropic_version" in body) == ("claude-haiku-4-5", False)

    def test_counting(self, client, played):
        played.answer = response(b'{"input_tokens":3}')

        counted = client.messages.count_tokens(model="claude", messages=[{"role": "user", "content": "x"}])

        assert counted.input_tokens == 3
        assert "/v1/messages/count_tokens " in asked(played).request_line


class TestClaudeOnBedrock:
    def test_natively(self, gateway, played):
        played.answer = response(MESSAGE)
        body = b'{ "anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[] }'

        got = post(gateway, "/model/us.anthropic.claude-haiku-4-5/invoke", body, authorization=f"Bearer {SECRET}")

        request = asked(played)
        assert "/model/us.anthropic.claude-haiku-4-5/invoke " in request.request_line
        assert (request.body, got.content) == (body, MESSAGE)

    def test_at_anthropic_without_what_only_bedrock_takes(self, gateway, played):
        played.answer = response(MESSAGE)
        body = b'{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["b-1"],"max_tokens":9,"messages":[]}'

        post(gateway, "/model/claude/invoke", body)

        request = asked(played)
        assert json.loads(request.body) == {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": []}
        assert request.headers["anthropic-beta"] == "b-1"

    @pytest.mark.parametrize("model", ["us.anthropic.claude-haiku-4-5", "claude"])
    def test_the_sdk_streams(self, gateway, played, model):
        frames = [aws_frames.event("chunk", {"bytes": base64.b64encode(one).decode(), "p": "x"}) for one in EVENTS]
        events = [b"event: x\ndata: " + one + b"\n\n" for one in EVENTS]
        is_amazons = model != "claude"
        media_type = "application/vnd.amazon.eventstream" if is_amazons else "text/event-stream"
        played.answer = stream(frames if is_amazons else events, content_type=media_type)

        with anthropic.AnthropicBedrock(base_url=gateway.url, api_key=SECRET, aws_region="x", max_retries=0) as client:
            with client.messages.stream(model=model, max_tokens=9, messages=[{"role": "user", "content": "x"}]) as it:
                text = "".join(it.text_stream)
                message = it.get_final_message()

        assert (text, message.stop_reason, message.usage.output_tokens) == ("hello", "end_turn", 2)
        assert ("stream" in json.loads(asked(played).body)) is not is_amazons

    def test_a_stream_that_is_cut_ends_with_an_exception(self, gateway, played):
        frame = aws_frames.event("chunk", {"bytes": base64.b64encode(EVENTS[0]).decode()})
        played.answer = stream([frame, CUT], ends=False, content_type="application/vnd.amazon.eventstream")
        body = b'{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[]}'

        got = post(gateway, "/model/us.anthropic.claude-haiku-4-5/invoke-with-response-stream", body)

        buffer = EventStreamBuffer()
        buffer.add_data(got.content)
        first, last = (one.to_response_dict() for one in buffer)
        assert base64.b64decode(json.loads(first["body"])["bytes"]) == EVENTS[0]
        assert last["headers"][":exception-type"] == "modelStreamErrorException"
        assert "broke off" in json.loads(last["body"])["message"]


def test_what_another_model_signed_does_not_reach_gemini(gateway, played):
    part = b'{"text":"t","thought":true,"thoughtSignature":"bHdnMS5BLkI="}'

    got = post(gateway, "/v1beta/models/flash:generateContent", b'{"contents":[{"role":"model","parts":[%s]}]}' % part)

    assert asked(played).body == b'{"contents":[{"role":"model","parts":[{"text":"t","thought":true}]}]}'
    assert got.headers["x-langwatch-params-dropped"] == "contents[].parts[].thoughtSignature"


class TestGovernance:
    def test_rules_judge_what_is_declared_in_any_spelling(self, gateway, played):
        for tool in ({"googleSearch": {}}, {"google_search": {}}):
            got = post(gateway, "/v1beta/models/flash:generateContent", json.dumps({"tools": [tool]}).encode(), **RULED)

            error = got.json()["error"]
            assert (got.status_code, error["status"]) == (403, "PERMISSION_DENIED")
            assert error["details"][1]["fieldViolations"][0]["field"] == f"tools[0].{next(iter(tool))}"
        assert not played.requests

    @pytest.mark.parametrize(
        "part", [{"fileData": {"fileUri": "https://evil.example/x"}}, {"text": "see https://evil.example/"}]
    )
    def test_rules_judge_urls(self, gateway, part):
        got = post(gateway, "/v1beta/models/flash:generateContent", json.dumps({"contents": [{"parts": [part]}]}).encode(), **RULED)  # fmt: skip

        assert (got.status_code, got.json()["error"]["details"][0]["metadata"]["type"]) == (403, "url_not_allowed")

    @pytest.mark.parametrize(
        "points",
        [
            {"cachedContent": "cachedContents/1"},
            {"contents": [{"parts": [{"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}}]}]},
        ],
    )  # fmt: skip
    def test_what_no_key_was_given_is_unknown(self, gateway, played, points):
        got = post(gateway, "/v1beta/models/flash:generateContent", json.dumps(points).encode())

        assert (got.status_code, got.json()["error"]["status"]) == (404, "NOT_FOUND")
        assert not played.requests

    def test_rules_judge_the_model_of_the_path(self, gateway):
        got = post(gateway, "/v1beta/models/gemini-2.5-pro:generateContent", **RULED)

        assert (got.status_code, got.json()["error"]["details"][0]["reason"]) == (403, "MODEL_NOT_ALLOWED")

    def test_usage_and_cost_are_recorded(self, gateway, played):
        assert played.answer
        record = gateway.record_of(post(gateway, "/v1beta/models/flash:generateContent"))

        assert (record["endpoint"], record["model"]) == ("generate_content", "gemini-2.5-flash")
        assert (record["usage"]["input_tokens"], record["usage"]["output_tokens"]) == (11, 7)
        # 11 tokens at $0.30 and 7 at $2.50 for a million.
        assert record["cost_nano_usd"] == 11 * 300 + 7 * 2500

    @pytest.mark.parametrize("alt", ["?alt=sse", ""])
    def test_so_are_those_of_streams(self, gateway, played, alt):
        chunk = ANSWER.replace(b"\n", b"")
        pieces = [b"data: " + chunk + b"\r\n\r\n"] if alt else [b"[" + chunk, b"]"]
        played.answer = stream(pieces, content_type="text/event-stream" if alt else "application/json")

        record = gateway.record_of(post(gateway, f"/v1beta/models/flash:streamGenerateContent{alt}"))

        assert (record["usage"]["output_tokens"], record["usage"]["reasoning_tokens"]) == (7, 5)
        assert (record["outcome"], record["streaming"]) == ("ok", True)

    def test_budgets_hold_what_the_limit_in_the_body_allows(self, gateway, played):
        body = b'{"contents":[],"generation_config":{"max_output_tokens":1000000}}'

        got = post(gateway, "/v1beta/models/flash:generateContent", body, **RULED)

        assert (got.status_code, got.json()["error"]["status"]) == (402, "RESOURCE_EXHAUSTED")
        assert not played.requests
        assert post(gateway, "/v1beta/models/flash:generateContent", **RULED).status_code == 200
