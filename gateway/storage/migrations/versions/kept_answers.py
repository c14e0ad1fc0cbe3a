"""Answers to changes that were asked for under an `Idempotency-Key`."""

import sqlalchemy as sa
from alembic import op

revision = "kept_answers"
down_revision = "control_plane"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "kept_answers",
        *(sa.Column(name, _NAME, nullable=False) for name in ("token_id", "idempotency_key", "digest")),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("token_id", "idempotency_key", name="pk_kept_answers"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_kept_answers_at", "kept_answers", ["at"])


def downgrade() -> None:
    """Answers are kept for a day, so nothing is lost with them."""
    op.drop_table("kept_answers")
