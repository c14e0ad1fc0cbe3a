"""A real Prometheus that scrapes what a test gives it."""

import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.support.gateway import free_port


class Prometheus:
    """`prometheus` over a directory, until `close`."""

    def __init__(self, binary: str, directory: Path, scrapes: list[dict[str, Any]]) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        configuration = directory / "prometheus.yml"
        configuration.write_text(
            yaml.safe_dump(
                {"global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"}, "scrape_configs": scrapes}
            )
        )
        self._process = subprocess.Popen(
            [
                binary,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={directory / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--log.level=error",
            ]
        )
        self._client = httpx.Client(base_url=self.url)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query. Raises `AssertionError` where Prometheus cannot read it."""
        answer = self._client.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def wait_for(self, expression: str, timeout_s: float = 60) -> list[dict[str, Any]]:
        """The same, as soon as there is any."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                if self._client.get("/-/ready").is_success and (found := self.query(expression)):
                    return found
            except httpx.TransportError:
                pass  # it starts
            time.sleep(0.2)
        raise AssertionError(f"{expression}: no data")

    def close(self) -> None:
        self._client.close()
        self._process.terminate()
        self._process.wait(20)
