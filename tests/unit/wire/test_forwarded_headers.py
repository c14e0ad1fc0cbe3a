import pytest

from gateway.wire.headers import request_headers, response_headers


@pytest.mark.parametrize(
    "name",
    [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "host", "content-length", "content-encoding", "expect", "accept-encoding",
        "authorization", "x-api-key", "api-key", "cookie", "forwarded", "x-real-ip", "x-forwarded-for",
        "x-forwarded-proto", "x-forwarded-host", "x-langwatch-cache", "x-langwatch-anything", "traceparent", "tracestate", "baggage",
        "x-goog-api-key", "ocp-apim-subscription-key", "x-amz-security-token", "x-amz-date", "x-serverless-authorization",
        "openai-organization", "openai-project", "x-goog-user-project", "anthropic-workspace-id", "x-hf-bill-to", "anthropic-user-profile-id",
        "x-amzn-bedrock-projectidentifier", "azureml-model-deployment", "x-ms-client-principal-id", "cf-connecting-ip",
        "true-client-ip", "x-client-ip", "via", "cdn-loop", "x-forwarded", "x-envoy-original-path", "http2-settings",
        "x-http-method-override", "x-original-url", "x-rewrite-url", "x-goog-fieldmask",
        "x_langwatch_x", "x_api_key", "openai_organization", "x-forwarded_for", "transfer_encoding", "content_length",
        "content_type", "x_http_method-override",
    ],
)  # fmt: skip
def test_request_headers_that_stay(name):
    assert request_headers([(name.encode(), b"value"), (b"accept", b"*/*")]) == [("accept", "*/*")]


@pytest.mark.parametrize(
    "name",
    [
        "accept", "content-type", "user-agent", "openai-beta", "anthropic-version", "anthropic-beta", "x-stainless-lang",
        "x-request-id", "idempotency-key", "x-custom", "x-app", "origin", "x-forwardedx", "x-langwatchx",
        "x_custom", "x-goog-api-client", "x-ms-client-request-id", "x-amzn-bedrock-trace", "http-referer", "x-title",
    ],
)  # fmt: skip
def test_request_headers_that_go_on(name):
    assert request_headers([(name.encode(), b"caf\xe9"), (name.encode(), b"")]) == [(name, "café"), (name, "")]


@pytest.mark.parametrize(
    "name",
    [
        "connection", "keep-alive", "proxy-authenticate", "te", "trailer", "transfer-encoding", "upgrade", "content-length",
        "set-cookie", "server", "alt-svc", "strict-transport-security", "openai-organization", "openai-project",
        "anthropic-organization-id", "x-goog-user-project", "x-ms-deployment-name", "x-langwatch-provider", "traceparent",
        "anthropic-workspace-id", "openai_organization", "x-ms-client-principal-name", "x-amzn-account-id", "x-hf-bill-to",
        "clear-site-data", "refresh", "service-worker-allowed", "x-accel-redirect", "x-sendfile", "x_langwatch_provider",
        "access-control-allow-origin", "access-control-expose-headers", "www-authenticate", "accept-ch", "set-login",
    ],
)  # fmt: skip
def test_response_headers_that_stay(name):
    assert response_headers([(name, "value"), ("x-request-id", "r")]) == [("x-request-id", "r")]


@pytest.mark.parametrize(
    "name",
    [
        "content-type", "content-encoding", "cache-control", "retry-after", "request-id", "x-request-id", "cf-ray",
        "openai-processing-ms", "openai-version", "x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-limit",
        "x-should-retry", "location", "via", "x-accel-buffering", "x-ms-region",
    ],
)  # fmt: skip
def test_response_headers_that_go_on(name):
    assert response_headers([(name, "a"), (name, "b")]) == [(name, "a"), (name, "b")]


def test_what_connection_names_stays_wherever_it_stands():
    request = [
        (b"x-one", b"1"),
        (b"connection", b"X-One , close"),
        (b"x-two", b"2"),
        (b"connection", b"x-two"),
        (b"x-three", b"3"),
    ]
    response = [
        ("x-one", "1"),
        ("connection", "X-One, keep-alive"),
        ("x-two", "2"),
        ("connection", "x-two"),
        ("x-three", "3"),
    ]

    assert request_headers(request) == [("x-three", "3")]
    assert response_headers(response) == [("x-three", "3")]


def test_what_is_remembered_of_names_changes_nothing():
    many = [(f"x-{number}".encode(), b"v") for number in range(3000)]

    for _ in range(2):
        assert len(request_headers([*many, (b"x_api_key", b"v"), (b"cookie", b"v")])) == 3000


def test_baggage_goes_on_where_that_is_asked_for():
    headers = [(b"baggage", b"a=1"), (b"x-api-key", b"k"), (b"baggage", b"b=2")]

    assert request_headers(headers, with_baggage=True) == [("baggage", "a=1"), ("baggage", "b=2")]
    assert request_headers([*headers, (b"connection", b"baggage")], with_baggage=True) == []
    assert request_headers(headers) == []
