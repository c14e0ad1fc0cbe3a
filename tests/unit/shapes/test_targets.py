"""What a lane has made becomes what its target takes, and what is lost is told."""

import pytest

from gateway.shapes.targets import fit, held_schema, most_output, stops_beside


@pytest.mark.parametrize(
    ("model", "most"),
    [
        ("gpt-4o-mini", 16_384),
        ("gpt-4o-2024-05-13", 4_096),
        ("gpt-4.1-nano", 32_768),
        ("gpt-4", 8_192),
        ("gpt-5-mini", 128_000),
        ("gpt-5-chat-latest", 16_384),
        ("openai/o3-mini", 100_000),
        ("my-o3-copy", None),
        ("claude-3-haiku-20240307", 4_096),
        ("eu.anthropic.claude-3-5-sonnet-20241022-v2:0", 8_192),
        ("claude-opus-4-1-20250805", 32_000),
        ("claude-opus-4-5-20251101", 64_000),
        ("claude-opus-4-8", None),
        ("claude-sonnet-4-5@20250929", 64_000),
        ("google/gemini-2.5-pro", 65_536),
        ("llama3.2", None),
    ],
)
def test_how_long_an_answer_may_be(model, most):
    assert most_output(model) == most


CASES = [
    ("custom", "chat_completions", "llama3.2", {"max_completion_tokens": 9, "reasoning_effort": "high"}, {"max_tokens": 9}, ["reasoning_effort"]),
    ("custom", "chat_completions", "openai/gpt-oss-20b", {"reasoning_effort": "high"}, {"reasoning_effort": "high"}, []),
    ("openai", "chat_completions", "gpt-4o", {"stop": ["a"], "max_completion_tokens": 32_000}, {"stop": ["a"], "max_completion_tokens": 16_384}, ["max_completion_tokens:max"]),
    ("custom", "chat_completions", "gpt-5", {"stop": ["a"]}, {"stop": ["a"]}, []),
    ("anthropic", "messages", "claude-3-haiku-20240307", {"max_tokens": 9000}, {"max_tokens": 4_096}, ["max_tokens:max"]),
    (
        "anthropic",
        "messages",
        "claude-opus-4-1",
        {"max_tokens": 90_000, "thinking": {"type": "enabled", "budget_tokens": 50_000}},
        {"max_tokens": 32_000, "thinking": {"type": "enabled", "budget_tokens": 16_000}},
        ["max_tokens:max", "thinking.budget_tokens:max"],
    ),
    ("openai", "responses", "gpt-4o", {"max_output_tokens": 99_999}, {"max_output_tokens": 16_384}, ["max_output_tokens:max"]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "endpoint", "model", "body", "after", "told"), CASES)
def test_a_target_gets_what_it_takes(kind, endpoint, model, body, after, told):
    body = dict(body)

    assert fit(kind, endpoint, model, body) == told
    assert body == after


@pytest.mark.parametrize(
    ("kind", "endpoint", "model", "is_cut"),
    [
        ("openai", "chat_completions", "gpt-5-mini", True),
        ("azure", "chat_completions", "o3-mini", True),
        ("openai", "chat_completions", "gpt-4o", False),
        ("custom", "chat_completions", "gpt-5", False),
        ("openai", "responses", "gpt-4o", True),
    ],
)
def test_texts_to_stop_at_are_taken_off_where_they_are_refused(kind, endpoint, model, is_cut):
    body = {"stop": ["a", ""]}

    assert stops_beside(kind, endpoint, model, body) == (("a",) if is_cut else ())
    assert body == ({} if is_cut else {"stop": ["a", ""]})
    assert stops_beside(kind, endpoint, model, {}) == ()


def test_tools_that_only_the_conversation_names_are_declared_and_not_called():
    turns = [{"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "look", "input": {}}]}]
    body = {"messages": turns}

    assert fit("anthropic", "messages", "claude-opus-4-8", body) == []
    assert body["tools"] == [{"name": "look", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


def test_what_claude_cannot_be_held_to_stands_in_descriptions():
    schema = {
        "type": "object",
        "additionalProperties": True,
        "properties": {
            "age": {"type": "integer", "minimum": 0, "maximum": 120, "description": "In years."},
            "tags": {"type": "array", "minItems": 1, "maxItems": 5, "items": {"type": "string", "minLength": 1}},
            "when": {"oneOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "week"}]},
            "minimum": {"$ref": "#/$defs/x"},
        },
        "$defs": {"x": {"type": "object", "properties": {}}},
        "required": ["age"],
    }
    before = str(schema)

    held, lost = held_schema(schema)

    assert held == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "age": {"type": "integer", "description": "In years.\n\n{minimum: 0, maximum: 120}"},
            "tags": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "description": "{minLength: 1}"},
                "description": "{maxItems: 5}",
            },
            "when": {
                "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "description": "{format: week}"}]
            },
            "minimum": {"$ref": "#/$defs/x"},
        },
        "$defs": {"x": {"type": "object", "properties": {}, "additionalProperties": False}},
        "required": ["age"],
    }
    assert sorted(lost) == ["additionalProperties", "format", "maxItems", "maximum", "minLength", "minimum"]
    assert str(schema) == before


def test_only_schemas_that_claude_is_held_to_change():
    loose = {"name": "a", "input_schema": {"type": "object", "maxProperties": 3}}
    strict = {"name": "b", "strict": True, "input_schema": {"type": "object", "maxProperties": 3}}
    body = {
        "tools": [loose, strict],
        "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
    }

    told = fit("anthropic", "messages", "claude-opus-4-8", body)

    assert body["tools"][0] == loose
    assert body["tools"][1]["input_schema"]["additionalProperties"] is False
    assert body["output_config"]["effort"] == "low"
    assert body["output_config"]["format"]["schema"] == {"type": "object", "additionalProperties": False}
    assert told == ["tools[1].input_schema.maxProperties"]
