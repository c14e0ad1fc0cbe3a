"""Up to which of its settlements each process is in the sums of what counters were charged."""

import sqlalchemy as sa
from alembic import op

revision = "settled_until"
down_revision = "stored_objects"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "settled_until",
        sa.Column("process", _NAME, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("process", name="pk_settled_until"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError
