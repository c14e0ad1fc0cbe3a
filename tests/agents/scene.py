"""A gateway before a scripted provider, with a key for each kind of provider, and agents that run against it."""

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.agents.apis import Json
from tests.agents.clients import Client
from tests.agents.installed import path
from tests.agents.provider import ScriptedProvider
from tests.agents.script import NOTES
from tests.support.gateway import Gateway
from tests.support.keys import new_key

_PROVIDERS = """
version: 1
organization: acme
providers:
  anthropic: {{type: anthropic, api_key: "${{env:UPSTREAM_KEY}}", base_url: "{url}"}}
  openai: {{type: openai, api_key: "${{env:UPSTREAM_KEY}}", base_url: "{url}/v1"}}
  custom: {{type: custom, api_key: "${{env:UPSTREAM_KEY}}", base_url: "{url}/chat-only/v1", responses: false}}
  gemini: {{type: gemini, api_key: "${{env:UPSTREAM_KEY}}", base_url: "{url}"}}
virtual_keys:
"""
TARGETS: Mapping[str, tuple[str, ...]] = {
    "anthropic": ("anthropic/claude-sonnet-4-6",),
    "openai": ("openai/gpt-5",),
    "custom": ("custom/qwen3-coder",),
    "gemini": ("gemini/gemini-2.5-pro",),
    "anthropic-then-custom": ("anthropic/claude-sonnet-4-6", "custom/qwen3-coder"),
    "anthropic-then-openai": ("anthropic/claude-sonnet-4-6", "openai/gpt-5"),
    "anthropic-then-gemini": ("anthropic/claude-sonnet-4-6", "gemini/gemini-2.5-pro"),
}
"""The keys, each with what every name that an agent asks for leads to."""
_ASKED = (
    *("claude-sonnet-4-6", "claude-haiku-4-5-20251001", "claude-haiku-4-5"),
    *("gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4o"),
    *("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"),
)
_LONGEST_S = 100
_HELLO: Json = {"role": "user", "content": "hello"}
_SHORTEST: Mapping[str, tuple[str, Json]] = {
    "messages": ("/v1/messages", {"max_tokens": 16, "messages": [_HELLO]}),
    "chat_completions": ("/v1/chat/completions", {"messages": [_HELLO]}),
    "responses": ("/v1/responses", {"input": "hello"}),
    "generate_content": ("/v1beta/models/{model}:generateContent", {"contents": [{"parts": [{"text": "hello"}]}]}),
}
"""By API: where it is asked, and the least to ask."""


@dataclass(frozen=True)
class Said:
    """How a run of an agent ended, and what it printed."""

    code: int
    text: str


class Scene:
    """The gateway and the provider behind it."""

    def __init__(self, directory: Path) -> None:
        self.provider = ScriptedProvider()
        self._secrets: dict[str, str] = {}
        config = _PROVIDERS.format(url=self.provider.server.url)
        for name, targets in TARGETS.items():
            self._secrets[name], hashed = new_key()
            config += f"  {name}:\n    environment: test\n    secret_hash: {hashed}\n    model_aliases:\n"
            config += "".join(f"      {asked}: [{', '.join(targets)}]\n" for asked in _ASKED)
        self.gateway = Gateway(directory, config, env={"UPSTREAM_KEY": "sk-of-the-provider"})

    def close(self) -> None:
        self.gateway.stop()
        self.provider.server.close()

    @cache  # noqa: B019  a session has one scene
    def serves(self, api: str, model: str, target: str) -> bool:
        """Whether a lane leads from this API to that target, or is none needed."""
        path, body = _SHORTEST[api]
        asked = {"headers": {"authorization": f"Bearer {self._secrets[target]}"}, "json": {"model": model, **body}}
        return self.gateway.client.post(path.format(model=model), **asked).status_code not in (403, 404)

    def secret(self, target: str) -> str:
        """The key of a target."""
        return self._secrets[target]

    def agent(self, client: Client, target: str, home: Path) -> "Agent":
        """The agent, in a home of its own, with the key of that target; its own script begins.

        Skips where the agent is not installed.
        """
        found = client.installation.program(client.program)
        if found is None:
            pytest.skip(f"{client.name} {client.version} is not installed: python -m tests.agents {client.name}")
        work = home / "work"
        work.mkdir(parents=True)
        self.provider.begin([client.tool] if client.tool else [], str(work))
        return Agent(client, found, home, work, {"url": self.gateway.url, "key": self._secrets[target]})


class Agent:
    """One agent, set up."""

    def __init__(self, client: Client, executable: Path, home: Path, work: Path, filled: Mapping[str, str]) -> None:
        self.work = work
        self._client, self._program, self._home = client, executable, home
        self._filled = {**filled, "model": client.model, "home": str(home)}
        for name, text in client.files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(self._fill(text))

    def ask(self, prompt: str, *more: str) -> Said:
        """Runs it with one prompt to its end."""
        client = self._client
        if client.before:
            self._run(client.before, "")
        try:
            return self._run((*client.arguments, *more), prompt)
        finally:
            if client.after:
                self._run(client.after, "")

    def ask_of_note(self, number: int, *more: str) -> Said:
        """Asks for what stands in a note, which it has to read."""
        note = NOTES[number]
        (self.work / note.file).write_text(f"The word is {note.word}.\n")
        return self.ask(f"What does the note in {note.file} say?", *more)

    def _fill(self, text: str, prompt: str = "") -> str:
        for name, value in {**self._filled, "prompt": prompt}.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def _run(self, arguments: tuple[str, ...], prompt: str) -> Said:
        variables = {name: self._fill(value) for name, value in self._client.variables.items()}
        process = subprocess.Popen(
            [str(self._program), *(self._fill(one, prompt) for one in arguments)],
            cwd=self.work,
            env={"HOME": str(self._home), "PATH": path(), "LANG": "C.UTF-8", **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            printed, _ = process.communicate(timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            printed, _ = process.communicate()
        return Said(process.returncode, printed.decode(errors="replace"))
