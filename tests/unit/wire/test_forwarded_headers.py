import pytest

from gateway.wire.headers import request_headers, response_headers


@pytest.mark.parametrize(
    "name",
    [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade", "host", "content-length", "content-encoding", "expect", "accept-encoding",
        "authorization", "x-api-key", "api-key", "cookie", "forwarded", "x-real-ip", "x-forwarded-for",
        "x-forwarded-proto", "x-forwarded-host", "x-langwatch-cache", "x-langwatch-anything", "traceparent", "tracestate",
    ],
)  # fmt: skip
def test_request_headers_that_stay(name):
    assert request_headers([(name.encode(), b"value"), (b"accept", b"*/*")]) == [("accept", "*/*")]


@pytest.mark.parametrize(
    "name",
    [
        "accept", "content-type", "user-agent", "openai-organization", "openai-project", "openai-beta", "anthropic-version",
        "anthropic-beta", "x-stainless-lang", "x-request-id", "idempotency-key", "x-custom", "x-app", "via", "origin",
        "baggage", "x-forwardedx", "x-langwatchx",
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
    ],
)  # fmt: skip
def test_response_headers_that_stay(name):
    assert response_headers([(name, "value"), ("x-request-id", "r")]) == [("x-request-id", "r")]


@pytest.mark.parametrize(
    "name",
    [
        "content-type", "content-encoding", "cache-control", "retry-after", "request-id", "x-request-id", "cf-ray",
        "openai-processing-ms", "openai-version", "x-ratelimit-remaining-tokens", "anthropic-ratelimit-tokens-limit",
        "x-should-retry", "location", "via",
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
