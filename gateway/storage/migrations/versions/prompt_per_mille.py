"""What a prompt cost of the most that it could, from which a gateway that starts learns."""

import sqlalchemy as sa
from alembic import op

revision = "prompt_per_mille"
down_revision = "owners"


def upgrade() -> None:
    """Adds a column that may be left out, so that a gateway of the version before goes on beside."""
    op.add_column("ledger_entries", sa.Column("prompt_per_mille", sa.BigInteger))


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError
