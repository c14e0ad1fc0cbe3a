"""Rules on tools, MCP servers, URLs and models."""

import json
import threading
import time

import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET, new_key

pytestmark = pytest.mark.every_build

INLINE, ALLOWED, NAMED, DOCS, SERVERS, MODELS = (new_key() for _ in range(6))
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
  servers:
    environment: test
    secret_hash: "{SERVERS[1]}"
    policy_rules:
      - mcp: {{allow: ['^corp$', '^https://corp\\.example/']}}
      - tools: {{deny: ['^shell', '^bash', '^web_search']}}
  models:
    environment: test
    secret_hash: "{MODELS[1]}"
    models_allowed: ["gpt-5*", "claude-haiku-*", "anthropic/claude-sonnet-*"]
    policy_rules: [{{models: {{deny: ['^gpt-5-pro']}}}}]
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


SHELL = {"type": "function", "name": "shell.exec", "parameters": {"type": "object"}}
EVIL = {"type": "mcp", "server_label": "evil", "server_url": "https://evil.example/mcp", "require_approval": "never"}


def item(type_, *tools, **members):
    return {"input": [{"role": "user", "content": "hi"}, {"type": type_, "tools": list(tools), **members}]}


def addition(definition):
    block = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": definition}}
    return {"messages": [{"role": "user", "content": "hi"}, {"role": "system", "content": [block]}]}


IN_CONVERSATIONS = [
    ("/v1/responses", item("additional_tools", SHELL, role="developer"), "input[1].tools[0].name"),
    ("/v1/responses", item("additional_tools", {"type": "web_search"}), "input[1].tools[0].type"),
    ("/v1/responses", item("additional_tools", {"type": "shell"}), "input[1].tools[0].type"),
    ("/v1/responses", item("additional_tools", EVIL), "input[1].tools[0].server_label"),
    ("/v1/responses", item("tool_search_output", SHELL, execution="client"), "input[1].tools[0].name"),
    ("/v1/responses", item("tool_search_output", EVIL, call_id="c"), "input[1].tools[0].server_label"),
    (
        "/v1/responses",
        item("additional_tools", {"type": "namespace", "name": "n", "tools": [SHELL]}),
        "input[1].tools[0].tools[0].name",
    ),
    ("/v1/responses", item("mcp_list_tools", {"name": "shell"}, server_label="corp"), "input[1].tools[0].name"),
    (
        "/v1/responses",
        {"tools": [{"type": "mcp", "server_label": "corp", "tunnel_id": "evil"}]},
        "tools[0].tunnel_id",
    ),
    (
        "/v1/messages",
        addition({"name": "shell_exec", "input_schema": {}}),
        "messages[1].content[0].tool.definition.name",
    ),
    (
        "/v1/messages",
        addition({"type": "web_search_20250305", "name": "search"}),
        "messages[1].content[0].tool.definition.type",
    ),
    (
        "/v1/messages",
        addition({"type": "mcp_toolset", "mcp_server_name": "evil"}),
        "messages[1].content[0].tool.definition.mcp_server_name",
    ),
    ("/v1/messages/count_tokens", addition({"name": "bash"}), "messages[1].content[0].tool.definition.name"),
    (
        "/v1/chat/completions",
        {"messages": [{"role": "system", "tools": [function("shell")]}]},
        "messages[0].tools[0].function.name",
    ),
]


@pytest.mark.parametrize(("path", "fields", "param"), IN_CONVERSATIONS)
def test_tools_and_servers_in_the_conversation_are_judged_like_any_other(gateway, upstream, path, fields, param):
    answer = ask(gateway, SERVERS, path, **fields)

    assert answer.status_code == 403, answer.text
    assert (answer.json()["error"]["type"], answer.json()["error"]["param"]) == ("tool_not_allowed", param)
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/v1/responses", '{"input":[{"type":"additional_tools","too\\u006cs":[{"type":"shell"}]}]}'),
        ("/v1/responses", '{"input":[ {"tools" :[{"type":"sh\\u0065ll"}],"type":"additional_tools"} ]}'),
    ],
)
def test_escapes_hide_nothing_in_a_conversation(gateway, upstream, path, text):
    body = '{"model":"gpt-5-mini",' + text[1:]

    answer = gateway.post(body.encode(), path, headers={"authorization": f"Bearer {SERVERS[0]}"})

    assert (answer.status_code, answer.json()["error"]["param"]) == (403, "input[0].tools[0].type")
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("path", "fields", "param"),
    [
        ("/v1/responses", {"input": [{"type": "future_tools", "list": [{"tools": [SHELL]}]}]}, "input[0]"),
        ("/v1/messages", {"messages": [{"role": "user", "content": [{"type": "x", "toolset": "y"}]}]}, "messages[0].content[0]"),
        ("/v1/messages", {"tools": [{"type": "future_20270101", "name": "f", "input_schema": {}}]}, "tools[0]"),
    ],
)  # fmt: skip
def test_what_is_not_known_and_could_declare_tools_is_refused_where_there_are_rules(
    gateway, upstream, path, fields, param
):
    answer = ask(gateway, SERVERS, path, **fields)

    assert answer.status_code == 400, answer.text
    assert (answer.json()["error"]["type"], answer.json()["error"]["param"]) == ("unsupported_parameter", param)
    assert upstream.requests == []

    body = json.dumps({"model": "gpt-5-mini" if "responses" in path else "claude-haiku-4-5", **fields}).encode()
    assert gateway.post(body, path, headers={"authorization": f"Bearer {SECRET}"}).status_code == 200
    assert upstream.requests[-1].body == body


@pytest.mark.parametrize(
    ("path", "model", "fields"),
    [
        ("/v1/responses", "gpt-5-mini", {"input": [{"type": "future", "weight": 1, "list": [{"text": "tools"}]}]}),
        ("/v1/responses", "gpt-5-mini", item("additional_tools", {"type": "function", "name": "fine", "parameters": {}})),
        ("/v1/responses", "gpt-5-mini", item("mcp_list_tools", {"name": "fine", "input_schema": {}}, server_label="corp")),
        ("/v1/messages", "claude-haiku-4-5", addition({"name": "fine", "input_schema": {}})),
        (
            "/v1/messages",
            "claude-haiku-4-5",
            {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "name": "f", "input": {"tools": [{"type": "bash"}], "Type": 1, "type": 2}}]}]},
        ),
    ],
)  # fmt: skip
def test_what_declares_nothing_that_is_denied_passes_byte_for_byte(gateway, upstream, path, model, fields):
    body = json.dumps({"model": model, "max_tokens": 9, **fields}, indent=1).encode()

    answer = gateway.post(body, path, headers={"authorization": f"Bearer {SERVERS[0]}"})

    assert answer.status_code == 200, answer.text
    assert upstream.requests[-1].body == body


OPUS = "claude-opus-4-8"
FURTHER_MODELS = [
    ("/v1/messages", "claude-haiku-4-5", {"fallbacks": [{"model": OPUS}]}, "fallbacks[0].model"),
    ("/v1/messages", "claude-haiku-4-5", {"fallbacks": "default"}, "fallbacks"),
    (
        "/v1/messages",
        "claude-haiku-4-5",
        {"tools": [{"type": "advisor_20260301", "name": "advisor", "model": OPUS}]},
        "tools[0].model",
    ),
    (
        "/v1/messages",
        "claude-haiku-4-5",
        addition({"type": "advisor_20260301", "name": "advisor", "model": OPUS}),
        "messages[1].content[0].tool.definition.model",
    ),
    ("/v1/messages", "gpt-5-mini", {"fallbacks": [{"model": OPUS}]}, "fallbacks[0].model"),
    (
        "/v1/responses",
        "gpt-5-mini",
        {"tools": [{"type": "image_generation", "model": "gpt-image-1"}]},
        "tools[0].model",
    ),
    (
        "/v1/responses",
        "gpt-5-mini",
        item("additional_tools", {"type": "image_generation", "model": "gpt-image-1"}),
        "input[1].tools[0].model",
    ),
    ("/v1/chat/completions", "gpt-5-mini", {"models": ["gpt-5", "o3"]}, "models[1]"),
    ("/v1/chat/completions", "gpt-5-mini", {"fallbacks": ["gpt-5-pro"]}, "fallbacks[0]"),
    ("/v1/chat/completions", "gpt-5-mini", {"moderation": {"model": "omni"}}, "moderation.model"),
]


@pytest.mark.parametrize(("path", "model", "fields", "param"), FURTHER_MODELS)
def test_every_model_that_a_request_names_is_judged(gateway, upstream, path, model, fields, param):
    answer = ask(gateway, MODELS, path, **{"model": model, "max_tokens": 9, **fields})

    assert answer.status_code == 403, answer.text
    assert (answer.json()["error"]["type"], answer.json()["error"]["param"]) == ("model_not_allowed", param)
    assert upstream.requests == []


def test_a_further_model_is_judged_in_both_spellings_and_passes_as_it_was_written(gateway, upstream):
    fields = {"max_tokens": 9, "messages": [], "fallbacks": [{"model": "claude-sonnet-4-6"}]}

    assert ask(gateway, MODELS, "/v1/messages", model="claude-haiku-4-5", **fields).status_code == 200
    assert json.loads(upstream.requests[-1].body) == {"model": "claude-haiku-4-5", **fields}
    refused = ask(gateway, MODELS, model="gpt-5-mini", fallbacks=["claude-sonnet-4-6"])
    assert "openai/claude-sonnet-4-6" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"Model":"gpt-5"}',
        b'{"model":"gpt-5-mini","MODEL":"gpt-5"}',
        b'{"model":"gpt-5-mini","messages":[],"Messages":[]}',
    ],
)
def test_another_spelling_of_what_is_judged_is_refused_for_every_key(gateway, upstream, body):
    answer = gateway.post(body, headers={"authorization": f"Bearer {SECRET}"})

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "bad_request")
    assert upstream.requests == []


@pytest.mark.parametrize(("value", "status"), [("1", 400), ('"true"', 400), ("false", 200), ("null", 200)])
def test_what_is_neither_in_the_background_nor_not_is_refused(gateway, upstream, value, status):
    body = f'{{"model":"gpt-5-mini","input":"x","background":{value}}}'.encode()

    answer = gateway.post(body, "/v1/responses", headers={"authorization": f"Bearer {SECRET}"})

    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.json()["error"]["type"] == "bad_request"
        assert answer.json()["error"]["param"] == "background"
        assert upstream.requests == []


def test_models_allowed_judges_the_resolved_model(gateway):
    assert ask(gateway, ALLOWED, model="gpt-5-mini").status_code == 200
    refused = ask(gateway, ALLOWED, model="renamed")
    assert refused.status_code == 403
    assert "gpt-5*" in refused.json()["error"]["message"]


def test_others_are_served_beside_a_conversation_that_takes_long_to_judge(gateway, upstream):
    call = {"type": "tool_use", "id": "t", "name": "f", "input": {"tools": 1, "model": "m"}}
    messages = [{"role": "assistant", "content": [call] * 60_000}]
    answers = []
    fields = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": messages}
    beside = threading.Thread(target=lambda: answers.append(ask(gateway, SERVERS, "/v1/messages", **fields)))
    beside.start()
    waits = []
    while beside.is_alive():
        began = time.monotonic()
        assert gateway.client.get("/healthz").status_code == 200
        waits.append(time.monotonic() - began)

    assert max(waits) < sum(waits) / 4
    assert [answer.status_code for answer in answers] == [200], answers[0].text
    assert json.loads(upstream.wait_for().body)["messages"] == messages


def test_a_key_without_rules_is_not_judged(gateway):
    assert ask(gateway, (SECRET,), tools="shell.exec").status_code == 200
