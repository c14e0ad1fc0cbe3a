"""Application frameworks, unchanged but for base URL and key: a prompt, a loop of tools, an object, a stream."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.agents.installed import path
from tests.agents.results import CELL, works
from tests.agents.script import GREETING, NOTES, Tool
from tests.agents.test_agents import PROVIDERS
from tests.frameworks.frameworks import FRAMEWORKS

_LONGEST_S = 200
_PROGRAMS = Path(__file__).parent / "programs"
EXPECTED = {
    "prompt": GREETING,
    "tools": f"The note says {NOTES[0].word}.",
    "object": NOTES[0].word,
    "stream": GREETING,
}


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda one: one.id)
def test_framework(framework, provider, scene, record_property, tmp_path):
    record_property(CELL, [framework.id, provider, sorted(framework.steps)])
    if not scene.serves(framework.api, framework.model, provider):
        assert not works(framework, provider), f"docs/clients.md says that {framework.id} works on {provider}"
        pytest.skip(f"no lane leads from {framework.api} to {provider}")
    (tmp_path / NOTES[0].file).write_text(f"The word is {NOTES[0].word}.\n")
    scene.provider.begin([Tool("read_note", {"file": "{file}"})], str(tmp_path))

    said = _run(framework, scene, provider, tmp_path)

    expected = {step: said_of(framework, step) for step in framework.steps}
    assert (said, scene.provider.refusals) == (expected, [])


def said_of(framework, step):
    """What a step says: Instructor's stream is one of an object."""
    return NOTES[0].word if framework.name == "instructor" else EXPECTED[step]


def _run(framework, scene, provider, home):
    """What each step said, or how it failed. The program runs where its modules are found, beside the packages."""
    installation = framework.installation
    executable = installation.program("python") if installation.is_python else shutil.which("node", path=path())
    if executable is None or not (installation.home / "installed").exists():
        pytest.skip(f"{framework.name} is not installed: python -m tests.frameworks {framework.name}")
    programs = installation.home / f"programs-{os.getpid()}"
    shutil.copytree(_PROGRAMS, programs, dirs_exist_ok=True)
    done = subprocess.run(
        [executable, str(programs / framework.program)],
        cwd=home,
        env={
            "HOME": str(home),
            "PATH": path(),
            "GATEWAY_URL": scene.gateway.url,
            "GATEWAY_KEY": scene.secret(provider),
            "GATEWAY_MODEL": framework.model,
            "GATEWAY_API": framework.api,
            "CREWAI_DISABLE_TELEMETRY": "true",
            "OTEL_SDK_DISABLED": "true",
            "HAYSTACK_TELEMETRY_ENABLED": "False",
            "MASTRA_TELEMETRY_DISABLED": "1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"step":')]
    said = {line["step"]: line.get("said", line.get("failed")) for line in lines}
    assert said, done.stderr
    return said
