"""Whose fault it is when a database takes no value."""

import asyncio

import pytest
from sqlalchemy import BigInteger, exc, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB

from gateway.control_plane.database import Database
from gateway.control_plane.errors import ApiError
from gateway.storage.engine import open_engine
from tests.unit.storage.databases import postgresql_database

pytestmark = pytest.mark.service


@pytest.fixture(scope="module")
def ask():
    """Asks a PostgreSQL as the control plane does."""
    with postgresql_database() as url:
        database = Database(open_engine(url))
        yield lambda statement: asyncio.run(database.read(lambda connection: connection.execute(statement).all()))
        database.close()


@pytest.mark.parametrize(
    "value",
    [literal("a\x00"), literal({"a": ["b\x00"]}, JSONB), literal(2**63, BigInteger)],
    ids=["text", "JSON", "number"],
)
def test_a_value_that_no_database_has_is_the_callers_mistake(ask, value):
    with pytest.raises(ApiError) as raised:
        ask(select(literal("fine"), value))

    assert raised.value.code == "bad_request"


@pytest.mark.parametrize("statement", ["SELECT :one / 0", "SELECT (:one + 9223372036854775807)::bigint"])
def test_a_statement_that_cannot_be_computed_is_ours(ask, statement):
    with pytest.raises(exc.DataError):
        ask(text(statement).bindparams(one=1))
