"""The process's own log, on standard error, one event a line: JSON for machines, columns for people.

No line holds a credential: values that are secret cannot be printed at all (`gateway.secret`), and what looks like one
in a message or a traceback, a library's included, is hidden before the line is made.
"""

import logging
import sys
from typing import Any, Final, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from gateway.telemetry.redact import redact
from gateway.visible import visible_lines

Format = Literal["auto", "json", "pretty"]

_TALKATIVE: Final = ("watchfiles", "alembic", "httpx", "httpcore")
"""What tells of every file that changes beside the watched ones, of every look at a database, of every request."""
_GRANIAN: Final = ("_granian", "granian.access")


def configure(level: str, format_: Format = "auto") -> None:
    """Sends every logger to standard error at `level` (`debug`, `info`, `warning`, `error`)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter(format_))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


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
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
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
    """Whether what goes to a stream is for people."""
    return format_ == "pretty" or (format_ == "auto" and bool(stream.isatty()))


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


def _visible(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """JSON escapes by itself; a terminal would do as it is told. Tracebacks have lines of their own."""
    return {name: visible_lines(value) if isinstance(value, str) else value for name, value in event.items()}


def _redacted(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: redact(value) if isinstance(value, str) else value for name, value in event.items()}
