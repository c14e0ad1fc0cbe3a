"""A port that somebody else has: one line that says so."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command", [("serve", "--config", str(ROOT / "examples" / "gateway.yaml")), ("control-plane", "serve")]
)
def test_a_port_that_is_taken(tmp_path, command):
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    subprocess.run([sys.executable, "-m", "gateway", "db", "upgrade"], env=environment, capture_output=True, check=True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *command, "--port", str(port)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert done.returncode == 1
    assert f"127.0.0.1 port {port} cannot be listened on: " in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "stack backtrace" not in (done.stdout + done.stderr).lower()
