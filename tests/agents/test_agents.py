"""Coding agents themselves, unchanged, through the gateway: what users of each see on each kind of provider.

A pair that no lane serves is skipped by name; a pair of which docs/clients.md says that it works has to work.
"""

import pytest

from tests.agents.clients import CLIENTS, Client
from tests.agents.results import CELL, TOOLS, works
from tests.agents.script import GREETING, NOTES

PROVIDERS = ("anthropic", "openai", "custom", "gemini")
WITH_TOOLS = [client for client in CLIENTS if client.tool]


EVERY_RUN = {"claude-code-messages", "codex-responses", "gemini-cli-generate_content", "opencode-chat_completions"}
"""What `.ci/run` drives through a loop of tools."""


def on_each_provider(clients, every_run=frozenset()):
    return pytest.mark.parametrize(
        ("client", "provider"),
        [
            pytest.param(
                client,
                provider,
                id=f"{client.id}-on-{provider}",
                marks=[pytest.mark.every_run] if client.id in every_run else (),
            )
            for client in clients
            for provider in PROVIDERS
        ],
    )


@pytest.fixture
def agent(scene, client: Client, provider: str, request, record_property, tmp_path):
    record_property(CELL, [client.id, provider, [request.function.__name__.removeprefix("test_")]])
    if not scene.serves(client.api, client.model, provider):
        assert not works(client, provider), f"docs/clients.md says that {client.id} works on {provider}"
        pytest.skip(f"no lane leads from {client.api} to {provider}")
    return scene.agent(client, provider, tmp_path)


@on_each_provider(CLIENTS)
def test_prompt(agent, scene, client, provider):
    said = agent.ask("Say pong.")

    assert (said.code, scene.provider.refusals) == (0, []), said.text
    assert GREETING in said.text


@on_each_provider(WITH_TOOLS, EVERY_RUN)
def test_tools(agent, scene, client, provider, record_property):
    said = agent.ask_of_note(0)
    record_property(TOOLS, sorted(scene.provider.offered))

    assert (said.code, scene.provider.refusals) == (0, []), said.text
    assert f"The note says {NOTES[0].word}." in said.text


@pytest.mark.every_run
@pytest.mark.parametrize("fallback", ["custom", "openai", "gemini"])
def test_claude_code_goes_on_through_a_fallback_and_back(scene, fallback, tmp_path):
    (claude_code,) = (client for client in CLIENTS if client.name == "claude-code")
    agent = scene.agent(claude_code, f"anthropic-then-{fallback}", tmp_path)
    for turn, note in enumerate(NOTES):
        is_down = turn == 1
        scene.provider.overloaded = {"/v1/messages"} if is_down else set()
        said = agent.ask_of_note(turn, *(claude_code.goes_on if turn else ()))

        assert (said.code, scene.provider.refusals) == (0, []), said.text
        assert f"The note says {note.word}." in said.text
        (*_, last) = scene.provider.server.requests
        assert ("/v1/messages" in last.request_line) is not is_down
