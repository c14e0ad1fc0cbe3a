"""PostgreSQL servers of a test's own, which it may stop, restart, freeze and make read-only.

What they keep is safe from their own end, and not from a crash of the machine: no test makes one.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text

from gateway import ids
from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade
from tests.support.gateway import free_port

_UNSAFE = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB")
_MIGRATED = "migrated"


def _program(name: str) -> str:
    """Debian keeps them apart by version, and off the path."""
    places = [*sorted(str(one) for one in Path("/usr/lib/postgresql").glob("*/bin"))[::-1], os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install -y postgresql")
    return found


class Server:
    """A server on a free port, which knows a user `postgres` without a password."""

    def __init__(self) -> None:
        # It refuses to run as root, and its directory is its own.
        self._user = pwd.getpwnam("postgres").pw_uid if os.getuid() == 0 else os.getuid()
        self._directory = Path(tempfile.mkdtemp(prefix="postgresql-"))
        os.chown(self._directory, self._user, -1)
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        command = [_program("initdb"), "-D", str(self._directory), "-U", "postgres", "--auth=trust", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, user=self._user, cwd="/")

    @property
    def url(self) -> str:
        return self._url("postgres")

    def start(self) -> "Server":
        options = (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *_UNSAFE)
        command = [_program("postgres"), "-D", str(self._directory), *(word for one in options for word in ("-c", one))]
        with (self._directory / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(command, user=self._user, cwd="/", stdout=log, stderr=log)
        late = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < late, (self._directory / "log.txt").read_text()
            time.sleep(0.05)
        return self

    def database(self) -> str:
        """The URL of a new database with empty tables."""
        if not self.execute("SELECT 1 FROM pg_database WHERE datname = :name", name=_MIGRATED):
            self.execute(f"CREATE DATABASE {_MIGRATED}")
            engine = open_engine(self._url(_MIGRATED))
            upgrade(engine)
            engine.dispose()
        name = f"test_{ids.ulid().lower()}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {_MIGRATED}")
        url = self._url(name)
        self.execute("UPDATE control_plane_state SET lineage = :lineage", url, lineage=ids.ulid())
        return url

    def execute(self, statement: str, url: str | None = None, **values: str) -> list[object]:
        """What one statement finds, in the first of its columns."""
        engine = open_engine(url or self.url)
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("SET default_transaction_read_only = off"))
                found = connection.execute(text(statement), values)
                return [row[0] for row in found] if found.returns_rows else []
        finally:
            engine.dispose()

    def set_read_only(self, read_only: bool) -> None:
        self.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if read_only else 'off'}")
        self.execute("SELECT pg_reload_conf()")

    def freeze(self) -> None:
        """It takes connections, as the kernel does on its behalf, and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """At once: every connection ends."""
        if self._process is not None:
            self.thaw()
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._directory)

    def _signal(self, signum: int) -> None:
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        for one in (postmaster, *postmaster.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signum)

    def _answers(self) -> bool:
        with suppress(Exception):
            return bool(self.execute("SELECT 1"))
        return False

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"
