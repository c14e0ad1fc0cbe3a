"""The real gateway process, started with a configuration and watched from outside."""

import json
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.keys import SECRET
from tests.support.launcher import launch
from tests.support.sqlite import migrated

METRICS_TOKEN = "token-of-the-operators"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP: the default reads every certificate authority, which takes longer than many a test."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def heard(log: Callable[[], str], said: str, timeout: float) -> bool:
    """Whether a log says so within that time."""
    deadline = time.monotonic() + timeout
    while said not in log():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Gateway:
    """`python -m gateway serve` with one file; `stop` asserts that it went in peace."""

    def __init__(
        self,
        directory: Path,
        config: str | None,
        *arguments: str,
        env: dict[str, str] | None = None,
        verify: str = "",
        port: int | None = None,
    ) -> None:
        self.directory = directory
        self.config = directory / "gateway.yaml"
        if config is not None:
            self.config.write_text(config)
            arguments = ("-c", str(self.config), *arguments)
        self.port = port or free_port()
        self.url = f"{'https' if verify else 'http'}://127.0.0.1:{self.port}"
        self._records = directory / "records.jsonl"
        self._log = directory / "log.txt"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        data = Path((env or {}).get("GATEWAY_DATA_DIR", directory / "data"))
        keeps_books_there = "GATEWAY_DATABASE_URL" not in (env or {}) and "--database" not in arguments
        if keeps_books_there and data.parent.is_dir() and not data.exists():
            data.mkdir(mode=0o700)
            migrated(data / "gateway.db")
        with self._records.open("wb") as records, self._log.open("wb") as log:
            self.process = launch(
                ["serve", "--port", str(self.port), *arguments],
                stdout=records,
                stderr=log,
                env={
                    **environment,
                    "PYTHONWARNINGS": "ignore",
                    "GATEWAY_DATA_DIR": str(data),
                    "GATEWAY_METRICS_TOKEN": METRICS_TOKEN,
                    **(env or {}),
                },
            )
        self.client = httpx.Client(
            base_url=self.url,
            timeout=30,
            headers={"authorization": f"Bearer {SECRET}"},
            trust_env=False,
            verify=ssl.create_default_context(cafile=verify) if verify else NO_TLS,
        )
        self._wait_until_ready()

    def post(self, body: Any, path: str = "/v1/chat/completions", **more: Any) -> httpx.Response:
        """A request with a JSON body; bytes go as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json", **more.pop("headers", {})}
        return self.client.post(path, content=content, headers=headers, **more)

    def chat(self, model: str = "gpt-5-mini", text: str = "hi", **more: Any) -> httpx.Response:
        """A chat completion."""
        return self.post({"model": model, "messages": [{"role": "user", "content": text}]}, **more)

    def worker_pid(self) -> int:
        """The process that serves, below the one that was started."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def readyz(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get("/readyz").json()
        return answer

    def metrics(self, accept: str = "*/*") -> str:
        """What an operator sees of `/metrics`."""
        headers = {"authorization": f"Bearer {METRICS_TOKEN}", "accept": accept}
        return self.client.get("/metrics", headers=headers).text

    def write_config(self, text: str) -> None:
        """Replaces the configuration as an editor does."""
        temporary = self.directory / ".gateway.yaml.swp"
        temporary.write_text(text)
        temporary.replace(self.config)

    def wait(self, condition: Any, timeout: float = 30) -> Any:
        """What the condition returns once it is true."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            time.sleep(0.02)
        raise AssertionError("the condition never came true\n" + self.log())

    def record(self, request_id: str) -> dict[str, Any]:
        """The decision record of a request, once it is written."""

        def find() -> dict[str, Any] | None:
            for line in self._records.read_text().splitlines():
                if request_id in line and line.endswith("}"):
                    found: dict[str, Any] = json.loads(line)
                    return found
            return None

        record: dict[str, Any] = self.wait(find)
        return record

    def record_of(self, answer: httpx.Response) -> dict[str, Any]:
        return self.record(answer.headers["x-langwatch-request-id"])

    def records(self) -> list[dict[str, Any]]:
        *lines, _half_written = self._records.read_text().split("\n")
        return [json.loads(line) for line in lines if line.endswith("}")]

    def log(self) -> str:
        return self._log.read_text()

    def hears(self, said: str, timeout: float = 30) -> bool:
        """Whether the log says so; a thread writes it, which may be a moment later."""
        return heard(self.log, said, timeout)

    def noted_at(self, said: str) -> datetime:
        """The moment of the log's first line that says so."""
        line = next(line for line in self.log().splitlines() if said in line)
        return datetime.fromisoformat(json.loads(line)["time"])

    def stop(self, timeout: float = 20) -> None:
        self.client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        assert code == 0, self.log()
        assert "Traceback" not in self.log(), self.log()

    def kill(self) -> None:
        """Ends it in the midst of whatever it does; to `stop` that is peace enough."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        self.process.returncode = 0
        # A worker whose parent is gone goes by itself, but writes its records until then.
        for worker in family:
            with suppress(psutil.NoSuchProcess):
                worker.kill()
        psutil.wait_procs(family, 10)

    def _wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.log()
            try:
                return self.client.get("/readyz").status_code == 200
            except httpx.HTTPError:
                return False

        self.wait(ready, 30)
