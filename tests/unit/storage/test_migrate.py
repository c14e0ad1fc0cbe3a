"""Bringing databases to the newest revision."""

import hashlib
import subprocess
import sys

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from gateway.control_plane import tokens
from gateway.ledger.check import check_sums
from gateway.ledger.query import entries, spend
from gateway.ledger.traffic import traffic
from gateway.storage import migrate
from gateway.storage.console_tables import console_sessions
from gateway.storage.engine import StorageError, open_engine, writing
from gateway.storage.migrate import current_revision, head_revision, upgrade
from gateway.storage.tables import metadata, resources, revoked_secrets
from gateway.usage import TOKENS, Usage
from tests.unit.ledger.ledger_entries import HOUR, NOON

UPGRADE_TOGETHER = """
import os, sys
from alembic import command  # once for all of them
from gateway.storage.engine import open_engine
from gateway.storage.migrate import upgrade

starts, start = os.pipe()
for _ in range(4):
    if os.fork() == 0:
        os.close(start)
        os.read(starts, 1)  # until nobody can write there any more
        print(upgrade(open_engine(sys.argv[1])), flush=True)
        os._exit(0)
os.close(start)
assert [os.wait()[1] for _ in range(4)] == [0] * 4
"""


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_an_upgrade_makes_the_tables_as_the_code_expects_them(empty_database_url):
    engine = open_engine(empty_database_url)
    assert current_revision(engine) is None

    assert upgrade(engine)

    assert current_revision(engine) == head_revision()
    assert console_sessions.metadata is metadata
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, {"compare_type": True}), metadata) == []
    keys = {table.name: [key.name for key in table.primary_key.columns] for table in metadata.sorted_tables}
    look = inspect(engine)
    assert {name: look.get_pk_constraint(name)["constrained_columns"] for name in keys} == keys
    engine.dispose()


def test_an_upgrade_of_a_new_database_does_nothing(empty_database_url):
    engine = open_engine(empty_database_url)
    upgrade(engine)

    assert not upgrade(engine)
    engine.dispose()


def test_processes_that_upgrade_together_do_it_once(empty_database_url):
    done = subprocess.run(
        [sys.executable, "-c", UPGRADE_TOGETHER, empty_database_url], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split()) == ["False", "False", "False", "True"]
    engine = open_engine(empty_database_url)
    assert current_revision(engine) == head_revision()
    engine.dispose()


def test_a_failed_upgrade_leaves_nothing(empty_database_url):
    engine = open_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE charged_by_hour (mine integer)"))

    with pytest.raises(StorageError, match="charged_by_hour"):
        upgrade(engine)

    assert inspect(engine).get_table_names() == ["charged_by_hour"]
    engine.dispose()


BEFORE = f"""INSERT INTO ledger_entries (request_id, occurred_at, day, virtual_key, principal, project, team, organization,
  tags, end_user, provider, provider_type, model, model_asked, endpoint, status, outcome, {", ".join(TOKENS)},
  cost_nano_usd, price_source, revision, budgets)
VALUES (:id, :at, '2026-01-01', 'dev', '', '', '', '', '[]', '', 'openai', 'openai', 'm', 'm', 'chat_completions', :status,
  :outcome, {", ".join("0" for _ in TOKENS)}, 0, '', '', '[]')"""  # noqa: S608 - made up here


_SUMS = f"""virtual_key, principal, project, team, organization, provider, model, requests, {", ".join(TOKENS)},
  cost_nano_usd) VALUES"""
_OF_DEV = f"'dev', '', '', '', '', 'openai', 'm', {{requests}}, {', '.join('0' for _ in TOKENS)}, 0)"
BEFORE_BY_HOUR = f"INSERT INTO spend_by_hour (hour, {_SUMS} (:hour, {_OF_DEV.format(requests=1)}"
BEFORE_BY_DAY = f"INSERT INTO spend_by_day (day, {_SUMS} (:day, {_OF_DEV.format(requests=3)}"


def test_entries_of_earlier_versions_count_in_the_sums_of_traffic(empty_database_url):
    engine = open_engine(empty_database_url)
    with writing(engine) as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "kept_answers")
        for number, (status, outcome) in enumerate([(200, "ok"), (200, "ok"), (502, "failed")]):
            told = {"id": f"grq_{number}", "at": NOON + number * HOUR, "status": status, "outcome": outcome}
            connection.execute(text(BEFORE), told)

    upgrade(engine)

    with engine.connect() as connection:
        found = traffic(connection, start=NOON, end=NOON + 3 * HOUR)
        oldest = entries(connection, limit=1, newest_first=False).entries[0]
        assert found.total.endings == {"ok": 2, "server_error": 1}
        assert found.total.p50_ms is None
        assert (oldest.attempts, oldest.duration_ms, oldest.streaming, oldest.error_code) == ((), None, None, None)
        assert [one.what for one in check_sums(connection) if one.what.startswith(("traffic", "attempts"))] == []
    engine.dispose()


def test_entries_of_earlier_versions_count_as_unpriced(empty_database_url):
    engine = open_engine(empty_database_url)
    with writing(engine) as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "longest_prompt")
        for number, warning in enumerate(["", "unpriced: web_searches", "usage-not-reported; unpriced: model m"]):
            told = {"id": f"grq_{number}", "at": NOON + number * HOUR, "status": 200, "outcome": "ok"}
            connection.execute(text(BEFORE), told)
            mark = "UPDATE ledger_entries SET usage_warning = :warning WHERE request_id = :id"
            connection.execute(text(mark), {"warning": warning, "id": told["id"]})
            connection.execute(text(BEFORE_BY_HOUR), {"hour": NOON // HOUR + number})
        connection.execute(text(BEFORE_BY_DAY), {"day": NOON // HOUR // 24})

    upgrade(engine)

    with engine.connect() as connection:
        found = spend(connection, ("hour",), start=NOON, end=NOON + 3 * HOUR)
        assert [row.unpriced_requests for row in found] == [0, 1, 1]
        assert [one.what for one in check_sums(connection) if one.what.startswith("spend")] == []
    engine.dispose()


def test_keys_that_were_revoked_before_stay_so(empty_database_url):
    engine = open_engine(empty_database_url)
    row = {"kind": "virtual_keys", "sealed": "", "written_references": {}, "owner": "o", "protected": 0, "revision": 1}
    row |= {"created_at": 5, "changed_at": 6, "changed_by": "me"}
    revoked = {"state": "revoked", "secret_hash": "now", "previous_secret_hash": "before"}
    with writing(engine) as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "unpriced_requests")
        specs = {"k": revoked, "active": {"secret_hash": "active"}}
        connection.execute(resources.insert(), [{**row, "name": name, "spec": spec} for name, spec in specs.items()])

    upgrade(engine)

    with engine.connect() as connection:
        kept = connection.execute(select(revoked_secrets).order_by(revoked_secrets.c.secret_hash))
        assert kept.all() == [("before", "virtual_keys.k", 6), ("now", "virtual_keys.k", 6)]
    engine.dispose()


def test_tokens_from_before_are_bound_to_nobody_and_keep_their_end(empty_database_url):
    engine = open_engine(empty_database_url)
    digest = hashlib.sha256(b"lw_admin_old").hexdigest()
    with writing(engine) as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "servable_revisions")
        made = "INSERT INTO admin_tokens (id, name, scope, digest, created_at) VALUES ('t', 'ci', 'apply', :digest, 5)"
        connection.execute(text(made), {"digest": digest})

    upgrade(engine)

    with engine.connect() as connection:
        token = tokens.find(connection, "lw_admin_old")
    assert (token.owners, token.expires_at, token.state(10**18)) == (None, None, "active")
    engine.dispose()


def test_a_database_of_a_newer_gateway_is_refused(empty_database_url):
    engine = open_engine(empty_database_url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(StorageError, match="revision 9999"):
        upgrade(engine)
    engine.dispose()


def test_a_database_that_does_not_answer_is_an_error_for_the_operator():
    engine = open_engine("postgresql://someone:hunter2@127.0.0.1:1/spend")

    for ask in (upgrade, current_revision):
        with pytest.raises(StorageError, match=r"spend at 127\.0\.0\.1:1: ") as raised:
            ask(engine)
        assert "hunter2" not in str(raised.value)


def test_every_kind_of_token_has_a_column():
    assert {*TOKENS, "further"} == set(Usage.__struct_fields__)


def test_commands_that_need_no_database_do_not_load_its_libraries():
    code = (
        "import sys, gateway.cli.main, gateway.storage, gateway.ledger, gateway.ledger.spool;"
        "sys.exit(any(name in sys.modules for name in ('sqlalchemy', 'alembic', 'psycopg')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_revisions_are_read_as_alembic_reads_them():
    scripts = ScriptDirectory.from_config(migrate._config())

    assert migrate.head_revision() == scripts.get_current_head()
    assert migrate._known_revisions() == {one.revision: one.down_revision for one in scripts.walk_revisions()}
