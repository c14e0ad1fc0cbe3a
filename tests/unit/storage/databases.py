"""Databases for tests: SQLite files, and databases of their own on a real PostgreSQL server."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, exc, make_url, text

from gateway import ids
from gateway.ledger.sums import SUMS
from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade
from tests.support.sqlite import migrated

SERVER = os.environ.get("TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


def fill(engine: Engine, dumps: Path) -> None:
    """Puts what was dumped into an empty database; `dumps` has a file for each kind of database."""
    dump = (dumps / f"{engine.dialect.name}.sql").read_text()
    if engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(engine.url.database))) as connection, connection:
            connection.executescript(dump)
    else:
        with engine.begin() as transaction:
            transaction.exec_driver_sql(dump)


_dropping: list[threading.Thread] = []


@contextmanager
def postgresql_database(template: str = "template1") -> Iterator[str]:
    """The URL of a copy of that database, by default of an empty one, that goes away afterwards."""
    server = open_engine(SERVER)
    name = f"test_{ids.ulid().lower()}"
    try:
        # No test makes the server itself crash, and none has to wait for its disk.
        _administer(
            server, f"CREATE DATABASE {name} TEMPLATE {template}", f"ALTER DATABASE {name} SET synchronous_commit = off"
        )
    except exc.SQLAlchemyError as problem:
        server.dispose()
        pytest.skip(f"no PostgreSQL at TEST_DATABASE_URL: {type(problem).__name__}")
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        # It takes a checkpoint of the whole server, which no test has to wait for.
        drop = threading.Thread(target=_administer, args=(server, f"DROP DATABASE {name} WITH (FORCE)"))
        drop.start()
        _dropping.append(drop)


def wait_until_dropped() -> None:
    """When the tests have ended, with the database that they shared."""
    _for_all.close()
    for drop in _dropping:
        drop.join()


def _administer(server: Engine, *statements: str) -> None:
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in statements:
            connection.execute(text(statement))
    server.dispose()


_for_all = ExitStack()


@cache
def shared_postgresql() -> str:
    """The URL of a migrated database that all tests of this process share."""
    url = _for_all.enter_context(postgresql_database())
    _upgrade(url)
    return url


@cache
def _migrated_postgresql() -> str:
    """The name of a migrated database that others are copies of, so nobody stays connected to it."""
    url = _for_all.enter_context(postgresql_database())
    _upgrade(url)
    return str(make_url(url).database)


BOTH = [pytest.param("sqlite"), pytest.param("postgresql", marks=pytest.mark.service)]


@pytest.fixture(scope="module", params=BOTH)
def module_database_url(request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a migrated database that the tests of one module share, with empty tables."""
    if request.param == "sqlite":
        yield migrated(tmp_path_factory.mktemp("database") / "gateway.db")
        return
    opened = open_engine(shared_postgresql())
    empty(opened)
    opened.dispose()
    yield shared_postgresql()


@pytest.fixture(params=BOTH)
def empty_database_url(request, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    with postgresql_database() as url:
        yield url


@pytest.fixture(params=BOTH)
def database_url(request, tmp_path: Path) -> Iterator[str]:
    """The URL of a migrated database of the test's own."""
    if request.param == "sqlite":
        yield migrated(tmp_path / "migrated.db")
        return
    with postgresql_database(_migrated_postgresql()) as url:
        engine = open_engine(url)
        with engine.begin() as transaction:
            transaction.execute(text("UPDATE control_plane_state SET lineage = :own"), {"own": ids.ulid()})
        engine.dispose()
        yield url


@pytest.fixture(scope="module")
def module_engine(module_database_url: str) -> Iterator[Engine]:
    """One for all tests of a module: another one would compile each statement again."""
    opened = open_engine(module_database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def engine(module_engine: Engine) -> Engine:
    """The module's database, with empty tables. Whoever listens to its events opens an engine of its own."""
    empty(module_engine)
    return module_engine


_KEPT = (
    "ledger_entries",
    *(table.name for table in SUMS),
    "counter_nodes",
    "counter_states",
    "admin_tokens",
    "resources",
    "revoked_secrets",
    "changes",
    "applies",
    "audit_log",
    "gateway_nodes",
    "kept_answers",
    "revisions",
    "identities",
    "key_peppers",
    "removed_keys",
    "replaced_secrets",
    "minted_secrets",
    "confined_owners",
    "settled_until",
    "stored_objects",
)
_EMPTYING = (
    *(f"DELETE FROM {table}" for table in _KEPT),  # noqa: S608 - named here
    "UPDATE control_plane_state SET revision = 0, oldest_change = 0",
    "UPDATE ledger_retention SET pruned_before = 0, holder = '', held_until = 0",
)


def empty(engine: Engine) -> None:
    """Deletes every row."""
    with engine.begin() as connection:
        # PostgreSQL takes them in one round trip, and SQLite one by one.
        for statement in ("; ".join(_EMPTYING),) if engine.dialect.name == "postgresql" else _EMPTYING:
            connection.exec_driver_sql(statement)


def _upgrade(url: str) -> None:
    opened = open_engine(url)
    upgrade(opened)
    opened.dispose()
