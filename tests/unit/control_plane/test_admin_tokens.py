"""Tokens of the API."""

import hashlib

import pytest
from sqlalchemy import select

from gateway.control_plane.tokens import Scope, Token, all_tokens, create, ending, find, is_use_due, note_use, revoke
from gateway.storage.engine import writing
from gateway.storage.tables import admin_tokens

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
NOW = 1_795_000_000 * 1_000_000


def made(engine, name="ci", **members):
    with writing(engine) as connection:
        return create(connection, name, Scope.VIEW, now=NOW, **members)


def found(engine, text):
    with engine.connect() as connection:
        return find(connection, text)


def test_a_token_is_found_by_its_secret_alone(engine):
    token, secret = made(engine)
    text = secret.reveal()

    assert found(engine, text) == token
    for other in ("", text[:-1], text + "a", text.swapcase(), token.id, token.name, "0" * 64, "\ud800", "\0"):
        assert found(engine, other) is None


def test_states():
    token = Token(id="t", name="n", scope=Scope.VIEW, created_at=NOW, expires_at=NOW + MINUTE)

    assert token.state(NOW + MINUTE - 1) == "active"
    assert token.state(NOW + MINUTE) == "expired"


def test_a_revoked_token_is_known_but_ended(engine):
    token, secret = made(engine)

    with writing(engine) as connection:
        (ended,) = revoke(connection, token.id, now=NOW + 1)
        assert revoke(connection, token.id, now=NOW + 2) == ()

    assert found(engine, secret.reveal()) == ended
    assert ended.state(NOW) == "revoked"
    assert ended.revoked_at == NOW + 1


def test_a_bound_token_is_none_to_versions_that_know_of_no_owners(engine):
    token, secret = made(engine, owners=("b", "a", "b"))
    digest = hashlib.sha256(secret.reveal().encode()).hexdigest()

    assert found(engine, secret.reveal()) == token
    assert token.owners == ("a", "b")
    with engine.connect() as connection:
        assert connection.scalars(select(admin_tokens.c.id).where(admin_tokens.c.digest == digest)).all() == []


def test_tokens_that_end_soon_are_known(engine):
    for name, ends in (("later", 20 * DAY), ("second", 13 * DAY), ("first", DAY), ("over", -1), ("ended", 5 * DAY)):
        made(engine, name, expires_at=NOW + ends)
    made(engine, "never")
    with writing(engine) as connection:
        revoke(connection, "ended", now=NOW)

    with engine.connect() as connection:
        assert [one.name for one in ending(connection, NOW)] == ["first", "second"]


def test_a_name_is_free_again_when_its_token_ended(engine):
    made(engine, expires_at=NOW)
    made(engine)

    with pytest.raises(ValueError, match="is named 'ci' already"):
        made(engine)
    with engine.connect() as connection:
        assert [token.state(NOW) for token in all_tokens(connection)].count("active") == 1


def test_use_is_noted_to_the_minute(engine):
    token, secret = made(engine)
    assert is_use_due(token, NOW)

    with writing(engine) as connection:
        note_use(connection, token, NOW)

    used = found(engine, secret.reveal())
    assert used.last_used_at == NOW
    assert not is_use_due(used, NOW + MINUTE - 1)
    assert is_use_due(used, NOW + MINUTE)


def test_what_scopes_include():
    covered = {scope: {needed for needed in Scope if scope.covers(needed)} for scope in Scope}

    assert covered == {
        Scope.GATEWAY: {Scope.GATEWAY},
        Scope.VIEW: {Scope.VIEW},
        Scope.PLAN: {Scope.VIEW, Scope.PLAN},
        Scope.APPLY: {Scope.VIEW, Scope.PLAN, Scope.APPLY},
        Scope.ADMIN: {*Scope},
    }
