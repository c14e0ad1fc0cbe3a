"""The command line, called as its console script calls it."""

import io
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from gateway.cli.main import main

HASH = "hmac-sha256:" + "1" * 64
FILE = f"""# the file
version: 1
providers:
  sim: {{type: simulator, models: [gpt-5-mini]}} # built in

virtual_keys:
  # for people
  old:
    environment: test
    secret_hash: {HASH}
"""


class Done(NamedTuple):
    """What a command left behind."""

    code: object
    out: str
    err: str


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A valid file, in the current directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "gateway.yaml"
    path.write_text(FILE)
    return path


@pytest.fixture
def gateway(monkeypatch, capsys) -> Callable[..., Done]:
    """Runs `gateway ...` without any `GATEWAY_*` variable but those given."""
    for name in ("KEY_PEPPER", "CONFIG", "PORT", "CONTROL_PLANE_URL", "CONTROL_PLANE_TOKEN"):
        monkeypatch.delenv(f"GATEWAY_{name}", raising=False)
    for name in ("GITHUB_ACTIONS", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str, stdin: str = "", **environ: str) -> Done:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["gateway", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as stop:
            main()
        return Done(stop.value.code, *capsys.readouterr())

    return run
