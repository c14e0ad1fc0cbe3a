"""Redis servers of a test's own, which it may stop, restart, freeze and empty."""

import shutil
import signal
import socket
import subprocess
import time

import pytest


class Server:
    """A Redis server of the test's own, on a free port."""

    def __init__(self, directory, *options):
        if shutil.which("redis-server") is None:
            pytest.skip("redis-server is not installed")
        self.port = 65_535
        while self.port > 55_000:  # the bus of a cluster takes the port 10,000 above
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._command = ["redis-server", "--port", str(self.port), "--save", "", "--dir", str(directory), *options]
        self._process = None

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        late = time.monotonic() + 10
        while time.monotonic() < late:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        raise AssertionError("redis-server did not start")

    def stop(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self):
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)
