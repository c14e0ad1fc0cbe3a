"""What the gate on statements knows: where they are, and on which databases each has run."""

import os
import subprocess
import sys

from tests.support import statements

RUN = """
from pathlib import Path
from tests.support import statements
statements.record()
from gateway.storage.migrate import current_revision, upgrade
from gateway.storage.engine import open_engine
engine = open_engine("sqlite:///" + str(Path("gateway.db").absolute()))
upgrade(engine)
current_revision(engine)
"""


def test_what_ran_on_one_database_is_missing_on_the_other(tmp_path, monkeypatch):
    environment = {**os.environ, statements.DIRECTORY: str(tmp_path), "PYTHONPATH": os.getcwd()}
    subprocess.run([sys.executable, "-c", RUN], env=environment, cwd=tmp_path, check=True)
    monkeypatch.setenv(statements.DIRECTORY, str(tmp_path))

    missing = {(place.file, place.function, dialect) for place, dialect in statements.never_run()}

    assert ("storage/engine.py", "_begin_sqlite", "sqlite") not in missing
    assert ("storage/migrations/versions/identities.py", "upgrade", "sqlite") not in missing
    assert ("storage/migrations/versions/identities.py", "upgrade", "postgresql") in missing
    assert {("ledger/rebuild.py", "_in_force", dialect) for dialect in statements.DIALECTS} <= missing
    assert ("storage/migrate.py", "_alone", "sqlite") not in missing


def test_functions_that_are_named_as_those_of_one_database_are_there():
    there = {(place.file, place.function) for place in statements.places()}

    assert set(statements.NOT_FOR) <= there
    assert {place.file.partition("/")[0] for place in statements.places()} == set(statements.ROOMS)
