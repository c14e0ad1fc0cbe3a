"""Which providers each gateway leaves alone at present."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "open_circuits"
down_revision = "story_of_requests"

_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Adds the column."""
    op.add_column("gateway_nodes", sa.Column("open_circuits", _JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Nodes report several times a minute, so nothing is lost with it."""
    op.drop_column("gateway_nodes", "open_circuits")
