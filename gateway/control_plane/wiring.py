"""Constructs what the control plane needs, from the options of its command."""

import os
from pathlib import Path
from typing import Any

import msgspec

from gateway.control_plane.app import create_app
from gateway.control_plane.database import Database
from gateway.control_plane.file_budgets import FileBudgets
from gateway.control_plane.services import Services
from gateway.storage.engine import open_engine
from gateway.storage.ready import check_ready


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How the control plane runs.

    Args:
        host: The address to listen on.
        port: The TCP port to listen on.
        database_url: With a password, perhaps: never shown.
        config: The files whose budgets are reported; none: no budgets are.
        tls_cert: PEM certificate chain; with `tls_key`, serves HTTPS.
        tls_key: PEM private key.
        log_level: How much the process says about itself.
    """

    host: str
    port: int
    database_url: str
    config: tuple[Path, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    log_level: str = "info"


def check(options: Options) -> None:
    """Everything that would keep the app from serving, before it starts.

    Raises:
        StorageError: The database cannot be used as it is.
        ValueError: The configuration cannot be read; one line per diagnostic.
    """
    engine = open_engine(options.database_url)
    try:
        check_ready(engine)
    finally:
        engine.dispose()
    _budgets(options)


def build(options: Options) -> Any:
    """The ASGI app of the serving process. Raises as `check`."""
    return create_app(Services(Database(open_engine(options.database_url)), _budgets(options)))


def _budgets(options: Options) -> FileBudgets | None:
    return FileBudgets(options.config, os.environ) if options.config else None
