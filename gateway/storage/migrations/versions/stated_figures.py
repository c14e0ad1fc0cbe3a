"""Everything that an answer states of what is billed and of who gave it, and sums of its rarer kinds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "stated_figures"
down_revision = "console_sessions"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_WHO = ("virtual_key", "principal", "project", "team", "organization", "provider", "model", "kind")


def upgrade() -> None:
    """Adds columns that may be left out, so that a gateway of the version before goes on beside, and the sums."""
    for name in ("further", "iterations", "unreadable"):
        op.add_column("ledger_entries", sa.Column(name, _JSON))
    for name in ("served_model", "service_tier", "speed", "region"):
        op.add_column("ledger_entries", sa.Column(name, _NAME, nullable=False, server_default=""))
    for period in ("hour", "day"):
        op.create_table(
            f"further_by_{period}",
            sa.Column(period, sa.BigInteger, nullable=False, autoincrement=False),
            *(sa.Column(name, _NAME, nullable=False) for name in _WHO),
            sa.Column("amount", sa.BigInteger, nullable=False),
            sa.PrimaryKeyConstraint(period, *_WHO, name=f"pk_further_by_{period}"),
            sqlite_with_rowid=False,
        )


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError
