"""By which models of the file's own a request came to its provider."""

import sqlalchemy as sa
from alembic import op

revision = "routes"
down_revision = "rule_warnings"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Adds a column that may be left out, so that a gateway of the version before goes on beside."""
    op.add_column("ledger_entries", sa.Column("route", _NAME, nullable=False, server_default=""))


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError
