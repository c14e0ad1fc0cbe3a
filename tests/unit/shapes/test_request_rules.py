"""Rules on the fields of a request: each is a splice, and what comes of it is what the same edit of the JSON gives."""

import json
from typing import get_type_hints

import pytest
from anthropic.types.beta import message_count_tokens_params, message_create_params
from hypothesis import given
from hypothesis import strategies as st
from openai.types import completion_create_params, embedding_create_params, image_edit_params, image_generate_params
from openai.types.audio import speech_create_params
from openai.types.chat import completion_create_params as chat_create_params
from openai.types.responses import input_token_count_params, response_create_params

from gateway.errors import GatewayError
from gateway.shapes.endpoints import CONVERSE, ENDPOINTS
from gateway.shapes.members import MEMBERS, may_have
from gateway.shapes.request_rules import Action, RequestRules, Rule, declares, declaring_in, untouchable
from gateway.wire.json_body import JsonBody

CHAT, RESPONSES, MESSAGES = (ENDPOINTS[name] for name in ("chat_completions", "responses", "messages"))


def _rule(field: str, action: str, value: object = None) -> Rule:
    return Rule(tuple(field.split(".")), Action(action), value)


def _edited(body: str | bytes, *rules: Rule, endpoint=CHAT):
    parsed = JsonBody(body.encode() if isinstance(body, str) else body)
    return RequestRules(rules).edited(endpoint, parsed)


CASES = [
    ('{"a":1, "seed" : 3 ,"b":2}', [("seed", "drop")], '{"a":1 ,"b":2}', ["seed"]),
    ('{ "seed":3 , "b":2}', [("seed", "drop")], '{ "b":2}', ["seed"]),
    ('{"seed":3}', [("seed", "drop")], "{}", ["seed"]),
    ('{"seed":3,"n":1,"x":0}', [("seed", "drop"), ("n", "drop"), ("x", "drop")], "{}", ["seed", "n", "x"]),
    ('{"s\\u0065ed":3,"b":2}', [("seed", "drop")], '{"b":2}', ["seed"]),
    ('{"temperature":0.30}', [("temperature", "set", 1)], '{"temperature":1}', ["temperature:set"]),
    ('{ "x":1}', [("temperature", "set", 0.5)], '{"temperature":0.5, "x":1}', ["temperature:set"]),
    ("{}", [("store", "set", False)], '{"store":false}', ["store:set"]),
    ('{"store":null}', [("store", "default", False)], '{"store":false}', ["store:default"]),
    ('{"x":1}', [("store", "default", True)], '{"store":true,"x":1}', ["store:default"]),
    ('{"max_tokens":9000}', [("max_tokens", "max", 8000)], '{"max_tokens":8000}', ["max_tokens:max"]),
    ('{"max_tokens":9e3}', [("max_tokens", "max", 8000)], '{"max_tokens":8000}', ["max_tokens:max"]),
    ('{"temperature":1.5}', [("temperature", "max", 1)], '{"temperature":1}', ["temperature:max"]),
    ('{"reasoning_effort":"high"}', [("reasoning_effort", "max", "low")], '{"reasoning_effort":"low"}', None),
    ('{"reasoning_effort":"mega"}', [("reasoning_effort", "max", "low")], '{"reasoning_effort":"low"}', None),
    (
        '{"max_completion_tokens" : 5}',
        [("max_completion_tokens", "rename", "max_tokens")],
        '{"max_tokens" : 5}',
        ["max_completion_tokens:rename"],
    ),
    (
        '{"max_completion_tokens":5,"max_tokens":7}',
        [("max_completion_tokens", "rename", "max_tokens")],
        '{"max_tokens":7}',
        ["max_completion_tokens:rename"],
    ),
    (
        '{"max_completion_tokens":9000}',
        [("max_tokens", "max", 8000), ("max_completion_tokens", "rename", "max_tokens")],
        '{"max_tokens":8000}',
        ["max_completion_tokens:rename", "max_tokens:max"],
    ),
    (
        '{"reasoning":{"effort":"high", "x":[1 , 2]}}',
        [("reasoning.effort", "max", "medium")],
        '{"reasoning":{"effort":"medium", "x":[1 , 2]}}',
        ["reasoning.effort:max"],
    ),
    ('{"a":{"b":1}}', [("a.b", "drop")], '{"a":{}}', ["a.b"]),
    ('{"a":{"c":1}}', [("a.b", "set", 2)], '{"a":{"b":2,"c":1}}', ["a.b:set"]),
    ('{"x":1}', [("a.b.c", "set", 2)], '{"a":{"b":{"c":2}},"x":1}', ["a.b.c:set"]),
    ('{"a":{"b":null}}', [("a.b.c", "set", 2)], '{"a":{"b":{"c":2}}}', ["a.b.c:set"]),
    ('{"user":"\\ud83d","seed":3}', [("seed", "drop")], '{"user":"\\ud83d"}', ["seed"]),
]


@pytest.mark.parametrize(("body", "rules", "after", "told"), CASES)
def test_a_rule_changes_its_field_and_no_other_byte(body, rules, after, told):
    edited = _edited(body, *(_rule(*one) for one in rules))
    assert edited.data.decode() == after
    assert told is None or list(edited.told) == told


UNTOUCHED = [
    ('{"a":1}', ("seed", "drop")),
    ('{"store":true}', ("store", "default", False)),
    ('{"max_tokens":8000}', ("max_tokens", "max", 8000)),
    ('{"max_tokens":null}', ("max_tokens", "max", 8000)),
    ('{"x":1}', ("max_tokens", "max", 8000)),
    ('{"reasoning_effort":"minimal"}', ("reasoning_effort", "max", "low")),
    ('{"x":1}', ("max_completion_tokens", "rename", "max_tokens")),
    ('{"a":"text"}', ("a.b", "set", 1)),
    ('{"a":[]}', ("a.b", "drop")),
    ('{"temperature":0.5}', ("temperature", "set", 0.5)),
]


@pytest.mark.parametrize(("body", "rule"), UNTOUCHED)
def test_what_no_rule_touches_stays_the_clients_own(body, rule):
    assert _edited(body, _rule(*rule)) is None


REFUSED = [
    ('{"max_tokens":1,"max_tokens":9000}', ("max_tokens", "max", 8000), "max_tokens"),
    ('{"max_tokens":1e1000000}', ("max_tokens", "max", 8000), "max_tokens"),
    ('{"max_tokens":-1e-99999999999999999999}', ("max_tokens", "max", 8000), "max_tokens"),
    ('{"Max_Tokens":9000}', ("max_tokens", "max", 8000), "max_tokens"),
    ('{"maxTokens":9000}', ("max_tokens", "max", 8000), "max_tokens"),
    ('{"generation_config":{}}', ("generationConfig.maxOutputTokens", "max", 8000), "generationConfig"),
    (
        '{"generationConfig":{"max_output_tokens":9000}}',
        ("generationConfig.maxOutputTokens", "max", 8000),
        "generationConfig.maxOutputTokens",
    ),
    ('{"max_tokens":"9000"}', ("max_tokens", "max", 8000), "max_tokens"),
    ('{"max_tokens":true}', ("max_tokens", "max", 8000), "max_tokens"),
    ('{"max_tokens":1e999}', ("max_tokens", "max", 8000), "max_tokens"),
    ('{"reasoning_effort":{"x":1}}', ("reasoning_effort", "max", "low"), "reasoning_effort"),
    ('{"a":{"b":1,"b":2}}', ("a.b", "drop"), "a.b"),
    ('{"a":1,"MAX_TOKENS":2}', ("a", "rename", "max_tokens"), "max_tokens"),
]


@pytest.mark.parametrize(("body", "rule", "param"), REFUSED)
def test_what_two_servers_may_read_in_two_ways_is_refused(body, rule, param):
    with pytest.raises(GatewayError) as refusal:
        _edited(body, _rule(*rule))
    assert (refusal.value.type, refusal.value.param) == ("bad_request", param)


@pytest.mark.parametrize(
    ("endpoint", "field", "is_added"),
    [
        ("chat_completions", "max_tokens", True),
        ("responses", "max_tokens", False),
        ("responses", "max_output_tokens", True),
        ("messages", "reasoning_effort", False),
        ("messages_count_tokens", "max_tokens", False),
        ("embeddings", "temperature", False),
        ("embeddings", "dimensions", True),
        ("embeddings", "enable_thinking", False),
        ("chat_completions", "enable_thinking", True),
        ("converse", "inferenceConfig", True),
    ],
)
def test_a_field_is_added_only_where_the_api_may_have_it(endpoint, field, is_added):
    one = CONVERSE if endpoint == "converse" else ENDPOINTS[endpoint]
    assert (_edited('{"x":1}', _rule(field, "set", 1), endpoint=one) is not None) is is_added
    assert _edited(f'{{"{field}":2}}', _rule(field, "set", 1), endpoint=one) is not None


_NAMES = st.sampled_from(["temperature", "max_tokens", "seed", "user", "top_k", 'o"dd', "ünï"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10_000) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
_SPACES = st.sampled_from(["", " ", "\n\t"])


@given(
    st.dictionaries(_NAMES, _VALUES, max_size=6),
    st.lists(st.tuples(_NAMES, st.sampled_from(list(Action)), _NAMES, st.integers(0, 9)), max_size=4),
    _SPACES,
    _SPACES,
)
def test_the_result_is_that_of_the_same_edit_of_the_json(members, drawn, before, after):
    rules = {
        name: (action, other if action is Action.RENAME else number)
        for name, action, other, number in drawn
        if other != name
    }
    body = f"{{{before}" + f"{after},{before}".join(
        f"{json.dumps(name)}{before}:{after}{json.dumps(value)}" for name, value in members.items()
    )
    body += after + "}"
    expected = dict(members)
    try:
        edited = _edited(body, *(Rule((name,), *rule) for name, rule in rules.items()), endpoint=CHAT)
    except GatewayError:
        with pytest.raises(ValueError, match="no number"):
            _edit_all(dict(members), rules)
        return
    _edit_all(expected, rules)
    assert json.loads(body if edited is None else edited.data) == expected
    if edited is not None:
        for name, value in members.items():
            if name not in rules and name not in {other for _, other in rules.values()}:
                assert f"{json.dumps(name)}{before}:{after}{json.dumps(value)}".encode() in edited.data


def _edit_all(members, rules):
    for action in Action:
        for name, (own, value) in rules.items():
            if own is action:
                _edit_plainly(members, name, action, value)


def _edit_plainly(members, name, action, value):
    if action is Action.DROP:
        members.pop(name, None)
    elif action is Action.RENAME and name in members and value != name:
        moved = members.pop(name)
        members.setdefault(value, moved)
    elif action in (Action.SET, Action.DEFAULT) and (name in members or may_have("chat_completions", name)):
        if action is Action.SET or members.get(name) is None:
            members[name] = value
    elif action is Action.MAX and members.get(name) is not None:
        if isinstance(members[name], bool) or not isinstance(members[name], int):
            raise ValueError("no number")
        members[name] = min(members[name], value)


@pytest.mark.parametrize(
    "name",
    [
        "model",
        "models",
        "Models",
        "fallbacks",
        "tools",
        "mcp_servers",
        "mcpServers",
        "functions",
        "input",
        "messages",
        "stream",
        "stream_options",
        "contents",
        "toolConfig",
        "tool_config",
        "modelId",
        "prompt",
    ],
)
def test_what_decides_who_is_asked_for_what_is_untouchable(name):
    assert untouchable(name)
    assert declares(name)


@pytest.mark.parametrize(
    "name", ["web_search_options", "plugins", "search_parameters", "enable_search", "previous_response_id", "container"]
)
def test_what_declares_may_be_left_out_and_not_added(name):
    assert declares(name)
    assert not untouchable(name)


def test_what_is_added_declares_nothing_at_any_depth():
    assert declaring_in({"a": [{"Model": "gpt-5"}]}) == "`Model`"
    assert declaring_in({"a": {"file_id": "file-1"}}) == "`file_id`"
    assert declaring_in({"a": ["see https://example.com"]}) == "a URL"
    assert declaring_in({"a": [1, True, "flex", {"b": 0.5}]}) is None


def _members(*types):
    return {name for one in types for name in get_type_hints(one, include_extras=True)} - {"betas"}


SDK_TYPES = {
    "chat_completions": [chat_create_params.CompletionCreateParamsNonStreaming],
    "completions": [completion_create_params.CompletionCreateParamsNonStreaming],
    "embeddings": [embedding_create_params.EmbeddingCreateParams],
    "images_generations": [image_generate_params.ImageGenerateParamsNonStreaming],
    "images_edits": [image_edit_params.ImageEditParamsNonStreaming],
    "audio_speech": [speech_create_params.SpeechCreateParams],
    "responses": [response_create_params.ResponseCreateParamsNonStreaming],
    "messages": [message_create_params.MessageCreateParamsNonStreaming],
    "responses_input_tokens": [input_token_count_params.InputTokenCountParams],
    "messages_count_tokens": [message_count_tokens_params.MessageCountTokensParams],
}
IN_HEADERS = {"user_profile_id", "workspace_id"}


@pytest.mark.parametrize("endpoint", SDK_TYPES)
def test_members_are_those_of_the_sdk(endpoint):
    assert _members(*SDK_TYPES[endpoint]) - IN_HEADERS - MEMBERS[endpoint] == set()
