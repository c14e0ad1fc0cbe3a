"""Batches and responses that go on after their requests, and what a file was when it went up."""

import sqlalchemy as sa
from alembic import op

revision = "open_jobs"
down_revision = "settled_until"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the table and the column."""
    op.create_table(
        "open_jobs",
        sa.Column("id", _NAME, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("held_by", _NAME, nullable=False),
        sa.Column("held_until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_open_jobs"),
    )
    op.add_column("stored_objects", sa.Column("digest", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    """Nothing goes back: who forgets what goes on is not charged for it."""
    raise NotImplementedError
