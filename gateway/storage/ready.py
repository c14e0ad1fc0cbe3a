"""Whether a database can be asked at all, before anybody does."""

from pathlib import Path

from sqlalchemy import Engine

from gateway.storage.engine import StorageError, describe_url
from gateway.storage.migrate import current_revision, head_revision

_UPGRADE = "run: gateway db upgrade"


def check_ready(engine: Engine) -> None:
    """Makes sure that the database is there and has the revision that this gateway works with; changes nothing.

    Raises:
        StorageError: It is missing, does not answer, or has another revision; the message says what to do.
    """
    place = describe_url(engine.url)
    if is_missing(engine):
        raise StorageError(f"There is no {place} yet. To make it, {_UPGRADE}")
    current = current_revision(engine)
    if current == head_revision():
        return
    if current is None:
        raise StorageError(f"The {place} has no tables of the gateway yet. To make them, {_UPGRADE}")
    raise StorageError(f"The {place} has revision {current}, this gateway needs {head_revision()}; {_UPGRADE}")


def is_missing(engine: Engine) -> bool:
    """Whether the database is an SQLite file that does not exist; connecting would make it."""
    return engine.url.get_backend_name() == "sqlite" and not Path(engine.url.database or "").is_file()
