"""Sessions of the console, and what was done with one resource found by its address."""

import sqlalchemy as sa
from alembic import op

revision = "console_sessions"
down_revision = "open_circuits"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the table and the index."""
    op.create_table(
        "console_sessions",
        sa.Column("digest", _NAME, nullable=False),
        sa.Column("token_id", _NAME, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("created_at", "last_seen_at", "expires_at")),
        sa.PrimaryKeyConstraint("digest", name="pk_console_sessions"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_log_address", "audit_log", ["address", "at"])


def downgrade() -> None:
    """Everybody has to sign in again, nothing else is lost."""
    op.drop_index("ix_audit_log_address", "audit_log")
    op.drop_table("console_sessions")
