"""Whether a database can be asked."""

import pytest
from sqlalchemy import text

from gateway.storage.engine import StorageError, open_engine
from gateway.storage.migrate import upgrade
from gateway.storage.ready import check_ready


def test_a_missing_file_is_not_made(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/gateway.db")

    with pytest.raises(StorageError, match=r"There is no SQLite database .* yet\. To make it, run: gateway db upgrade"):
        check_ready(engine)

    assert list(tmp_path.iterdir()) == []
    engine.dispose()


def test_a_database_becomes_ready(empty_database_url):
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mine (number integer)"))
    with pytest.raises(StorageError, match="has no tables of the gateway yet"):
        check_ready(engine)

    upgrade(engine)
    check_ready(engine)

    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    with pytest.raises(StorageError, match="has revision later, this gateway needs"):
        check_ready(engine)
    engine.dispose()
