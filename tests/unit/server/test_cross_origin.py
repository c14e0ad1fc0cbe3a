"""Which answers a browser may hand to scripts of other sites."""

import asyncio

import pytest

from gateway.server.cross_origin import CrossOrigin

SITE, OTHER = b"https://app.example.com", b"https://other.example.com"
ASKS = (b"access-control-request-method", b"POST")


def ask(origins, *headers, method="POST", path="/v1/messages"):
    """What was sent: status and headers; and what the app was asked, `None` if it was not."""
    asked, sent = [], []

    async def app(scope, _receive, send):
        asked.append(scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"vary", b"accept")]})
        await send({"type": "http.response.body", "body": b"hi"})

    async def receive():
        raise AssertionError("nobody reads a body here")

    async def send(event):
        sent.append(event)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(CrossOrigin(app, origins)(scope, receive, send))
    return sent[0]["status"], sent[0]["headers"], asked[0] if asked else None


def preflight(origins, *headers, **more):
    return ask(origins, *headers, ASKS, method="OPTIONS", **more)


@pytest.mark.parametrize(
    ("origins", "origin", "said"),
    [
        (["https://app.example.com"], SITE, SITE),
        (["*"], SITE, b"*"),
        (["*"], b"null", b"*"),
        (["https://app.example.com"], OTHER, None),
        (["https://app.example.com"], b"null", None),
        (["https://app.example.com"], b"*", None),
        (["https://app.example.com"], SITE + b".evil.example", None),
        (["https://app.example.com"], SITE + b":8443", None),
        (["https://app.example.com"], None, None),
        (["*"], None, None),
    ],
)
def test_an_answer_names_the_site_that_may_read_it_and_never_allows_credentials(origins, origin, said):
    sent = [] if origin is None else [(b"origin", origin)]

    status, headers, asked = ask(origins, *sent, (b"authorization", b"Bearer x"))

    fields = dict(headers)
    assert status == 200
    assert fields.get(b"access-control-allow-origin") == said
    assert fields.get(b"access-control-expose-headers") == (None if said is None else b"*")
    assert b"access-control-allow-credentials" not in fields
    assert [value for name, value in headers if name == b"vary"] == [b"accept", b"Origin"]
    assert asked == [*(sent if said is None else []), (b"authorization", b"Bearer x")]


@pytest.mark.parametrize("origins", [["*"], ["https://app.example.com"]])
def test_a_preflight_is_answered_here(origins):
    asked_for = (b"access-control-request-headers", b"authorization, x-stainless-os,anthropic-version")

    status, headers, asked = preflight(origins, (b"origin", SITE), asked_for)

    fields = dict(headers)
    assert (status, asked) == (204, None)
    assert fields[b"access-control-allow-origin"] == (b"*" if origins == ["*"] else SITE)
    assert fields[b"access-control-allow-methods"] == b"DELETE, GET, HEAD, POST"
    assert fields[b"access-control-allow-headers"] == b"authorization, x-stainless-os, anthropic-version"
    assert fields[b"access-control-max-age"] == b"7200"
    assert fields[b"vary"] == b"Origin"
    assert b"access-control-allow-credentials" not in fields
    assert fields[b"x-langwatch-request-id"].startswith(b"grq_")


@pytest.mark.parametrize("names", [b"", b"a b", b"a,", b"a,,b", b"a\x01", b"a:b", b'"a"', b"caf\xe9"])
def test_names_that_are_no_names_of_headers_are_not_given_back(names):
    _, headers, _ = preflight(["*"], (b"origin", SITE), (b"access-control-request-headers", names))

    assert b"access-control-allow-headers" not in dict(headers)


def test_a_preflight_of_another_site_gets_what_any_options_gets():
    status, headers, asked = preflight(["https://app.example.com"], (b"origin", OTHER))

    assert (status, headers) == (200, [(b"vary", b"accept"), (b"vary", b"Origin")])
    assert asked is not None


def test_options_that_are_no_preflight_get_what_any_options_gets():
    status, _, asked = ask(["*"], (b"origin", SITE), method="OPTIONS")

    assert (status, asked) == (200, [])


@pytest.mark.parametrize("path", ["/metrics", "/readyz", "/healthz", "/startupz"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_what_speaks_of_the_process_is_left_out(path, method):
    _, headers, asked = ask(["*"], (b"origin", SITE), ASKS, method=method, path=path)

    assert headers == [(b"vary", b"accept")]
    assert asked == [(b"origin", SITE), ASKS]
