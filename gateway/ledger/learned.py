"""What a gateway that starts knows of usual answers: what the newest entries of the ledger say."""

from typing import Final

from sqlalchemy import Connection, select

from gateway.ledger import names
from gateway.money.habits import Habits
from gateway.storage.tables import ledger_entries

MOST_ENTRIES: Final = 100_000
"""The newest entries that are looked at: reading them takes a moment, whatever the ledger has."""

OLDEST_US: Final = 30 * 24 * 3_600_000_000
"""Microseconds before which answers say nothing of those to come."""


def habits_at(connection: Connection, now: int) -> Habits:
    """What is usual by the entries before a moment, in microseconds since the epoch.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: The database does not answer.
    """
    kept = ledger_entries.c
    newest = (
        select(kept.occurred_at, kept.virtual_key, kept.provider, kept.model, kept.output_tokens, kept.prompt_per_mille)
        .where(kept.occurred_at >= now - OLDEST_US)
        .order_by(kept.occurred_at.desc())
        .limit(MOST_ENTRIES)
        .subquery()
    )
    learned = select(newest).where(newest.c.prompt_per_mille.is_not(None)).order_by(newest.c.occurred_at)
    habits, known = Habits(), names.read(connection)
    for _, key, provider, model, output_tokens, prompt_per_mille in connection.execute(learned):
        name, target = known.name_of("virtual_keys", key), f"{known.name_of('providers', provider)}/{model}"
        habits.learn(name, target, output_tokens, prompt_per_mille)
    return habits
