"""Databases for tests: SQLite files, and databases of their own on a real PostgreSQL server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, exc, text

from gateway import ids
from gateway.ledger.sums import SUMS
from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade

SERVER = os.environ.get("TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


@contextmanager
def postgresql_database() -> Iterator[str]:
    """The URL of an empty database that goes away afterwards."""
    server = open_engine(SERVER)
    name = f"test_{ids.ulid().lower()}"
    try:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
    except exc.SQLAlchemyError as problem:
        server.dispose()
        pytest.skip(f"no PostgreSQL at TEST_DATABASE_URL: {type(problem).__name__}")
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


BOTH = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.service)]


@pytest.fixture(scope="module", params=BOTH)
def module_database_url(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a migrated database that the tests of one module share."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('database')}/gateway.db"
        _upgrade(url)
        yield url
        return
    with postgresql_database() as url:
        _upgrade(url)
        yield url


@pytest.fixture(params=BOTH)
def empty_database_url(request, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    with postgresql_database() as url:
        yield url


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """The URL of a migrated database of the test's own."""
    _upgrade(empty_database_url)
    return empty_database_url


@pytest.fixture
def engine(module_database_url: str) -> Iterator[Engine]:
    """The module's database, with empty tables."""
    opened = open_engine(module_database_url)
    empty(opened)
    yield opened
    opened.dispose()


def empty(engine: Engine) -> None:
    """Deletes every row."""
    ledger = ("ledger_entries", *(table.name for table in SUMS))
    with engine.begin() as connection:
        tables = ("resources", "revoked_secrets", "changes", "applies", "audit_log", "gateway_nodes", "kept_answers")
        for table in (*ledger, "counter_nodes", "counter_states", "admin_tokens", *tables):
            connection.execute(text(f"DELETE FROM {table}"))  # noqa: S608 - named here
        connection.execute(text("UPDATE control_plane_state SET revision = 0, oldest_change = 0"))


def _upgrade(url: str) -> None:
    opened = open_engine(url)
    upgrade(opened)
    opened.dispose()
