"""Brings a database to the newest revision; several processes may try at once.

Alembic is imported for an upgrade alone: every command that opens a database asks which revision it has.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, column, exc, inspect, select, table, text

from gateway.storage.engine import StorageError, describe_failure, describe_url, writing

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_REVISION: Final = re.compile(r'^revision = "(\w+)"\ndown_revision = (?:"(\w+)"|None)$', re.MULTILINE)
_KEPT: Final = table("alembic_version", column("version_num"))
_LOCK_WAIT_S = 300.0
_ADVISORY_LOCK = 0x6C6C6D_67617465
"""Any number that no other program of the same database uses as an advisory lock: `llmgate` in ASCII."""


def upgrade(engine: Engine) -> bool:
    """Runs the revisions that the database lacks, in one transaction, and says whether there were any.

    1. the write lock of SQLite, or an advisory lock of PostgreSQL, is waited for: one process migrates, the others wait
    2. the revision is read under the lock, so whoever waited finds nothing left to do
    3. the missing revisions run; a failure leaves the database as it was

    Raises:
        StorageError: The database does not answer, refuses a statement, or was made by a newer gateway.
    """
    from alembic import command  # noqa: PLC0415 - see above

    try:
        with _alone(engine) as connection:
            current = _revision_of(connection)
            if current == head_revision():
                return False
            if current is not None and current not in _known_revisions():
                raise StorageError(
                    f"{describe_url(engine.url)} has revision {current}, which this gateway does not know: "
                    "a newer gateway made it."
                )
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return True
    except exc.SQLAlchemyError as problem:
        raise StorageError(describe_failure(problem, engine)) from None


def current_revision(engine: Engine) -> str | None:
    """The revision that the database has; `None` for one without our tables.

    Raises:
        StorageError: The database does not answer.
    """
    try:
        with engine.connect() as connection:
            return _revision_of(connection)
    except exc.SQLAlchemyError as problem:
        raise StorageError(describe_failure(problem, engine)) from None


def head_revision() -> str:
    """The revision that this gateway works with."""
    known = _known_revisions()
    (head,) = known.keys() - known.values()
    return head


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    with writing(engine, lock_wait_s=_LOCK_WAIT_S) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
        yield connection


def _revision_of(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_KEPT.name):
        return None
    return connection.execute(select(_KEPT.c.version_num)).scalar_one_or_none()


@cache
def _known_revisions() -> dict[str, str | None]:
    """Each revision and the one before it, as the files of the migrations say it in their first lines."""
    texts = (file.read_text() for file in (_MIGRATIONS / "versions").glob("*.py"))
    return {found[1]: found[2] for one in texts if (found := _REVISION.search(one)) is not None}


def _config() -> "Config":
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
