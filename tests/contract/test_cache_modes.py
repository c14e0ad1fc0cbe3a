"""Prompt-cache marks: left alone, taken out, or set where the caller set none."""

import json

import httpx
import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET, new_key
from tests.support.upstream import response

DISABLED, FORCED = new_key(), new_key()
MARK = '"cache_control":{"type":"ephemeral"}'
ANSWER = b'{"type":"message","content":[],"usage":{"input_tokens":3,"cache_read_input_tokens":%d,"output_tokens":1}}'


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    keys = f'  disabled: {{environment: test, secret_hash: "{DISABLED[1]}", cache: {{mode: disable}}}}\n'
    keys += f'  forced: {{environment: test, secret_hash: "{FORCED[1]}", cache: {{mode: force}}}}\n'
    return module_gateway(config(upstream.url, keys))


def send(gateway, body, mode=None, secret=SECRET, path="/v1/messages"):
    headers = {"x-api-key": secret, "content-type": "application/json"}
    if mode is not None:
        headers["x-langwatch-cache"] = mode
    return httpx.post(gateway.url + path, content=body, headers=headers)


def body_of(system, content, more=""):
    return f'{{"model":"claude-x", "system": {system},"messages":[{{"role":"user","content":{content}}}]{more}}}'


CASES = {
    "respect leaves marks": ("respect", f'[{{"type":"text",{MARK},"text":"s"}}]', '"u"', None, None),
    "disable takes the last member": (
        "disable", f'[{{"type":"text","text":"s" , {MARK}}}]', '"u"', '[{"type":"text","text":"s" }]', '"u"'),
    "disable takes the first member": (
        "disable", f'[{{{MARK} , "type":"text"}}]', '"u"', '[{"type":"text"}]', '"u"'),
    "disable takes the only member": ("disable", f"[{{ {MARK} }}]", '"u"', "[{  }]", '"u"'),
    "disable reads escapes": (
        "disable", '[{"a":1,"cache\\u005fcontrol":null}]', '"u"', '[{"a":1}]', '"u"'),
    "disable leaves texts and data alone": (
        "disable", '"\\"cache_control\\":{}"', '[{"type":"tool_use","input":{"cache_control":1}}]', None, None),
    "force marks the last blocks": (
        "force", '[{"type":"text","text":"a"},{"type":"text","text":"b"}]', '[{"type":"text","text":"c"}]',
        f'[{{"type":"text","text":"a"}},{{{MARK},"type":"text","text":"b"}}]', f'[{{{MARK},"type":"text","text":"c"}}]'),
    "force makes blocks of texts": (
        "force", '"s\\u00e9"', '"u"',
        f'[{{"type":"text","text":"s\\u00e9",{MARK}}}]', f'[{{"type":"text","text":"u",{MARK}}}]'),
    "force leaves what the caller marked": (
        "force", f'[{{{MARK},"text":"a"}},{{"text":"b"}}]', '"u"',
        f'[{{{MARK},"text":"a"}},{{"text":"b"}}]', f'[{{"type":"text","text":"u",{MARK}}}]'),
    "force does not mark an empty text": ("force", '""', '[{"type":"text","text":""}]', None, None),
    "force survives odd bodies": ("force", "7", "{}", None, None),
}  # fmt: skip


@pytest.mark.parametrize(("mode", "system", "content", "new_system", "new_content"), CASES.values(), ids=CASES.keys())
def test_marks_are_spliced_and_every_other_byte_stays(
    gateway, upstream, mode, system, content, new_system, new_content
):
    answer = send(gateway, body_of(system, content), mode)

    expected = body_of(new_system or system, new_content or content)
    assert upstream.requests[0].body.decode() == expected
    json.loads(upstream.requests[0].body)
    assert answer.headers["x-langwatch-body"] == ("identical" if new_system is None else "spliced")
    assert answer.headers["x-langwatch-cache-mode"] == mode


def test_force_marks_the_last_user_message(gateway, upstream):
    messages = '[{"role":"user","content":"a"},{"role":"user","content":"b"},{"role":"assistant","content":"c"}]'

    send(gateway, f'{{"model":"claude-x","messages":{messages}}}', "force")

    marked = json.loads(upstream.requests[0].body)["messages"]
    assert [isinstance(one["content"], list) for one in marked] == [False, True, False]


def test_force_does_nothing_where_the_provider_caches_by_itself(gateway, upstream):
    body = '{"model":"gpt-5-mini","messages":[{"role":"user","content":"hi"}]}'

    send(gateway, body, "force", path="/v1/chat/completions")

    assert upstream.requests[0].body.decode() == body


@pytest.mark.parametrize(
    ("mode", "read", "says"),
    [
        ("respect", 5, "hit"),
        ("respect", 0, "miss"),
        ("disable", 5, "bypass"),
        ("force", 0, "force"),
        ("force", 5, "hit"),
    ],
)
def test_the_response_says_what_became_of_the_cache(gateway, upstream, mode, read, says):
    upstream.play = lambda _: response(ANSWER % read)

    assert send(gateway, body_of('"s"', '"u"'), mode).headers["x-langwatch-cache"] == says


@pytest.mark.parametrize(
    ("secret", "mode"),
    [(DISABLED[0], "disable"), (FORCED[0], "force"), (SECRET, "respect")],
    ids=["disable", "force", "respect"],
)
def test_the_key_has_a_mode_of_its_own_and_the_header_wins(gateway, secret, mode):
    assert send(gateway, body_of('"s"', '"u"'), secret=secret).headers["x-langwatch-cache-mode"] == mode
    other = send(gateway, body_of('"s"', '"u"'), "Respect", secret=secret)
    assert other.headers["x-langwatch-cache-mode"] == "respect"


@pytest.mark.parametrize("mode", ["", "on", "force,disable"])
def test_a_mode_that_is_none_is_refused(gateway, upstream, mode):
    answer = send(gateway, body_of('"s"', '"u"'), mode)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "cache_override_invalid"
    assert not upstream.requests
