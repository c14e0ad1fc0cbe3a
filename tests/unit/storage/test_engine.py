"""Connections to SQLite and PostgreSQL."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import JSON, Column, MetaData, Table, exc, select, text

from gateway.storage.engine import (
    StorageError,
    default_database_url,
    describe_failure,
    is_unavailable,
    open_engine,
    writing,
)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "mysql://u:hunter2@h/d",
        "postgresql+asyncpg://u:hunter2@h/d",
        "postgresql://u:hunter2@h:hunter2/d",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_password(url):
    with pytest.raises(StorageError) as raised:
        open_engine(url)

    assert "hunter2" not in str(raised.value)
    assert "postgresql://user:password@host:5432/database" in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_missing_driver_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(StorageError, match=r"pip install 'declarative-llm-gateway\[postgresql\]'"):
        open_engine("postgresql://u:hunter2@h/d")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_usual_spellings_of_postgresql_mean_psycopg(scheme):
    assert open_engine(f"{scheme}://u:p@h/d").url.drivername == "postgresql+psycopg"


def test_a_failure_is_described_without_secret():
    engine = open_engine("postgresql://someone:hunter2@127.0.0.1:1/spend")

    with pytest.raises(exc.OperationalError) as raised, engine.connect():
        pass

    said = describe_failure(raised.value, engine)
    assert said.startswith("PostgreSQL database spend at 127.0.0.1:1: ")
    assert "hunter2" not in said
    assert "\n" not in said
    assert describe_failure(ValueError("hunter2 is wrong"), engine).endswith("(sensitive) is wrong")
    assert is_unavailable(raised.value)


def test_the_default_is_a_file_in_the_data_directory(tmp_path: Path):
    directory = tmp_path / "new" / "data"

    engine = open_engine(default_database_url(directory))

    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    assert (directory / "gateway.db").exists()
    engine.dispose()


def test_a_directory_that_cannot_be_made_is_an_error_for_the_operator(tmp_path: Path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StorageError, match="cannot be made"):
        open_engine(f"sqlite:///{tmp_path}/file/below/gateway.db")


def test_sqlite_is_set_up_for_one_writer_and_many_readers(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")

    with engine.connect() as connection:
        pragmas = {
            name: connection.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }

    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 1, "busy_timeout": 10_000}
    engine.dispose()


def test_a_transaction_that_writes_is_whole_or_not_there(empty_database_url):
    engine = open_engine(empty_database_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE things (name text)"))

    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.execute(text("INSERT INTO things VALUES ('lost')"))
        raise ZeroDivisionError

    with writing(engine) as connection:
        connection.execute(text("INSERT INTO things VALUES ('kept')"))
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT name FROM things")).all() == ["kept"]
    engine.dispose()


def test_a_transaction_that_writes_holds_sqlites_lock_from_its_start(tmp_path: Path):
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")

    with writing(engine), pytest.raises(exc.OperationalError, match="locked"), writing(engine, lock_wait_s=0.05):
        pass

    with engine.connect() as reader:
        assert reader.scalar(text("SELECT 1")) == 1
    engine.dispose()


@pytest.mark.parametrize(
    "kept", ['{"a": "\\ud800"}', '{"a": 123456789012345678901234567890}', '{"a": [1.5, null, "x"]}']
)
def test_what_any_version_kept_as_json_is_read(tmp_path, kept):
    engine = open_engine(f"sqlite:///{tmp_path / 'x.db'}")
    table = Table("t", MetaData(), Column("value", JSON))
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE t (value JSON)"))
        connection.execute(text("INSERT INTO t VALUES (:kept)"), {"kept": kept})

        assert connection.scalar(select(table.c.value)) == json.loads(kept)
    engine.dispose()


def test_a_further_connection_takes_no_lock_from_those_before(tmp_path):
    """A process loses its locks on a file when it closes any descriptor of it (https://sqlite.org/howtocorrupt.html)."""
    file = tmp_path / "gateway.db"
    engine = open_engine(f"sqlite:///{file}")
    writes = f"import sqlite3; sqlite3.connect({str(file)!r}, timeout=0).execute('BEGIN IMMEDIATE')"

    with writing(engine) as holds, engine.connect() as further:
        holds.execute(text("CREATE TABLE mine (number integer)"))
        assert further.execute(text("SELECT 1")).scalar() == 1
        other = subprocess.run([sys.executable, "-c", writes], capture_output=True, text=True, check=False)

    assert "database is locked" in other.stderr
    engine.dispose()
