"""The process's own log, on standard error, one event a line: JSON for machines, columns for people.

No line holds a credential: values that are secret cannot be printed at all (`gateway.secret`), and what looks like one
in a message or a traceback, a library's included, is hidden before the line is made.

Standard error as a whole is written by a thread, what Python itself and libraries print there included: a log that
nobody reads holds nothing up.
"""

import atexit
import io
import logging
import os
import sys
import threading
from multiprocessing.util import Finalize
from types import TracebackType
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.telemetry.line_writer import LineWriter
from gateway.telemetry.redact import redact
from gateway.visible import visible_lines

Format = Literal["auto", "json", "pretty"]

_TALKATIVE: Final = ("watchfiles", "alembic", "httpx", "httpcore")
"""What tells of every file that changes beside the watched ones, of every look at a database, of every request."""
_GRANIAN: Final = ("_granian", "granian.access")
_MOST_BYTES: Final = 4 * 1024 * 1024
_FAREWELL_S: Final = 1.0

_log = logging.getLogger(__name__)


class _Unhurried(io.RawIOBase):
    """Standard error as a file whose writes wait for nobody."""

    def __init__(self, lines: LineWriter, descriptor: int) -> None:
        super().__init__()
        self.lines = lines
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.lines.write(bytes(data))
        return len(data)

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


def _say_recovered(lost: int) -> None:
    _log.warning("%d lines of this log were dropped, since nothing took them from standard error", lost)


_stderr: LineWriter | None = None


def configure(level: str, format_: Format = "auto") -> None:
    """Sends every logger to standard error at `level` (`debug`, `info`, `warning`, `error`), which waits for nobody."""
    _never_wait()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(format_))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    # What Python itself would print is a line as well.
    logging.captureWarnings(capture=True)
    sys.excepthook = _say_uncaught
    threading.excepthook = _say_uncaught_in_thread


def _say_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    _log.critical("nobody expected this", exc_info=(kind, error, trace))


def _say_uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and failed.exc_type is not SystemExit:
        _say_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)


def dropped() -> int:
    """How many lines of this process's log were lost."""
    return 0 if _stderr is None else _stderr.dropped


def set_level(level: str) -> None:
    """Changes how much is said from now on."""
    for name in ("", *_GRANIAN):
        logging.getLogger(name).setLevel(level.upper())


def formatter(format_: Format) -> logging.Formatter:
    """How a line looks; `auto` is pretty on a terminal and JSON elsewhere."""
    renderer: Processor = structlog.processors.JSONRenderer()
    shown: list[Processor] = []
    if is_pretty(format_, sys.stderr):
        shown.append(_visible)
        renderer = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # A traceback becomes text here, so that it is looked through as well.
            structlog.processors.format_exc_info,
            _redacted,
            *shown,
            renderer,
        ],
    )


def is_pretty(format_: Format, stream: Any) -> bool:
    """Whether what goes to a stream is for people; `None` is one that is closed."""
    return format_ == "pretty" or (format_ == "auto" and stream is not None and bool(stream.isatty()))


def granian_config(level: str, format_: Format = "auto") -> dict[str, object]:
    """The same for Granian, which configures its loggers itself, by `logging.config.dictConfig`."""
    loggers: dict[str, object] = {
        name: {"handlers": ["stderr"], "level": level.upper(), "propagate": False} for name in _GRANIAN
    }
    # One line for every chunk that a client did not wait for says nothing that the decision record does not.
    loggers["_granian.asgi.io"] = {"level": "WARNING"}
    loggers.update((name, {"level": "WARNING"}) for name in _TALKATIVE)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": "gateway.telemetry.logs.formatter", "format_": format_}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
        "loggers": loggers,
        "root": {"handlers": ["stderr"], "level": level.upper()},
    }


def _never_wait() -> None:
    """Has a thread write standard error, in this process and in those that are forked from it."""
    global _stderr  # noqa: PLW0603 - a process has one standard error
    if sys.stderr is None:
        return
    if _stderr is None:
        descriptor = sys.stderr.fileno()
        _stderr = LineWriter(descriptor, most_bytes=_MOST_BYTES, on_recovery=_say_recovered)
        sys.stderr = io.TextIOWrapper(
            _Unhurried(_stderr, descriptor), encoding="utf-8", errors="backslashreplace", line_buffering=True
        )
        os.register_at_fork(after_in_child=_stderr.begin_anew)
        atexit.register(_stderr.flush, _FAREWELL_S)
    # What `multiprocessing` forks runs these in place of those of `atexit`, and forgets those of its parent.
    Finalize(None, _stderr.flush, (_FAREWELL_S,), exitpriority=0)


def _visible(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """JSON escapes by itself; a terminal would do as it is told. Tracebacks have lines of their own."""
    return {name: visible_lines(value) if isinstance(value, str) else value for name, value in event.items()}


def _redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: redact(value) if isinstance(value, str) else value for name, value in event.items()}
