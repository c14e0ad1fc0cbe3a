"""SQLite databases with empty tables: one is migrated, the others are copies of it, since that takes a tenth of a second."""

import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path

from gateway import ids
from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade


def migrated(file: Path) -> str:
    """Puts a database there, and says its URL. Its lineage is its own, as if it had been migrated itself."""
    file.write_bytes(_migrated())
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.execute("UPDATE control_plane_state SET lineage = ?", (ids.ulid(),))
    return f"sqlite:///{file}"


@cache
def _migrated() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "migrated.db"
        engine = open_engine(f"sqlite:///{file}")
        upgrade(engine)
        engine.dispose()
        return file.read_bytes()
