"""A port that somebody else has: one line that says so."""

import os
import socket
from pathlib import Path

import pytest

from tests.support import launcher
from tests.support.sqlite import migrated

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "command", [("serve", "--config", str(ROOT / "examples" / "gateway.yaml")), ("control-plane", "serve")]
)
def test_a_port_that_is_taken(tmp_path, command):
    environment = {**os.environ, "GATEWAY_DATA_DIR": str(tmp_path)}
    migrated(tmp_path / "gateway.db")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = launcher.run(
            [*command, "--port", str(port)],
            env=environment,
        )

    assert done.returncode == 1
    assert f"127.0.0.1 port {port} cannot be listened on: " in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "stack backtrace" not in (done.stdout + done.stderr).lower()


def test_a_port_that_another_gateway_has(start_gateway, tmp_path):
    """Their workers would share it: each would answer a part of the requests, by its own rules."""
    example = str(ROOT / "examples" / "gateway.yaml")
    first = start_gateway(None, "-c", example)
    done = launcher.run(
        ["serve", "-c", example, "--port", str(first.port)],
        env={**os.environ, "GATEWAY_DATA_DIR": str(tmp_path / "second")},
    )

    assert done.returncode == 1
    assert f"127.0.0.1 port {first.port} cannot be listened on: Address already in use" in done.stdout + done.stderr


UNSERVABLE = {
    "certificate without key": (("--tls-cert", "cert.pem"), "belong together"),
    "key without certificate": (("--tls-key", "key.pem"), "belong together"),
    "files that are not there": (("--tls-cert", "cert.pem", "--tls-key", "key.pem"), "No such file"),
    "no address": (("--host", "gateway.example"), "no IP address to listen on"),
}


@pytest.mark.parametrize(("arguments", "says"), UNSERVABLE.values(), ids=UNSERVABLE.keys())
def test_an_address_or_a_certificate_that_cannot_be_served(tmp_path, arguments, says):
    done = launcher.run(
        ["serve", "-c", str(ROOT / "examples" / "gateway.yaml"), *arguments],
        env={**os.environ, "GATEWAY_DATA_DIR": str(tmp_path)},
        directory=tmp_path,
    )

    assert done.returncode == 1
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
