"""The real control plane process, watched from outside."""

import os
import signal
import time
from collections.abc import Collection
from pathlib import Path

import httpx

from gateway import clock
from gateway.control_plane import tokens
from gateway.control_plane.tokens import Scope
from gateway.storage.engine import open_engine, writing
from tests.support.gateway import NO_TLS, free_port, heard
from tests.support.launcher import launch

API = "/api/gateway/v1"


class ControlPlane:
    """`python -m gateway control-plane serve`; `stop` asserts that it went in peace."""

    def __init__(
        self,
        directory: Path,
        database_url: str,
        *arguments: str,
        port: int | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.database_url = database_url
        self._log = directory / "control-plane.log"
        self.port = port or free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")}
        command = ["control-plane", "serve", "--port", str(self.port), *arguments]
        with self._log.open("wb") as log:
            self.process = launch(
                [*command, "--database", database_url],
                stdout=log,
                stderr=log,
                env={**environment, "PYTHONWARNINGS": "ignore", "GATEWAY_DATA_DIR": str(directory), **(env or {})},
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, trust_env=False, verify=NO_TLS)
        self._wait_until_it_listens()

    def token(self, scope: str = "view", *, expires_at: int | None = None, owners: Collection[str] = ()) -> str:
        """A new token."""
        now = int(clock.now() * 1_000_000)
        engine = open_engine(self.database_url)
        with writing(engine) as connection:
            name = f"{scope} {now}"
            _, secret = tokens.create(connection, name, Scope(scope), now=now, expires_at=expires_at, owners=owners)
        engine.dispose()
        return secret.reveal()

    def token_id(self, token: str) -> str:
        """The id by which logs name a token."""
        engine = open_engine(self.database_url)
        with engine.connect() as connection:
            found = tokens.find(connection, token)
        engine.dispose()
        assert found is not None
        return found.id

    def revoke(self, token: str) -> None:
        """Ends a token."""
        id_ = self.token_id(token)
        engine = open_engine(self.database_url)
        with writing(engine) as connection:
            tokens.revoke(connection, id_, now=int(clock.now() * 1_000_000))
        engine.dispose()

    def get(self, path: str, token: str | None = None, **parameters: object) -> httpx.Response:
        """A GET under the API's prefix."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return self.client.get(API + path, params=parameters or None, headers=headers)

    def log(self) -> str:
        return self._log.read_text()

    def hears(self, said: str, timeout: float = 30) -> bool:
        """Whether the log says so; a thread writes it, which may be a moment later."""
        return heard(self.log, said, timeout)

    def stop(self) -> None:
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        assert code == 0, self.log()
        assert not [word for word in ("Traceback", "Killing") if word in self.log()], self.log()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            try:
                self.client.get("/healthz")
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
