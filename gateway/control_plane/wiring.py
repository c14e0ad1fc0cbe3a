"""Constructs what the control plane needs, from the options of its command."""

import gc
import os
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr
from sqlalchemy import Engine

from gateway.control_plane.app import create_app
from gateway.control_plane.console.app import create_console
from gateway.control_plane.database import Database
from gateway.control_plane.encryption import Vault, open_vault
from gateway.control_plane.file_budgets import FileBudgets
from gateway.control_plane.minting import Minter
from gateway.control_plane.news import News
from gateway.control_plane.services import Services
from gateway.control_plane.tokens import Scope, Token
from gateway.ledger.prune_task import PruneTask
from gateway.listening import before_the_end
from gateway.storage.engine import open_engine
from gateway.storage.ready import check_ready
from gateway.telemetry import logs
from gateway.telemetry.access_log import Network


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
        log_format: How its lines look.
        encryption_keys: What secrets are encrypted under; `None`: the key file beside an SQLite database.
        key_pepper: What virtual keys are hashed under; without it only `test` keys can be minted.
        metrics_token: Who sends it sees `/metrics`; without it nobody does.
        node: How lines of the access log name this process.
        access_log: Which requests have a line, as `GATEWAY_ACCESS_LOG` says.
        trusted_proxies: Whose `X-Forwarded-For` is believed.
        behind_tls: Something in front of it speaks TLS, so that the console's cookies are for TLS alone.
        name: How plans and the console call it.
        trace_url: Where the console finds a trace, with `{trace_id}` in it.
        ledger_retention: How many months requests are kept, by pruning the ledger beside; `None`: nothing is pruned.
    """

    host: str
    port: int
    database_url: str
    config: tuple[Path, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    log_level: str = "info"
    log_format: logs.Format = "auto"
    encryption_keys: SecretStr | None = None
    key_pepper: SecretStr | None = None
    metrics_token: SecretStr | None = None
    node: str = "control-plane"
    access_log: str = "off"
    trusted_proxies: tuple[Network, ...] = ()
    behind_tls: bool = False
    trace_url: str | None = None
    name: str | None = None
    ledger_retention: int | None = None


def check(options: Options) -> None:
    """Everything that would keep the app from serving, before it starts.

    Raises:
        StorageError: The database cannot be used as it is.
        EncryptionError: The encryption keys cannot be used.
        ValueError: The configuration cannot be read; one line per diagnostic.
    """
    engine = open_engine(options.database_url)
    try:
        check_ready(engine)
        _vault(options, engine)
    finally:
        engine.dispose()
    _budgets(options)


def build(options: Options) -> Any:
    """The ASGI app of the serving process. Raises as `check`."""
    engine = open_engine(options.database_url)
    # PERF: the client of Prometheus takes long to import, and who is in this process anyway is not watched.
    from gateway.control_plane.watched import Watched  # noqa: PLC0415 - see above

    watched = Watched(options)
    database = Database(engine, watched.metrics)
    news = News(database)
    services = Services(
        database,
        _budgets(options),
        _vault(options, engine),
        Minter(options.key_pepper.get_secret_value() if options.key_pepper is not None else None),
        news,
        options.name,
        PruneTask(engine, options.ledger_retention),
    )
    before_the_end(news.dismiss)
    # PERF: a plan of many thousand resources lives until it is told, and leaves hardly any cycles behind.
    gc.set_threshold(50_000, 20, 50)
    secure = options.tls_cert is not None or options.behind_tls
    console = create_console(services, secure=secure, trace_url=options.trace_url)
    return watched.around(create_app(services), console, database)


def build_in_process(
    engine: Engine, encryption_keys: SecretStr | None, key_pepper: SecretStr | None, caller: str, name: str | None
) -> Any:
    """The same API for a caller in this process, who has the database anyway. Raises `EncryptionError`."""
    vault = open_vault(encryption_keys.get_secret_value() if encryption_keys is not None else None, engine)
    mint = Minter(key_pepper.get_secret_value() if key_pepper is not None else None)
    trusted = Token(id="in-process", name=caller, scope=Scope.ADMIN, created_at=0)
    return create_app(Services(Database(engine), None, vault, mint, name=name), trusted)


def _vault(options: Options, engine: Engine) -> Vault:
    return open_vault(
        options.encryption_keys.get_secret_value() if options.encryption_keys is not None else None, engine
    )


def _budgets(options: Options) -> FileBudgets | None:
    return FileBudgets(options.config, os.environ) if options.config else None
