"""A PgBouncer of a test's own (https://www.pgbouncer.org/config.html), before the PostgreSQL that tests use."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

_CONFIG = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {connections}
logfile = {log}
"""


class PgBouncer:
    """Shares few connections between many clients, each for one transaction at a time."""

    def __init__(self, directory: Path, database_url: str, connections: int = 3) -> None:
        if PROGRAM is None:
            pytest.skip("pgbouncer is not installed: apt-get install -y pgbouncer")
        self._database = make_url(database_url)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        users, log, config = (directory / name for name in ("users.txt", "pgbouncer.log", "pgbouncer.ini"))
        users.write_text(f'"{self._database.username}" "{self._database.password or ""}"\n')
        log.touch()
        config.write_text(
            _CONFIG.format(
                host=self._database.host or "127.0.0.1",
                port=self._database.port or 5432,
                own=self._port,
                users=users,
                log=log,
                connections=connections,
            )
        )
        command = [PROGRAM, str(config)]
        if os.getuid() == 0:
            # It refuses to run as root.
            nobody = pwd.getpwnam("nobody")
            for path in (directory, users, log, config):
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
            for above in directory.parents[:-2]:
                above.chmod(above.stat().st_mode | 0o011)
            command += ["-u", "nobody"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        late = time.monotonic() + 10
        while time.monotonic() < late:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(log.read_text())

    @property
    def url(self) -> str:
        """The same database, through it."""
        url: URL = self._database.set(host="127.0.0.1", port=self._port)
        return url.render_as_string(hide_password=False)

    def stop(self) -> None:
        """Ends it at once."""
        self._process.kill()
        self._process.wait()
