"""Serving until told to stop, and what is said where an address cannot be listened on."""

import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from granian.server.mp import MPServer

_log = logging.getLogger(__name__)


def serve(server: MPServer, load: Callable[[], Any]) -> int:
    """Serves what `load` makes in each worker; returns the exit code."""
    os.register_at_fork(after_in_child=_end_when_told)
    try:
        server.serve(target_loader=load, wrap_loader=False)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 1
    except RuntimeError as problem:
        # Granian's words, with a stack trace behind the first line: the address is taken or is not this machine's.
        reason = str(problem).split("\n", 1)[0]
        _log.error("%s port %d cannot be listened on: %s", server.bind_addr, server.bind_port, reason)
        return 1
    return 0


def _end_when_told() -> None:
    """A worker is a fork, with its parent's handlers until it serves and has its own.

    Until then it has nothing to finish, so it ends when its parent tells it to, and leaves what a terminal sends to
    every process of the group to its parent.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
