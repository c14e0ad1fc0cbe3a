"""A Python for programs that run `python -P -m gateway`: such a command is a fork, as those of `launcher` are."""

import json
import os
import socket
import sys
import sysconfig
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import launcher

_LONGEST = 2**17
_SOCKET = "TEST_QUICK_PYTHON"
_STARTS = f'''"""In a process that is to run the gateway: has the tests fork one, and ends as that does."""

import os
import sys

if "{_SOCKET}" in os.environ and sys.orig_argv[1:4] == ["-P", "-m", "gateway"]:
    import json
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as channel:
        channel.connect(os.environ.pop("{_SOCKET}"))
        asked = {{"arguments": sys.orig_argv[4:], "env": dict(os.environ), "directory": os.getcwd()}}
        socket.send_fds(channel, [json.dumps(asked).encode()], [1, 2])
        os._exit(int(channel.recv(16)))
'''


@dataclass(frozen=True)
class QuickPython:
    """A virtual environment of this Python, with what is installed here, and who forks the commands.

    Args:
        environment: Where it is made.
        variables: With these in a process's environment, and its children's, commands are forks.
    """

    environment: Path
    variables: Mapping[str, str] = field(init=False)
    _listening: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        packages = Path(sysconfig.get_path("purelib", vars={"base": str(self.environment)}))
        packages.mkdir(parents=True)
        (packages / "here.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
        (packages / "sitecustomize.py").write_text(_STARTS)
        python = Path(sys._base_executable)  # type: ignore[attr-defined] # what a virtual environment is made of
        (self.environment / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
        (self.environment / "bin").mkdir()
        (self.environment / "bin" / "python").symlink_to(python)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listening.bind(str(self.environment / "socket"))
        listening.listen()
        object.__setattr__(self, "_listening", listening)
        object.__setattr__(self, "variables", {_SOCKET: str(self.environment / "socket")})
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                channel, _ = self._listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._run, args=(channel,), daemon=True).start()

    def _run(self, channel: socket.socket) -> None:
        with channel:
            message, files, _, _ = socket.recv_fds(channel, _LONGEST, 2)
            asked = json.loads(message)
            with os.fdopen(files[0], "wb") as out, os.fdopen(files[1], "wb") as err:
                process = launcher.launch(
                    asked["arguments"],
                    env=asked["env"],
                    stdout=out,
                    stderr=err,
                    directory=Path(asked["directory"]),
                )
            channel.send(str(process.wait()).encode())
