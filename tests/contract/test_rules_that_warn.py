"""`mode: warn`: what would be refused is answered, told in a header, counted, recorded and reported."""

import re
import threading

import pytest

from tests.contract.conftest import config
from tests.support.keys import new_key
from tests.support.upstream import response

WARNED, BOTH, LIMITED, CROWDED, PLAIN, ENFORCED, WATCHED = (new_key() for _ in range(7))
TWIN = """
    environment: test
    secret_hash: "{hash}"
    models_allowed: {{allow: ["gpt-*", "claude-*"], mode: {mode}}}
    policy_rules:
      - tools: {{deny: ['^(Bash|shell)$'], mode: {mode}}}
        mcp: {{allow: ['^docs$'], mode: {mode}}}
        urls: {{deny: ['169.254'], mode: {mode}}}
        models: {{deny: ['gpt-x'], mode: {mode}}}
"""
KEYS = f"""
  warned:
    environment: test
    secret_hash: "{WARNED[1]}"
    models_allowed: {{allow: ["gpt-5*"], mode: warn}}
    policy_rules:
      - no-shell
      - mcp: {{allow: ['^docs$'], mode: warn}}
      - models: {{deny: ['^gpt-x$'], mode: warn}}
  both:
    environment: test
    secret_hash: "{BOTH[1]}"
    policy_rules: [no-shell, {{tools: {{deny: ['^Bash$']}}}}, {{models: {{deny: ['^gpt-x$']}}}}]
    models_allowed: {{allow: ["gpt-5*", "gpt-x"], mode: warn}}
  limited:
    environment: test
    secret_hash: "{LIMITED[1]}"
    rate_limits: {{rpm: 2, tpm: 1000000, mode: warn}}
  crowded:
    environment: test
    secret_hash: "{CROWDED[1]}"
    rate_limits: {{concurrency: 1, mode: warn}}
  plain:
    environment: test
    secret_hash: "{PLAIN[1]}"
  enforced:{TWIN.format(hash=ENFORCED[1], mode="enforce")}
  watched:{TWIN.format(hash=WATCHED[1], mode="warn")}
policy_rules:
  no-shell:
    tools: {{deny: ['^(Bash|shell)$'], mode: warn}}
    urls: {{deny: ['^https?://169\\.254\\.'], mode: warn}}
"""


@pytest.fixture(scope="module")
def gateway(module_gateway, upstream):
    text = config(upstream.url, KEYS)
    text = text.replace(
        "model_aliases:\n",
        "model_aliases:\n  behind: [openai/gpt-5, simulator/gpt-5-mini]\n  falls: [openai/gpt-5, simulator/gpt-x]\n",
    )
    return module_gateway(
        text.replace("simulator: {type: simulator}", "simulator: {type: simulator, rate_limits: {rpm: 1, mode: warn}}")
    )


def ask(gateway, key, model="gpt-5-mini", path="/v1/chat/completions", **fields):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], **fields}
    return gateway.post(body, path, headers={"authorization": f"Bearer {key[0]}"})


def warnings_of(answer):
    told = answer.headers.get("x-langwatch-warnings")
    return [] if told is None else told.split(", ")


BASH = {"tools": [{"type": "function", "function": {"name": "Bash"}}]}
LINK = {"messages": [{"role": "user", "content": "read http://169.254.169.254/latest"}]}
LONG_LINK = {"messages": [{"role": "user", "content": "x" * 400_000 + " http://169.254.169.254/latest"}]}
UNKNOWN_ITEM = {"tools": [{"type": "of_tomorrow", "tools": [{"name": "Bash"}]}]}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, []),
        (BASH, ["no-shell.tools"]),
        (LINK, ["no-shell.urls"]),
        (LONG_LINK, ["no-shell.urls"]),
        ({**BASH, **LINK}, ["no-shell.tools", "no-shell.urls"]),
        ({"model": "renamed"}, ["inline.models", "models_allowed"]),
        (UNKNOWN_ITEM, ["no-shell.tools", "inline.mcp"]),
        ({"tools": [{"type": "mcp", "server_label": "wild", "server_url": "https://wild.example"}]}, ["inline.mcp"]),
    ],
)
def test_what_a_rule_would_refuse_is_answered_and_told(gateway, upstream, fields, told):
    path = "/v1/responses" if "mcp" in str(fields) else "/v1/chat/completions"
    sent = {**fields, "input": "hi"} if path == "/v1/responses" else fields

    answer = ask(gateway, WARNED, path=path, **sent)

    assert answer.status_code == 200, answer.text
    assert len(upstream.requests) == 1
    assert warnings_of(answer) == told
    record = gateway.record_of(answer)
    assert record.get("warnings", []) == told
    assert (record["outcome"], record["denied_by"]) == ("ok", None)


def raw(members):
    return (
        f'{{"model":"gpt-5-mini","max_tokens":9,"input":"hi","messages":[{{"role":"user","content":"hi"}}]{members}}}'
    )


JUDGED = {
    "nothing": ("chat/completions", ""),
    "a tool": ("chat/completions", ',"tools":[{"type":"function","function":{"name":"Bash"}}]'),
    "another tool": ("chat/completions", ',"tools":[{"type":"function","function":{"name":"bash"}}]'),
    "a custom tool": ("chat/completions", ',"tools":[{"type":"custom","custom":{"name":"Bash"}}]'),
    "a function": ("chat/completions", ',"functions":[{"name":"Bash"}]'),
    "no tools": ("chat/completions", ',"tools":"Bash"'),
    "tools twice": ("chat/completions", ',"tools":[],"tools":[{"type":"function","function":{"name":"Bash"}}]'),
    "escaped tools": ("chat/completions", ',"t\\u006fols":[{"type":"function","function":{"name":"Bash"}}]'),
    "a tool of tomorrow": ("chat/completions", ',"tools":[{"type":"of_tomorrow"}]'),
    "a URL": ("chat/completions", ',"metadata":{"x":"http:\\/\\/169.254.1.1"}'),
    "an escaped URL": ("chat/completions", ',"user":"h\\u0074tp://169.254.1.1"'),
    "a picture": ("chat/completions", ',"metadata":{"x":"HTTP://a.b/?q=169.254"}'),
    "a shell": ("responses", ',"tools":[{"type":"shell"}]'),
    "tools within": (
        "responses",
        ',"tools":[{"type":"namespace","name":"x","tools":[{"type":"function","name":"Bash"}]}]',
    ),
    "a server": ("responses", ',"tools":[{"type":"mcp","server_label":"wild","server_url":"https://w.example"}]'),
    "a known server": ("responses", ',"tools":[{"type":"mcp","server_label":"docs","server_url":"https://docs"}]'),
    "a further model": ("responses", ',"tools":[{"type":"image_generation","model":"gpt-x"}]'),
    "a denied model": ("chat/completions", ',"model":"openai/gpt-x"'),
    "what nobody serves": ("chat/completions", ',"model":"nobody"'),
}


@pytest.mark.parametrize(("path", "members"), JUDGED.values(), ids=JUDGED)
def test_what_is_warned_of_is_what_the_same_rules_refuse(gateway, upstream, path, members):
    body = raw(members).replace('"model":"gpt-5-mini",', "", members.startswith(',"model"')).encode()
    enforced, watched = (
        gateway.post(body, f"/v1/{path}", headers={"authorization": f"Bearer {key[0]}"}) for key in (ENFORCED, WATCHED)
    )

    if watched.status_code == 200:
        assert (enforced.status_code >= 400) is bool(warnings_of(watched))
    else:
        assert watched.json()["error"]["message"].split(".")[0] == enforced.json()["error"]["message"].split(".")[0]
        assert warnings_of(watched) == []
    assert len(upstream.requests) == (watched.status_code == 200) + (enforced.status_code == 200)


def test_what_another_rule_enforces_is_enforced(gateway, upstream):
    refused = [ask(gateway, BOTH, **BASH), ask(gateway, BOTH, "renamed")]

    assert [(one.status_code, one.json()["error"]["type"]) for one in refused] == [
        (403, "tool_not_allowed"),
        (403, "model_not_allowed"),
    ]
    assert "policy rule inline.tools denies it" in refused[0].json()["error"]["message"]
    assert [warnings_of(one) for one in refused] == [[], []]
    assert upstream.requests == []
    shell = ask(gateway, BOTH, tools=[{"type": "function", "function": {"name": "shell"}}])
    assert (shell.status_code, warnings_of(shell)) == (200, ["no-shell.tools"])


def test_a_limit_that_warns_lets_everything_pass(gateway):
    answers = [ask(gateway, LIMITED) for _ in range(4)]

    assert [one.status_code for one in answers] == [200] * 4
    assert [warnings_of(one) for one in answers] == [[], [], ["rate_limits.rpm"], ["rate_limits.rpm"]]


def test_requests_at_one_time_are_given_back(gateway, upstream):
    release = threading.Event()
    upstream.play = lambda _: [release, *response()]
    background = threading.Thread(target=ask, args=(gateway, CROWDED))
    background.start()
    upstream.wait_for()
    upstream.play = lambda _: response()

    beside = ask(gateway, CROWDED)
    release.set()
    background.join()
    gateway.wait(lambda: warnings_of(ask(gateway, CROWDED)) == [])

    assert (beside.status_code, warnings_of(beside)) == (200, ["rate_limits.concurrency"])


def test_a_limit_of_a_provider_may_only_warn_too(gateway):
    answers = [ask(gateway, PLAIN, "sim") for _ in range(2)]

    assert [(one.status_code, warnings_of(one)) for one in answers] == [
        (200, []),
        (200, ["providers.simulator.rate_limits.rpm"]),
    ]


def test_a_provider_that_takes_over_is_counted_when_it_does(gateway, upstream):
    upstream.play = lambda _: response(status=503)
    for _ in range(2):  # whoever asked it before
        ask(gateway, PLAIN, "sim")

    answer = ask(gateway, PLAIN, "behind")

    assert (answer.status_code, answer.headers["x-langwatch-fallback-count"]) == (200, "1")
    assert warnings_of(answer) == ["providers.simulator.rate_limits.rpm"]


def test_a_model_that_takes_over_is_judged_as_if_its_rule_were_enforced(gateway, upstream):
    assert warnings_of(ask(gateway, WARNED, "falls")) == []
    upstream.play = lambda _: response(status=503)

    watched, enforced = ask(gateway, WARNED, "falls"), ask(gateway, BOTH, "falls")

    assert (watched.status_code, enforced.status_code) == (200, 502)
    assert [one for one in warnings_of(watched) if not one.startswith("providers.")] == [
        "inline.models",
        "models_allowed",
    ]


def test_a_stream_tells_it_in_its_head(gateway, upstream):
    upstream.play = lambda _: response(
        b'data: {"choices":[{"delta":{"content":"x"}}]}\n\ndata: [DONE]\n\n', content_type="text/event-stream"
    )

    answer = ask(gateway, WARNED, stream=True, **BASH)

    assert (answer.status_code, warnings_of(answer)) == (200, ["no-shell.tools"])


def test_every_warning_is_counted_in_closed_labels(gateway):
    def counted():
        found = re.findall(r'gateway_warnings_total\{by="(\w+)",dimension="(\w+)"\} ([\d.]+)', gateway.metrics())
        return {(by, dimension): float(value) for by, dimension, value in found}

    before = counted()
    ask(gateway, WARNED, "renamed", **BASH)

    after = counted()
    assert {key for key in after if after[key] != before[key]} == {
        ("policy", "tools"),
        ("policy", "models"),
        ("policy", "models_allowed"),
    }
    assert {by for by, _ in after} == {"policy", "limit"}


def test_what_is_listed_is_what_can_be_called(gateway):
    listed = gateway.client.get("/v1/models", headers={"authorization": f"Bearer {WARNED[0]}"}).json()["data"]

    assert "renamed" in {one["id"] for one in listed}
