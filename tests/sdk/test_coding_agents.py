"""Claude Code and Codex themselves, unchanged, where they are installed.

`npm install -g @anthropic-ai/claude-code @openai/codex` brings both. They see no account, no home and no network.
"""

import json
import os
import shutil
import subprocess

import pytest

from tests.contract.conftest import config
from tests.support.keys import SECRET

CODEX = """
model = "gpt-5-mini"
model_provider = "gateway"

[model_providers.gateway]
name = "Gateway"
base_url = "{url}/v1"
env_key = "GATEWAY_VIRTUAL_KEY"
wire_api = "responses"
"""


@pytest.fixture(scope="module")
def simulator(module_gateway):
    return module_gateway(
        config("http://127.0.0.1:1")
        .replace("gpt-5-mini: openai/", "gpt-5-mini: simulator/")
        .replace("claude: anthropic/claude-haiku-4-5", "claude-sonnet-4-6: simulator/claude-sonnet-4-6")
    )


@pytest.fixture(scope="module")
def translating(module_gateway, simulator):
    """A gateway whose only provider speaks OpenAI's API, so that all that Claude Code says is translated."""
    up = f'{{type: custom, base_url: "{simulator.url}/v1", api_key: "${{env:UP_KEY}}"}}'
    text = config("http://127.0.0.1:1").replace("simulator: {type: simulator}", f"other: {up}")
    text = text.replace("sim: simulator/gpt-5-mini", "sim: other/sim")
    return module_gateway(
        text.replace("claude: anthropic/claude-haiku-4-5", "claude-sonnet-4-6: other/gpt-5-mini"),
        env={"UP_KEY": SECRET},
    )


def run(directory, program, *arguments, **env):
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    env = {"HOME": str(directory), "PATH": os.environ["PATH"], **env}
    return subprocess.run(
        [path, *arguments],
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def claude(directory, url, prompt):
    return run(
        directory,
        "claude",
        *("-p", prompt, "--model", "claude-sonnet-4-6", "--output-format", "json"),
        ANTHROPIC_BASE_URL=url,
        ANTHROPIC_AUTH_TOKEN=SECRET,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
        DISABLE_AUTOUPDATER="1",
    )


@pytest.mark.parametrize("through", ["simulator", "translating"])
def test_claude_code(request, through, tmp_path):
    gateway = request.getfixturevalue(through)
    done = claude(tmp_path, gateway.url, "hello there")

    answer = json.loads(done.stdout)
    assert (done.returncode, answer["is_error"]) == (0, False)
    assert answer["usage"]["input_tokens"] > 0
    records = gateway.wait(gateway.records)
    assert {record["status"] for record in records} == {200}
    assert {record["body"] for record in records} == {"identical" if through == "simulator" else "translated"}


def test_codex(simulator, tmp_path):
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex" / "config.toml").write_text(CODEX.format(url=simulator.url))
    before = len(simulator.records())
    done = run(
        tmp_path,
        "codex",
        *("exec", "--skip-git-repo-check", "--sandbox", "read-only", "hello there"),
        GATEWAY_VIRTUAL_KEY=SECRET,
    )

    assert done.returncode == 0, done.stderr
    assert "This is the simulator. You said: hello there" in done.stdout
    record = simulator.wait(lambda: simulator.records()[before:])[-1]
    assert (record["endpoint"], record["status"], record["outcome"]) == ("responses", 200, "ok")
