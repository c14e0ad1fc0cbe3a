import json
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError
from gateway.policy.judge import Judge
from gateway.shapes.url_members import NO_URLS
from gateway.turns import at_once
from gateway.wire import url_sieve
from gateway.wire.json_body import JsonBody
from gateway.wire.url_sieve import sieve_for
from gateway.wire.urls import urls_in_strings

DENIED = (
    r"^https?://169\.254\.",
    r"evil",
    r"^https://a\.example/$",
    r"\bdeny\b",
    r"/x$",
    r"^https?://[^/]*\.internal(?:/|$)",
    r"(?i)SECRET",
    r"[[:digit:]]{4}\z",
    r"\.\.",
    r"[]^$]x",
)
PIECES = (
    *(
        "http",
        "https",
        "HTTP",
        "hTTps",
        "ht",
        "tp",
        "s",
        ":",
        "://",
        "//",
        "/",
        "\\",
        "\\\\",
        "?",
        "#",
        "@",
        "%65",
        "&",
    ),
    *(
        "\n",
        "\r",
        "\t",
        "\n\n",
        " ",
        '"',
        "<",
        ">",
        "{",
        "|",
        "`",
        "^",
        "[",
        "]",
        "(",
        ")",
        ".",
        "..",
        ",",
        ";",
        "*",
        "'",
    ),
    *(
        "a.example",
        "b.internal",
        "evil",
        "evil.example",
        "169.254.169.254",
        "2852039166",
        "x",
        "deny",
        "SECRET",
        "_a",
        "-b",
    ),
    *(
        "1234",
        "é",
        "。",
        "\u00a0",
        "\u3000",
        "\ufeff",
        "\x7f",
        "\x0b",
        "\u017f",
        "\u212a",
        "%2e",
        ":80",
        "user:pw",
        "n",
        "u0041",
    ),
    *("https://a.example/", "https://a.example/x", "https://docs.a.example/x/y?z=1", "http://a.example", "see "),
)
TEXTS = st.lists(st.sampled_from(PIECES), max_size=9).map("".join)


def judge_of(deny):
    every = dict.fromkeys(("tools", "mcp", "urls", "models"))
    return Judge([("set", SimpleNamespace(**{**every, "urls": SimpleNamespace(deny=deny, allow=None)}))])


def is_refused(judge, data, sieve):
    return is_refused_of(judge, JsonBody(data).urls(NO_URLS, sieve), data)


def is_refused_by_walk(judge, data):
    return is_refused_of(judge, urls_in_strings(data), data)


def is_refused_of(judge, found, data):
    try:
        at_once(judge.check_urls(found, JsonBody(data).path_at))
    except GatewayError as refusal:
        return refusal.type == "url_not_allowed"
    return False


@given(st.lists(TEXTS, min_size=1, max_size=3), st.booleans(), st.sampled_from([*map(list, zip(DENIED)), list(DENIED)]))
def test_a_sieve_lets_nothing_pass_that_a_full_walk_refuses(texts, ascii_only, deny):
    judge = judge_of(deny)
    data = json.dumps({"m": texts}, ensure_ascii=ascii_only).encode()
    slashed = data.replace(b"/", b"\\/")

    assert judge.url_sieve is not None
    for written in (data, slashed):
        assert is_refused(judge, written, None) == is_refused_by_walk(judge, written)
        assert is_refused(judge, written, judge.url_sieve) == is_refused_by_walk(judge, written)


@pytest.mark.parametrize(
    ("url", "is_suspect"),
    [
        ("https://docs.example/a/b-c?d=e#f", False),
        ("http://a_b.example/x.", False),
        ("https://a.example/x)", False),
        ("https://a.example/x\n", False),
        ("https://a.example", True),
        ("HTTPS://a.example/", True),
        ("http:a.example/", True),
        ("https://a.example:8443/", True),
        ("https://user@a.example/", True),
        ("https://10.0.0.1/", True),
        ("https://a..example/", True),
        ("https://a.example./", True),
        ("https://.a.example/", True),
        ("https://a.exam_ple/", True),
        ("https://a.example/../x", True),
        ("https://a.example/%41", True),
        ("https://a.example/é", True),
        ("https://a.example/?u=https://b.example/", True),
        ("https://a.example/x\\", True),
        ("https://a.example/evil", True),
        ("https://a.example/ev\nil", True),
    ],
)
def test_only_what_means_what_is_written_is_not_suspect(url, is_suspect):
    candidate = json.dumps(url, ensure_ascii=False).encode()[1:-1]

    assert sieve_for(["evil"]).passes([candidate]) != is_suspect


@pytest.mark.parametrize(
    ("deny", "url"),
    [
        (r"a\.example/private", b"https://a.example/\xff/../private"),
        (r"^https://a\.example/.*/private", b"https://a.example/\xc3/private"),
        (r"^https?://[^/]*\.internal/", b"https://a\xff.internal/x"),
        (r"evil", b"https://a.example/\xff%65vil"),
    ],
)
def test_bytes_that_are_no_utf8_hide_nothing(deny, url):
    judge, data = judge_of([deny]), b'{"m": "see %s there"}' % url

    assert is_refused_by_walk(judge, data)
    assert is_refused(judge, data, judge.url_sieve)


@pytest.mark.parametrize(
    ("pattern", "loose"),
    [
        (r"^https?://a\.b$", r"(?:)https?://a\.b(?:)"),
        (r"\Aa\bb\Bc\z", r"(?:)a(?:)b(?:)c(?:)"),
        (r"[^$]\^\$[]^][[:^alpha:]^]", r"[^$]\^\$[]^][[:^alpha:]^]"),
        (r"\\^", r"\\(?:)"),
        (r"a\Q^\E", None),
    ],
)
def test_anchors_are_left_out(pattern, loose):
    assert url_sieve._without_anchors(pattern) == loose


def test_with_an_allow_list_every_url_is_asked_about():
    every = dict.fromkeys(("tools", "mcp", "urls", "models"))
    rules = SimpleNamespace(**{**every, "urls": SimpleNamespace(deny=["evil"], allow=["^https://a"])})

    assert Judge([("set", rules)]).url_sieve is None
