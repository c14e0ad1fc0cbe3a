"""Tokens that are bound to owners, owners whose resources act on their own keys alone, and owners in the audit log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "owners"
down_revision = "servable_revisions"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """What there is stays as it was: no token is bound, no owner confined, and no earlier change is anybody's."""
    op.add_column("admin_tokens", sa.Column("owners", _JSON))
    op.add_column("audit_log", sa.Column("owner", _NAME))
    op.create_table(
        "confined_owners",
        sa.Column("owner", _NAME, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_confined_owners"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Nothing goes back: bound tokens would do everything."""
    raise NotImplementedError
