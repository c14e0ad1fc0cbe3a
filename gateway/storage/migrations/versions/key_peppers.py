"""Under which peppers virtual keys were hashed."""

import sqlalchemy as sa
from alembic import op

revision = "key_peppers"
down_revision = "ledger_retention"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Nothing is known of the hashes that are there."""
    op.create_table(
        "key_peppers",
        sa.Column("fingerprint", _NAME, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_key_peppers"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError
