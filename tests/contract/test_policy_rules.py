"""Rules on tools, MCP servers, URLs and models."""

import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET, new_key

INLINE, ALLOWED, NAMED, DOCS = new_key(), new_key(), new_key(), new_key()
KEYS = f"""
  named:
    environment: test
    secret_hash: "{NAMED[1]}"
    policy_rules: [no-shell]
  inline:
    environment: test
    secret_hash: "{INLINE[1]}"
    policy_rules:
      - urls: {{deny: ['^https?://169\\.254\\.']}}
      - mcp: {{deny: ['evil']}}
      - models: {{deny: ['^gpt-x$', '^simulator/']}}
  allowed:
    environment: test
    secret_hash: "{ALLOWED[1]}"
    models_allowed: ["gpt-5*"]
    policy_rules: [{{tools: {{allow: ['^safe_', '^web_search']}}}}]
  docs:
    environment: test
    secret_hash: "{DOCS[1]}"
    policy_rules: [{{urls: {{allow: ['^https://docs\\.acme\\.com/']}}}}]
policy_rules:
  no-shell: {{tools: {{deny: ['^shell\\.', '^computer', '^web_search_options$']}}}}
"""


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    return module_gateway(config(upstream.url, KEYS))


def ask(gateway, key, path="/v1/chat/completions", **fields):
    body = {"model": "gpt-5-mini", "messages": [], **fields}
    return gateway.post(body, path, headers={"authorization": f"Bearer {key[0]}"})


def function(name):
    return {"type": "function", "function": {"name": name}}


DENIED_TOOLS = [
    ({"web_search_options": {}}, "web_search_options"),
    ({"tools": [function("shell.exec")]}, "tools[0].function.name"),
    ({"tools": [function("fine"), {"type": "function", "name": "shell.exec"}]}, "tools[1].name"),
    ({"functions": [{"name": "shell.exec"}]}, "functions[0].name"),
    ({"tools": [{"type": "computer_20250124", "name": "screen"}]}, "tools[0].type"),
    ({"tools": [{"type": "custom", "custom": {"name": "shell.run"}}]}, "tools[0].custom.name"),
    ({"tools": [{"type": "function", "name": "fine", "function": {"name": "shell.x"}}]}, "tools[0].function.name"),
    (
        {"tools": [{"type": "namespace", "name": "n", "tools": [function("shell.x")]}]},
        "tools[0].tools[0].function.name",
    ),
]


@pytest.mark.parametrize(("fields", "param"), DENIED_TOOLS)
def test_a_denied_tool_is_refused_with_its_place(gateway, upstream, fields, param):
    answer = ask(gateway, NAMED, **fields)

    assert answer.status_code == 403, answer.text
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("tool_not_allowed", param)
    assert "no-shell.tools" in error["message"]
    assert upstream.requests == []


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": {"0": function("shell.exec")}},
        {"tools": "shell.exec"},
        {"tools": [{"type": "function", "function": {"name": ["shell.exec"]}}]},
        {"tools": ["shell.exec"]},
        {"functions": {"name": "shell.exec"}},
    ],
)
def test_what_cannot_be_judged_is_refused(gateway, upstream, fields):
    answer = ask(gateway, NAMED, **fields)

    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "bad_request"
    assert upstream.requests == []


def test_a_tool_that_repeats_its_name_is_refused(gateway, upstream):
    body = b'{"model":"gpt-5-mini","tools":[{"type":"function","function":{"name":"shell.exec","name":"fine"}}]}'

    answer = gateway.post(body, headers={"authorization": f"Bearer {NAMED[0]}"})

    assert answer.status_code == 400
    assert upstream.requests == []


def test_tools_that_passed_once_pass_again_and_others_do_not(gateway):
    assert ask(gateway, NAMED, tools=[function("fine")]).status_code == 200
    assert ask(gateway, NAMED, tools=[function("fine")]).status_code == 200
    assert ask(gateway, NAMED, tools=[function("fine"), function("shell.exec")]).status_code == 403


def test_an_allow_list_refuses_everything_else(gateway):
    assert ask(gateway, ALLOWED, tools=[function("safe_add")]).status_code == 200
    assert ask(gateway, ALLOWED, tools=[{"type": "web_search"}]).status_code == 200
    assert ask(gateway, ALLOWED, tools=[function("other")]).json()["error"]["type"] == "tool_not_allowed"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ('{"model":"gpt-5-mini","messages":[{"content":"see http://169.254.169.254/latest."}]}', "messages[0].content"),
        (
            '{"model":"gpt-5-mini","messages":[{"content":[{"url":"HTTPS://169.254.1.1"}]}]}',
            "messages[0].content[0].url",
        ),
        ('{"model":"gpt-5-mini","a":["x","\\u0068ttp:\\/\\/169.254.0.1"]}', "a[1]"),
        ('{"model":"gpt-5-mini","a":"http:\\/\\/169.254.0.1","a":"fine"}', "a"),
        ('{"model":"gpt-5-mini","a":"http:169.254.0.1"}', "a"),
        (r'{"model":"gpt-5-mini","a":["ht\ntp:\t//169.\r\n254.0.1"]}', "a[0]"),
        ('{"model":"gpt-5-mini","a":{"http://169.254.0.1/":1}}', "a.http://169.254.0.1/"),
    ],
)
def test_a_denied_url_is_found_in_any_string(gateway, upstream, body, param):
    answer = gateway.post(body.encode(), headers={"authorization": f"Bearer {INLINE[0]}"})

    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["type"] == "url_not_allowed"
    assert answer.json()["error"]["param"] == param
    assert upstream.requests == []


@pytest.mark.parametrize(
    "text",
    [
        "curl https:443",
        "{'http':'x','https:':1}",
        "http:%s",
        "(http:|https:)//",
        "xmlns:http:foo",
        "see https://docs.acme.com/\nand read",
        "over http:\nand https:\n",
    ],
)
def test_an_allow_list_of_urls_lets_text_and_code_pass(gateway, text):
    assert ask(gateway, DOCS, messages=[{"content": text}]).status_code == 200
    refused = ask(gateway, DOCS, messages=[{"content": f"{text} https://other.example"}])
    assert refused.json()["error"]["type"] == "url_not_allowed"


def test_web_search_options_may_not_repeat(gateway, upstream):
    body = b'{"model":"gpt-5-mini","messages":[],"web_search_options":{},"web_search_options":null}'

    answer = gateway.post(body, headers={"authorization": f"Bearer {NAMED[0]}"})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "web_search_options")
    assert upstream.requests == []


def test_other_urls_pass(gateway):
    assert ask(gateway, INLINE, messages=[{"content": "https://example.com/169.254.1.1"}]).status_code == 200


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"mcp_servers": [{"name": "evil", "url": "https://x"}]}, "mcp_servers[0].name"),
        ({"mcp_servers": [{"name": "x", "url": "https://evil"}]}, "mcp_servers[0].url"),
        ({"tools": [{"type": "mcp", "server_label": "x", "server_url": "https://evil"}]}, "tools[0].server_url"),
        ({"tools": [{"type": "mcp", "server_label": "evil"}]}, "tools[0].server_label"),
    ],
)
def test_a_denied_mcp_server_counts_as_a_tool(gateway, fields, param):
    answer = ask(gateway, INLINE, **fields)

    assert answer.status_code == 403
    assert (answer.json()["error"]["type"], answer.json()["error"]["param"]) == ("tool_not_allowed", param)


@pytest.mark.parametrize("model", ["renamed", "openai/gpt-x", "sim"])
def test_models_are_judged_as_resolved_in_both_spellings(gateway, model):
    answer = ask(gateway, INLINE, model=model)

    assert answer.status_code == 403
    assert answer.json()["error"]["type"] == "model_not_allowed"


def test_models_allowed_judges_the_resolved_model(gateway):
    assert ask(gateway, ALLOWED, model="gpt-5-mini").status_code == 200
    refused = ask(gateway, ALLOWED, model="renamed")
    assert refused.status_code == 403
    assert "gpt-5*" in refused.json()["error"]["message"]


def test_a_key_without_rules_is_not_judged(gateway):
    assert ask(gateway, (SECRET,), tools="shell.exec").status_code == 200
