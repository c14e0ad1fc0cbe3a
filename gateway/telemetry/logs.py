"""The process's own log, on standard error, one line an event."""

import logging

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_TALKATIVE = ("watchfiles", "alembic", "httpx", "httpcore")
"""What tells of every file that changes beside the watched ones, of every look at a database, of every request."""


def configure(level: str) -> None:
    """Sends every logger to standard error at `level` (`debug`, `info`, `warning`, `error`)."""
    logging.basicConfig(level=level.upper(), format=_FORMAT, force=True)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def granian_config(level: str) -> dict[str, object]:
    """The same for Granian, which configures its loggers itself, by `logging.config.dictConfig`."""
    loggers: dict[str, object] = {
        name: {"handlers": ["stderr"], "level": level.upper(), "propagate": False}
        for name in ("_granian", "granian.access")
    }
    # One line for every chunk that a client did not wait for says nothing that the decision record does not.
    loggers["_granian.asgi.io"] = {"level": "WARNING"}
    loggers.update((name, {"level": "WARNING"}) for name in _TALKATIVE)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": _FORMAT}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
        "loggers": loggers,
        "root": {"handlers": ["stderr"], "level": level.upper()},
    }
