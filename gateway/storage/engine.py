"""Connections: SQLite beside the gateway, or PostgreSQL; what each needs to be told, and whose fault a failure is.

SQLite runs in WAL mode, so that readers never wait for the one writer. Transactions that write take the write lock at
their start (`BEGIN IMMEDIATE`): one that first reads and then asks for it could be refused without any waiting.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import URL, make_url

from gateway import private_files

BUSY_TIMEOUT_S = 10.0
_WAL_PATIENCE_S = 10.0
_OLDEST_SQLITE: Final = (3, 24, 0)  # the first with upserts
_MS = 1000
_INTEGERS: Final = range(-(2**63), 2**63)
_POSTGRESQL_TIMEOUTS: Final = {
    # A server that vanished is noticed in seconds, not in the two hours of the kernel's defaults.
    "connect_timeout": "5",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "application_name": "gateway",
}
_BESIDE_SQLITE: Final = ("-wal", "-shm", "-journal")
"""https://www.sqlite.org/tempfiles.html"""
_EXAMPLES = "`sqlite:////var/lib/gateway/gateway.db` or `postgresql://user:password@host:5432/database`"


class StorageError(Exception):
    """The database cannot be used as configured. The message is for the operator and holds no secret."""


def default_database_url(data_directory: Path) -> str:
    """The URL of the SQLite database in `data_directory`, which is used where none is configured."""
    return URL.create("sqlite", database=str(data_directory.absolute() / "gateway.db")).render_as_string()


def open_engine(url: str, *, makes_directory: bool = True) -> Engine:
    """Makes the engine for `url` without connecting yet; the directory of an SQLite file is made unless told otherwise.

    `postgres://` and `postgresql://` mean the psycopg 3 driver.

    Raises:
        StorageError: The URL cannot be read, names another kind of database, or its driver is not installed.
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        if makes_directory:
            _make_directory(parsed)
        return _open_sqlite(parsed)
    return _open_postgresql(parsed)


@contextmanager
def writing(engine: Engine, *, lock_wait_s: float = BUSY_TIMEOUT_S) -> Iterator[Connection]:
    """One transaction that may write: committed at the end, durably, or rolled back when an exception leaves it.

    Args:
        engine: From `open_engine`.
        lock_wait_s: Seconds that SQLite waits for another process's transaction; PostgreSQL knows no such lock.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `is_unavailable` and `describe_failure`.
    """
    with engine.connect().execution_options(gateway_lock_wait_s=lock_wait_s) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that reads: all of its statements see the database as it was at the first one.

    PostgreSQL's default would let every statement see what was committed before it
    (https://www.postgresql.org/docs/current/transaction-iso.html); SQLite's WAL keeps a reader at one state by itself.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: See `is_unavailable` and `describe_failure`.
    """
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield connection


def is_unavailable(error: BaseException) -> bool:
    """Whether the same transaction may succeed later: the database is away, busy, full, or not yet migrated."""
    if isinstance(error, exc.StatementError):
        return isinstance(error, exc.DBAPIError) and not isinstance(error, (exc.DataError, exc.IntegrityError))
    return isinstance(error, exc.SQLAlchemyError)


def blames_a_value(error: exc.DataError) -> bool:
    """Whether a value of the statement is one that PostgreSQL has not; otherwise the statement itself is at fault.

    That is a text with a NUL, also within JSON, and an integer of more than 64 bits.
    """
    return _is_no_value(error.params)


def _is_no_value(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, int):
        return value not in _INTEGERS
    if isinstance(value, Mapping):
        return any(_is_no_value(one) for pair in value.items() for one in pair)
    if isinstance(value, Sequence):
        return any(map(_is_no_value, value))
    wrapped = getattr(value, "obj", None)  # psycopg's JSON
    return wrapped is not None and _is_no_value(wrapped)


def describe_failure(error: BaseException, engine: Engine) -> str:
    """One line on what went wrong: the driver's words without SQL, parameters or password."""
    said: Any = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    # What PostgreSQL adds to its first line may quote the statement and the data.
    said = getattr(getattr(said, "diag", None), "message_primary", None) or said
    text = " ".join(str(said).split()) or type(said).__name__
    password = engine.url.password
    return f"{describe_url(engine.url)}: {text.replace(password, '(sensitive)') if password else text}"


def describe_url(url: URL) -> str:
    """Where a database is, for messages: kind, host, port and name; never user, password or options."""
    if url.get_backend_name() == "sqlite":
        return f"SQLite database {url.database}"
    place = f"{url.host or 'the local socket'}{f':{url.port}' if url.port else ''}"
    return f"PostgreSQL database {url.database or ''} at {place}"


def _parse(url: str) -> URL:
    try:
        parsed = make_url(f"postgresql://{url.removeprefix('postgres://')}" if url.startswith("postgres://") else url)
    except (exc.ArgumentError, ValueError):
        # The parser's own words may quote a part of the password.
        raise StorageError(f"The database URL cannot be read; expected a URL such as {_EXAMPLES}.") from None
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if not parsed.database or parsed.database == ":memory:":
            raise StorageError("The database URL names no SQLite file; expected one such as " + _EXAMPLES + ".")
        return parsed
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return parsed.set(drivername="postgresql+psycopg")
    raise StorageError(f"Databases of the kind `{parsed.drivername}` are not supported; use {_EXAMPLES}.")


def _open_postgresql(url: URL) -> Engine:
    defaults = {name: value for name, value in _POSTGRESQL_TIMEOUTS.items() if name not in url.query}
    # A prepared statement is one server connection's, and PgBouncer gives each transaction any of them
    # (https://www.psycopg.org/psycopg3/docs/advanced/prepare.html).
    arguments: dict[str, Any] = {**defaults, "prepare_threshold": None}
    try:
        return create_engine(
            url,
            connect_args=arguments,
            pool_size=2,
            max_overflow=4,
            pool_pre_ping=True,
            hide_parameters=True,
            json_deserializer=_of_json,
        )
    except ImportError:
        raise StorageError(
            "PostgreSQL needs the driver `psycopg`; install it with "
            "`pip install 'declarative-llm-gateway[postgresql]'`, or `pip install '.[postgresql]'` in a checkout."
        ) from None


def _make_directory(url: URL) -> None:
    try:
        directory = Path(url.database or "").absolute().parent
        if not directory.is_dir():
            private_files.make_folder(directory)
    except OSError as problem:
        raise StorageError(f"The directory of the {describe_url(url)} cannot be made: {problem.strerror}.") from None


def _open_sqlite(url: URL) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_S},
        hide_parameters=True,
        json_serializer=_to_json,
        json_deserializer=_of_json,
    )
    library = engine.dialect.dbapi
    if library is not None and library.sqlite_version_info < _OLDEST_SQLITE:
        raise StorageError(f"SQLite {library.sqlite_version} is too old: 3.24 or later is needed.")
    event.listen(engine, "do_connect", _keep_private)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _of_json(text: str | bytes) -> Any:
    """PERF: a configuration has three such values for each key; msgspec takes a fifth of the time for the same one."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        # Half of a surrogate pair, which older versions may have kept.
        return json.loads(text)


def _keep_private(_dialect: object, _record: object, arguments: Sequence[str], _more: object) -> None:
    """Makes the file for its owner alone, or tightens it and what SQLite writes beside it with the mode of the file.

    Where a link has its name, SQLite would follow it.
    """
    file = Path(arguments[0])
    for beside in _BESIDE_SQLITE:
        private_files.tighten(file.with_name(file.name + beside))
    if file.is_symlink():
        raise sqlite3.OperationalError(private_files.IS_LINK)
    with suppress(OSError):  # it is there, or SQLite says what is wrong with it
        os.close(private_files.make_new(file))
    private_files.tighten(file)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, not where the driver guesses
    _enter_wal(connection)
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA foreign_keys=ON")
    # What a batch of the ledger changes should not leave memory before it is committed.
    connection.execute("PRAGMA cache_size=-16000")
    # Pages that batch after batch changes go into the database file once for all of them: 32 MiB of log in between.
    connection.execute("PRAGMA wal_autocheckpoint=8000")


def _enter_wal(connection: Any) -> None:
    """Switches the file to WAL once; SQLite does not wait by itself when several processes try it together."""
    deadline = time.monotonic() + _WAL_PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except Exception as problem:
            if "locked" not in str(problem) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    lock_wait_s = connection.get_execution_options().get("gateway_lock_wait_s")
    if lock_wait_s is None:
        connection.exec_driver_sql("BEGIN")
        return
    # NORMAL may lose the last commits when power is lost. Whoever writes here goes on to delete the spool or to tell
    # somebody that it is done, so a commit has to be on the disk.
    connection.exec_driver_sql("PRAGMA synchronous=FULL")
    connection.exec_driver_sql(f"PRAGMA busy_timeout={int(lock_wait_s * _MS)}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
