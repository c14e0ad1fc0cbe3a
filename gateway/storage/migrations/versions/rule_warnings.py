"""Which rules and limits that only warn would have refused a request."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "rule_warnings"
down_revision = "open_jobs"


def upgrade() -> None:
    """Adds a column that may be left out, so that a gateway of the version before goes on beside."""
    op.add_column("ledger_entries", sa.Column("warnings", sa.JSON().with_variant(JSONB(), "postgresql")))


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError
