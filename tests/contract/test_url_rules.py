"""Rules on URLs: a denied one is refused wherever and however it is written; without it the body passes as it is."""

import json

import pytest

from tests.contract.conftest import config
from tests.support.keys import new_key

pytestmark = pytest.mark.every_build

DENIED, ALLOWED = new_key(), new_key()
KEYS = f"""
  denied:
    environment: test
    secret_hash: "{DENIED[1]}"
    policy_rules: [{{urls: {{deny: ['^https?://169\\.254\\.', '^https?://metadata\\.google\\.internal[:/]', '/admin$']}}}}]
  allowed:
    environment: test
    secret_hash: "{ALLOWED[1]}"
    policy_rules: [{{urls: {{allow: ['^https://good\\.example/']}}}}]
"""
METADATA = [
    "http://169.254.169.254/",
    "HTTP://169.254.169.254/",
    "http:/169.254.169.254/",
    "http:\\\\169.254.169.254/",
    "http:169.254.169.254/",
    "ht\ttp://169.254.169.254/",
    "http://169.254.\n169.254/",
    "http://a:b@169.254.169.254/",
    "http://169%2e254%2e169%2e254/",
    "http://%31%36%39.254.169.254/",
    "http://169。254。169。254/",
    "http://169．254．169．254/",
    "http://①⑥⑨.②⑤④.①⑥⑨.②⑤④/",
    "http://１６９.254.169.254/",
    "http://2852039166/",
    "http://0xa9fea9fe/",
    "http://0251.0376.0251.0376/",
    "http://169.254.43518/",
    "http://169.254.169.254./",
    "http://[::ffff:169.254.169.254]/",
    "http://[::ffff:a9fe:a9fe]/",
    "http://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://[2002:a9fe:a9fe::]/",
    "http://metadata%2egoogle.internal/",
    "http://ｍetadata.google.internal/",
    "http://METADATA.google.INTERNAL./",
    "http://metadata.goo\u00adgle.internal/",
    "http://metadata.google.internal:8080/",
    "http://good.example\\@169.254.169.254/",
    "https://good.example/x\\..\\admin",
    "https://good.example/%61dmin",
    "https://good.example/x/../admin",
]


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url, KEYS))


def ask(gateway, key, body, path="/v1/chat/completions"):
    return gateway.post(body, path, headers={"authorization": f"Bearer {key[0]}"})


def said(text):
    return {"model": "gpt-5-mini", "messages": [{"role": "user", "content": text}]}


def shown(url):
    image = {"type": "image_url", "image_url": {"url": url}}
    return {"model": "gpt-5-mini", "messages": [{"role": "user", "content": [image]}]}


@pytest.mark.parametrize("url", METADATA)
@pytest.mark.parametrize("body", [said, shown])
def test_a_denied_url_is_refused_in_every_spelling(gateway, upstream, url, body):
    answer = ask(gateway, DENIED, body(url))

    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "url_not_allowed")
    assert upstream.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https:evil.example/a.png",
        "ht\ttps://evil.example/a.png",
        "https:\n//evil.example/a",
        "//evil.example/a.png",
        "\\\\evil.example\\a.png",
        "evil.example/a.png",
        "ftp://evil.example/a",
        "file:///etc/passwd",
        "gopher://evil.example/",
        " https://evil.example/",
        "javascript:1",
        "https://good.example@evil.example/",
        "https://good.example\\@evil.example/../../x",
        "https://good.example.evil.example/",
        "\u0000https://evil.example/",
        "x" * 100_000,
    ],
)
@pytest.mark.parametrize(
    ("path", "model", "wrap"),
    [
        ("/v1/chat/completions", "gpt-5-mini", lambda url: {"messages": [{"content": [{"image_url": {"url": url}}]}]}),
        ("/v1/responses", "gpt-5-mini", lambda url: {"input": [{"role": "user", "content": [{"image_url": url}]}]}),
        (
            "/v1/responses",
            "gpt-5-mini",
            lambda url: {"input": [{"content": [{"type": "input_file", "file_url": url}]}]},
        ),
        ("/v1/messages", "claude", lambda url: {"messages": [{"content": [{"source": {"type": "url", "url": url}}]}]}),
    ],
)
def test_what_stands_where_the_api_wants_a_url_is_judged_whole(gateway, upstream, url, path, model, wrap):
    answer = ask(gateway, ALLOWED, {"model": model, **wrap(url)}, path)

    expected = "bad_request" if len(url) > 65536 else "url_not_allowed"
    assert answer.json()["error"]["type"] == expected
    assert upstream.requests == []


def test_a_key_written_with_escapes_is_the_same_key(gateway, upstream):
    body = b'{"model":"gpt-5-mini","messages":[{"content":[{"image_url":{"u\\u0072l":"ftp://evil.example/"}}]}]}'

    assert ask(gateway, ALLOWED, body).json()["error"]["param"] == "messages[0].content[0].image_url.url"
    assert upstream.requests == []


@pytest.mark.parametrize("member", ['"Image_URL":{"url":"//evil.example/"}', '"image_url":{"URL":"//evil.example/"}'])
def test_a_key_in_another_case_is_the_same_key(gateway, upstream, member):
    body = f'{{"model":"gpt-5-mini","messages":[{{"content":[{{{member}}}]}}]}}'.encode()

    assert ask(gateway, ALLOWED, body).json()["error"]["type"] == "url_not_allowed"
    assert upstream.requests == []


@pytest.mark.parametrize(
    "body",
    [
        shown("https://good.example/a.png?x=1"),
        shown("HTTPS://Good.Example:443/a b.png"),
        shown("data:image/png;base64," + "A" * 200_000),
        shown("DATA:text/plain,x"),
        said("see https://good.example/a.\nftp://x or //y, curl https:443"),
        {**said("hi"), "metadata": {"url": "none", "image_url": "ftp://mine"}},
        {**said("hi"), "tools": [{"type": "function", "function": {"name": "f", "parameters": {"default": {"url": "x"}}}}]},
    ],
)  # fmt: skip
def test_what_is_allowed_or_no_url_passes_byte_for_byte(gateway, upstream, body):
    data = json.dumps(body, ensure_ascii=False).encode()

    answer = ask(gateway, ALLOWED, data)

    assert answer.status_code == 200, answer.text
    assert upstream.wait_for().body == data


def test_the_url_of_a_past_tool_call_is_the_caller_s_own(gateway, upstream):
    call = {"type": "tool_use", "id": "t", "name": "go", "input": {"source": {"url": "example.org"}, "url": "x"}}
    body = {"model": "claude", "max_tokens": 5, "messages": [{"role": "assistant", "content": [call]}]}

    assert ask(gateway, ALLOWED, body, "/v1/messages").status_code != 403
    assert upstream.wait_for()
