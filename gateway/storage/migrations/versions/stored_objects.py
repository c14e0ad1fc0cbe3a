"""The index of what providers keep for a key."""

import sqlalchemy as sa
from alembic import op

revision = "stored_objects"
down_revision = "key_peppers"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the table."""
    op.create_table(
        "stored_objects",
        *(sa.Column(name, _NAME, nullable=False) for name in ("virtual_key", "id", "kind", "provider")),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("virtual_key", "id", name="pk_stored_objects"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_stored_objects_virtual_key", "stored_objects", ["virtual_key", "kind", "created_at", "id"])


def downgrade() -> None:
    """Nothing goes back: who forgets the index loses what its keys stored."""
    raise NotImplementedError
