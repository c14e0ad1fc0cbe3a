"""A shell in which a page's commands run one after another, as a reader types them.

`gateway` in it is a fork of the launcher's, since starting Python costs more than all that most commands do.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.support.launcher import Launched, launch

_LOOP = r"""
set -o pipefail -o errtrace
failed() { echo "$BASH_COMMAND" >> "$FAILED"; }
while read -r script <&8; do
  trap failed ERR
  . "$script" < /dev/null > "$script.out" 2>&1
  trap - ERR
  echo done >&9
done
"""

_COMMAND = """#!{python} -ESsI
import json, os, socket, stat, sys
if stat.S_ISFIFO(os.fstat(0).st_mode):
    os.execv("{python}", ["{python}", "-m", "gateway", *sys.argv[1:]])
asked = json.dumps(dict(arguments=sys.argv[1:], directory=os.getcwd(), env=dict(os.environ)))
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
    channel.connect("{channel}")
    socket.send_fds(channel, [asked.encode()], [1, 2])
    sys.exit(int(channel.recv(16)))
"""
_MOST = 2**17


class Shell:
    """Bash in a directory of its own; `close` ends all that was started in it."""

    def __init__(self, directory: Path, environment: dict[str, str]) -> None:
        self.directory = directory
        self._hidden = directory.parent / f"{directory.name}-shell"
        self._hidden.mkdir()
        self._commands = _Commands(self._hidden)
        self._failed = self._hidden / "failed"
        self._count = 0
        scripts, self._scripts = os.pipe()
        self._done, done = os.pipe()
        loop = f"exec 8<&{scripts} 9>&{done}\n{_LOOP}"
        path = f"{self._hidden}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-c", loop],
            cwd=directory,
            env={"HOME": str(directory), "LANG": "C.UTF-8", "PATH": path, "FAILED": str(self._failed), **environment},
            pass_fds=[scripts, done],
            start_new_session=True,
        )
        os.close(scripts)
        os.close(done)

    def run(self, text: str) -> str:
        """What these commands print.

        Raises:
            AssertionError: one of them failed.
        """
        self._count += 1
        script = self._hidden / f"script-{self._count}"
        script.write_text(text)
        os.write(self._scripts, f"{script}\n".encode())
        ended = os.read(self._done, 5)
        printed = self.printed()
        assert ended == b"done\n", f"the shell ended:\n{printed}"
        failed = self._failed.read_text() if self._failed.exists() else ""
        self._failed.unlink(missing_ok=True)
        assert not failed, f"failed: {failed}\n{printed}"
        return printed

    def printed(self) -> str:
        """What the last commands have printed, those in the background too."""
        return (self._hidden / f"script-{self._count}.out").read_text(errors="replace")

    def close(self) -> None:
        """Ends the shell and what runs in it."""
        self._commands.close()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._scripts)
        os.close(self._done)


class _Commands:
    """Starts `gateway` for the shell, and tells it how it ended."""

    def __init__(self, directory: Path) -> None:
        self._channels: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A path of a test may be longer than a socket's may be.
        name = f"\0docs-{os.getpid()}-{id(self)}"
        self._listener.bind(name)
        self._listener.listen()
        command = directory / "gateway"
        command.write_text(_COMMAND.format(python=sys.executable, channel=name.replace("\0", "\\0")))
        command.chmod(0o755)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for channel in self._channels:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RD)  # as if whoever started it was gone
        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                channel, _ = self._listener.accept()
                thread = threading.Thread(target=self._run, args=(channel,), daemon=True)
                self._channels.append(channel)
                self._threads.append(thread)
                thread.start()

    def _run(self, channel: socket.socket) -> None:
        message, files, _, _ = socket.recv_fds(channel, _MOST, 2)
        asked = json.loads(message)
        out, err = (os.fdopen(file, "wb") for file in files)
        with channel, out, err:
            process = launch(
                asked["arguments"], env=asked["env"], directory=Path(asked["directory"]), stdout=out, stderr=err
            )
            threading.Thread(target=self._end_with, args=(channel, process), daemon=True).start()
            code = process.wait(600)
            with suppress(OSError):
                channel.send(str(code).encode())

    @staticmethod
    def _end_with(channel: socket.socket, process: "Launched | subprocess.Popen[bytes]") -> None:
        """A command that is killed takes what it started with it."""
        with suppress(OSError):
            if not channel.recv(1):
                process.send_signal(signal.SIGTERM)


def wait_for_port(port: int, timeout: float = 60) -> bool:
    """Whether somebody listens there within that time."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return True
        time.sleep(0.05)
    return False
