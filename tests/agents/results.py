"""What clients were seen to do: `docs/clients.json`, written with `--write-results`, from which docs/clients.md has its tables."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import pytest

FILE = Path(__file__).parents[2] / "docs" / "clients.json"
CELL = "cell"
"""The property of a test that names its client, the provider behind it, and what is tried."""
TOOLS = "tools"
"""The property that names the tools that an agent offered to its model."""


class Described(Protocol):
    """What is told of a client beside what it was seen to do."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def api(self) -> str: ...
    @property
    def wants(self) -> str: ...


def works(client: Described, provider: str) -> bool:
    """Whether this pair was seen to work."""
    return bool(_written().get(client.id, {}).get("seen", {}).get(provider))


def _written() -> dict[str, Any]:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def _is_absent(report: pytest.TestReport) -> bool:
    """Whether the client was not there to be tried."""
    return report.skipped and "is not installed" in str(report.longrepr)


class Collected:
    """Collects what passed in a session; only what was tried in it replaces what the file says."""

    def __init__(self, clients: Iterable[Described]) -> None:
        self._clients = {client.id: client for client in clients}
        self._tried: dict[tuple[str, str], list[str]] = {}
        self._tools: dict[str, list[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        told = dict(report.user_properties)
        cell = told.get(CELL)
        if report.when == "teardown" or cell is None or report.failed or _is_absent(report):
            return
        client, provider, what = cell
        seen = self._tried.setdefault((client, provider), [])
        if report.when == "call" and report.passed:
            seen.extend(what)
            self._tools[client] = told.get(TOOLS) or self._tools.get(client, [])

    def pytest_sessionfinish(self) -> None:
        written = _written()
        for (client, provider), seen in sorted(self._tried.items()):
            row = written.setdefault(client, {"seen": {}})
            told = self._clients[client]
            row |= {name: getattr(told, name) for name in ("kind", "name", "version", "api", "wants")}
            row["seen"][provider] = sorted(seen)
            if self._tools.get(client):
                row["tools"] = self._tools[client]
        kept = {name: written[name] for name in sorted(written)}
        FILE.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
