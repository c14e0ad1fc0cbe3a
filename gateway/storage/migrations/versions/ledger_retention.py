"""From which moment on the ledger has rows, and who prunes it."""

import sqlalchemy as sa
from alembic import op

revision = "ledger_retention"
down_revision = "identities"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Nothing is pruned so far. The rows stay where they are: months are cut where a retention is set."""
    table = op.create_table(
        "ledger_retention",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("pruned_before", sa.BigInteger, nullable=False),
        sa.Column("holder", _NAME, nullable=False),
        sa.Column("held_until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_retention"),
    )
    op.bulk_insert(table, [{"id": 1, "pruned_before": 0, "holder": "", "held_until": 0}])


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError
