"""What a command that serves does when it is told to end before it does serve."""

import signal
import sys
from typing import Final

_TOLD: Final = (signal.SIGTERM, signal.SIGINT)
"""As `gateway.listening.TOLD`, which takes as long to import as what these may interrupt."""


def stop_when_told() -> None:
    """Ends with 0 when told to, from now on, and takes down what was set up. The server replaces this with its own.

    By itself SIGTERM would kill, with what was set up left behind; the first process of a container it would not even
    reach.
    """
    for signum in _TOLD:
        signal.signal(signum, _stop)


def _stop(*_: object) -> None:
    for signum in _TOLD:
        signal.signal(signum, signal.SIG_IGN)  # it is stopping already
    sys.exit(0)
