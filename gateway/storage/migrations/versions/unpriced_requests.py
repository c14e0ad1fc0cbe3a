"""How many requests have something without a price, in the sums of spend."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "unpriced_requests"
down_revision = "longest_prompt"

_WHO = ("virtual_key", "principal", "project", "team", "organization", "provider", "model")
_LENGTHS = (("hour", 3_600_000_000), ("day", 86_400_000_000))


def upgrade() -> None:
    """Adds a column that may be left out, so that a gateway of the version before goes on beside, and fills it."""
    for period, length in _LENGTHS:
        table = f"spend_by_{period}"
        op.add_column(table, sa.Column("unpriced_requests", sa.BigInteger, nullable=False, server_default="0"))
        _count_entries(table, period, length)


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError


def _count_entries(table: str, period: str, length: int) -> None:
    """Counts what the entries so far say was without a price; of most ledgers, a few rows."""
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in _WHO]
    entries = sa.table("ledger_entries", *columns, sa.column("occurred_at"), sa.column("usage_warning"))
    at: sa.ColumnClause[Any] = sa.literal_column(f"(occurred_at / {length})")
    counted = (
        sa.select(at.label(period), *columns, sa.func.count().label("requests"))
        .where(entries.c.usage_warning.contains("unpriced: "))
        .group_by(at, *columns)
        .select_from(entries)
    )
    sums = sa.table(table, *(sa.column(name) for name in (period, *_WHO)), sa.column("unpriced_requests"))
    mine = [sums.c[name] == sa.bindparam(f"of_{name}") for name in (period, *_WHO)]
    update = sa.update(sums).where(*mine).values(unpriced_requests=sa.bindparam("counted"))
    connection = op.get_bind()
    for row in connection.execute(counted).mappings().all():
        connection.execute(update, {f"of_{name}": row[name] for name in (period, *_WHO)} | {"counted": row["requests"]})
