"""The process's own log, on standard error, one line an event."""

import logging

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(level: str) -> None:
    """Sends every logger to standard error at `level` (`debug`, `info`, `warning`, `error`)."""
    logging.basicConfig(level=level.upper(), format=_FORMAT, force=True)


def granian_config(level: str) -> dict[str, object]:
    """The same for Granian, which configures its loggers itself, by `logging.config.dictConfig`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": _FORMAT}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain", "stream": "ext://sys.stderr"}},
        "loggers": {
            name: {"handlers": ["stderr"], "level": level.upper(), "propagate": False}
            for name in ("_granian", "granian.access")
        },
        "root": {"handlers": ["stderr"], "level": level.upper()},
    }
