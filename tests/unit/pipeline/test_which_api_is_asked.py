"""Which API a provider that speaks several is asked by."""

import pytest

from gateway.pipeline.resolve import lane_for
from gateway.shapes.endpoints import ENDPOINTS
from tests.unit.providers.test_provider_requests import provider


@pytest.mark.parametrize(
    ("type_", "section", "endpoint", "model", "spoken"),
    [
        ("openai", {}, "messages", "gpt-4o", "chat_completions"),
        ("openai", {}, "messages", "gpt-5", "chat_completions"),
        ("openai", {}, "messages", "gpt-5.4", "responses"),
        ("openai", {}, "messages", "gpt-6.1-sol", "responses"),
        ("openai", {}, "messages", "gpt-5-codex", "responses"),
        ("openai", {}, "messages", "o3-pro", "responses"),
        ("azure", {}, "messages", "gpt-5.6-sol", "responses"),
        ("custom", {}, "messages", "gpt-5.6-sol", "chat_completions"),
        ("openai", {}, "chat_completions", "gpt-5.6-sol", "chat_completions"),
        ("openai", {}, "responses", "gpt-4o", "responses"),
        ("custom", {}, "responses", "qwen3", "responses"),
        ("custom", {"responses": False}, "responses", "qwen3", "chat_completions"),
        ("anthropic", {}, "responses", "claude-sonnet-4-6", "messages"),
        ("gemini", {}, "messages", "gemini-3-pro-preview", "generate_content"),
        ("gemini", {}, "responses", "gemini-2.5-pro", "generate_content"),
        ("gemini", {}, "chat_completions", "gemini-2.5-pro", "chat_completions"),
        ("vertex", {}, "messages", "gemini-2.5-pro", "generate_content"),
        ("vertex", {}, "responses", "google/gemini-2.5-pro", "generate_content"),
        ("vertex", {}, "chat_completions", "gemini-2.5-pro", "chat_completions"),
        ("vertex", {}, "messages", "meta/llama-4", "chat_completions"),
        ("vertex", {}, "responses", "claude-sonnet-4-6", "messages"),
        ("vertex", {}, "generate_content", "gemini-2.5-pro", "generate_content"),
    ],
)
def test_which_api_is_asked(type_, section, endpoint, model, spoken):
    lane = lane_for(provider(type_, **section), ENDPOINTS[endpoint], model)

    assert lane.endpoint.name == spoken
    assert (lane.translation is None) == (endpoint == spoken)
