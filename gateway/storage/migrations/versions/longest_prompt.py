"""How long the longest prompt of an answer was, where its usage is that of several."""

import sqlalchemy as sa
from alembic import op

revision = "longest_prompt"
down_revision = "stated_figures"


def upgrade() -> None:
    """Adds a column that may be left out, so that a gateway of the version before goes on beside."""
    op.add_column("ledger_entries", sa.Column("longest_prompt", sa.BigInteger))


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError
