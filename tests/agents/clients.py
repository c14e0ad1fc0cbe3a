"""Coding agents by name and version: how each is pointed at the gateway, and the tool with which it reads a file.

In files, variables and arguments `{url}` is the gateway's address, `{key}` the virtual key, `{model}` the model and
`{prompt}` what the agent is asked. An agent that speaks several APIs has a row for each.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.agents.installed import Installation
from tests.agents.script import Tool


@dataclass(frozen=True, kw_only=True)
class Client:
    """One agent on one API. `wants` tells users what to set; no `tool` means that the agent has no tool calls."""

    name: str
    package: str
    version: str
    program: str
    api: str
    model: str
    wants: str
    arguments: tuple[str, ...]
    tool: Tool | None
    variables: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    goes_on: tuple[str, ...] = ()
    """Arguments that continue the last conversation of the directory."""
    before: tuple[str, ...] = ()
    """Arguments of a run that sets the agent up."""
    after: tuple[str, ...] = ()
    """Arguments of a run that ends what the agent left running."""
    is_python: bool = False

    kind = "agent"

    @property
    def id(self) -> str:
        return f"{self.name}-{self.api}"

    @property
    def installation(self) -> Installation:
        package = f"{self.package}{'==' if self.is_python else '@'}{self.version}"
        return Installation(self.name, self.version, (package,), self.is_python)


_CODEX = """
model_provider = "gateway"
[model_providers.gateway]
name = "Gateway"
base_url = "{url}/v1"
env_key = "GATEWAY_VIRTUAL_KEY"
wire_api = "responses"
"""

_GEMINI_CLI = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "privacy": {"usageStatisticsEnabled": False},
    "general": {"enableAutoUpdate": False},
}


def _claude_code() -> Client:
    return Client(
        name="claude-code",
        package="@anthropic-ai/claude-code",
        version="2.1.332",
        program="claude",
        api="messages",
        model="claude-sonnet-4-6",
        wants="`ANTHROPIC_BASE_URL` without `/v1`, the key in `ANTHROPIC_AUTH_TOKEN`",
        variables={
            "ANTHROPIC_BASE_URL": "{url}",
            "ANTHROPIC_AUTH_TOKEN": "{key}",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        },
        arguments=("-p", "{prompt}", "--model", "{model}"),
        goes_on=("--continue",),
        tool=Tool("Read", {"file_path": "{file}"}),
    )


def _codex() -> Client:
    return Client(
        name="codex",
        package="@openai/codex",
        version="0.171.0",
        program="codex",
        api="responses",
        model="gpt-5",
        wants='`~/.codex/config.toml`: a provider with `base_url` with `/v1`, `env_key` and `wire_api = "responses"`',
        variables={"GATEWAY_VIRTUAL_KEY": "{key}"},
        files={".codex/config.toml": _CODEX},
        # A container has no sandbox of the kernel's to give; the scripted model asks for `cat` and nothing else.
        arguments=(
            *("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox"),
            *("-m", "{model}", "{prompt}"),
        ),
        tool=Tool("exec_command", {"cmd": "cat {file}"}),
    )


def _gemini_cli() -> Client:
    return Client(
        name="gemini-cli",
        package="@google/gemini-cli",
        version="0.61.0",
        program="gemini",
        api="generate_content",
        model="gemini-2.5-pro",
        wants="`GOOGLE_GEMINI_BASE_URL` without `/v1beta`, the key in `GEMINI_API_KEY`",
        variables={
            "GOOGLE_GEMINI_BASE_URL": "{url}",
            "GEMINI_API_KEY": "{key}",
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
        },
        files={".gemini/settings.json": json.dumps(_GEMINI_CLI)},
        arguments=("-m", "{model}", "--approval-mode", "yolo", "-p", "{prompt}"),
        tool=Tool("read_file", {"file_path": "{file}"}),
    )


def _opencode(api: str, package: str, model: str) -> Client:
    options = {"baseURL": "{url}/v1", "apiKey": "{env:GATEWAY_VIRTUAL_KEY}"}
    provider = {"npm": package, "name": "Gateway", "options": options, "models": {"{model}": {}}}
    return Client(
        name="opencode",
        package="opencode-ai",
        version="1.18.33",
        program="opencode",
        api=api,
        model=model,
        wants=f"`opencode.json`: a provider with `npm: {package}` and `options.baseURL` with `/v1`",
        variables={"GATEWAY_VIRTUAL_KEY": "{key}", "OPENCODE_DISABLE_MODELS_FETCH": "true"},
        files={
            ".config/opencode/opencode.json": json.dumps(
                {"autoupdate": False, "share": "disabled", "provider": {"gateway": provider}}
            )
        },
        arguments=("run", "-m", "gateway/{model}", "{prompt}"),
        tool=Tool("read", {"filePath": "{file}"}),
    )


def _qwen_code() -> Client:
    return Client(
        name="qwen-code",
        package="@qwen-code/qwen-code",
        version="0.24.4",
        program="qwen",
        api="chat_completions",
        model="gpt-5",
        wants="`OPENAI_BASE_URL` with `/v1`, the key in `OPENAI_API_KEY`",
        variables={
            "OPENAI_BASE_URL": "{url}/v1",
            "OPENAI_API_KEY": "{key}",
            "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1",
        },
        arguments=("--auth-type", "openai", "-m", "{model}", "--approval-mode", "yolo", "-p", "{prompt}"),
        tool=Tool("read_file", {"file_path": "{file}"}),
    )


def _pi(api: str, spelled: str, model: str, base_url: str) -> Client:
    provider = {"baseUrl": base_url, "api": spelled, "apiKey": "{key}", "models": [{"id": "{model}"}]}
    with_or_without = "with" if base_url.endswith("/v1") else "without"
    return Client(
        name="pi",
        package="@earendil-works/pi-coding-agent",
        version="1.6.0",
        program="pi",
        api=api,
        model=model,
        wants=f"`~/.pi/agent/models.json`: a provider with `api: {spelled}` and `baseUrl` {with_or_without} `/v1`",
        variables={"PI_OFFLINE": "1"},
        files={".pi/agent/models.json": json.dumps({"providers": {"gateway": provider}})},
        arguments=("-p", "--provider", "gateway", "--model", "{model}", "{prompt}"),
        tool=Tool("read", {"path": "{file}"}),
    )


def _cline(api: str, provider: str) -> Client:
    return Client(
        name="cline",
        package="cline",
        version="3.0.65",
        program="cline",
        api=api,
        model="gpt-5",
        wants=f"`cline auth -p {provider} -b` a base URL with `/v1`",
        before=("auth", "-p", provider, "-k", "{key}", "-m", "{model}", "-b", "{url}/v1"),
        arguments=("{prompt}",),
        after=("hub", "stop"),
        tool=Tool("run_commands", {"commands": ["cat {file}"]}),
    )


def _continue(api: str, provider: str, model: str) -> Client:
    file = f"""
name: gateway
version: 1.0.0
schema: v1
models:
  - name: gateway
    provider: {provider}
    model: {{model}}
    apiBase: {{url}}/v1
    apiKey: {{key}}
    roles: [chat]
    capabilities: [tool_use]
"""
    return Client(
        name="continue",
        package="@continuedev/cli",
        version="1.5.47",
        program="cn",
        api=api,
        model=model,
        wants=f"`config.yaml`: a model with `provider: {provider}` and `apiBase` with `/v1`",
        variables={"CONTINUE_TELEMETRY_ENABLED": "0"},
        files={"continue.yaml": file},
        arguments=("--config", "{home}/continue.yaml", "--auto", "-p", "{prompt}"),
        tool=Tool("Read", {"filepath": "{file}"}),
    )


def _aider(api: str, prefix: str, model: str, wants: str, variables: Mapping[str, str]) -> Client:
    return Client(
        name="aider",
        package="aider-chat",
        version="0.86.2",
        program="aider",
        api=api,
        model=model,
        wants=f"`--model {prefix}/MODEL`; {wants}",
        variables=variables,
        arguments=(
            *("--model", f"{prefix}/{{model}}", "--no-git", "--yes-always", "--no-check-update"),
            *("--analytics-disable", "--no-show-model-warnings", "--message", "{prompt}"),
        ),
        tool=None,
        is_python=True,
    )


_OPENAI_NAMED = "the base URL with `/v1` in `OPENAI_API_BASE`, the key in `OPENAI_API_KEY`"
_ANTHROPIC_NAMED = "the base URL without `/v1` in `ANTHROPIC_API_BASE`, the key in `ANTHROPIC_API_KEY`"

CLIENTS = (
    _claude_code(),
    _codex(),
    _gemini_cli(),
    _opencode("chat_completions", "@ai-sdk/openai-compatible", "gpt-5"),
    _opencode("responses", "@ai-sdk/openai", "gpt-5"),
    _opencode("messages", "@ai-sdk/anthropic", "claude-sonnet-4-6"),
    _qwen_code(),
    _pi("chat_completions", "openai-completions", "gpt-5", "{url}/v1"),
    _pi("responses", "openai-responses", "gpt-5", "{url}/v1"),
    _pi("messages", "anthropic-messages", "claude-sonnet-4-6", "{url}"),
    _cline("chat_completions", "openai"),
    _cline("responses", "openai-native"),
    _continue("chat_completions", "openai", "gpt-4o"),
    _continue("responses", "openai", "gpt-5"),
    _continue("messages", "anthropic", "claude-sonnet-4-6"),
    _aider(
        "chat_completions",
        "openai",
        "gpt-5",
        _OPENAI_NAMED,
        {"OPENAI_API_BASE": "{url}/v1", "OPENAI_API_KEY": "{key}"},
    ),
    _aider(
        "messages",
        "anthropic",
        "claude-sonnet-4-6",
        _ANTHROPIC_NAMED,
        {"ANTHROPIC_API_BASE": "{url}", "ANTHROPIC_API_KEY": "{key}"},
    ),
)
