"""What serving processes hold at present, and the tokens of the control plane's API."""

import sqlalchemy as sa
from alembic import op

revision = "counter_states"
down_revision = "0001"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the tables `counter_nodes`, `counter_states` and `admin_tokens`."""
    op.create_table(
        "counter_nodes",
        *_names("node"),
        _number("reported_at"),
        sa.PrimaryKeyConstraint("node", name="pk_counter_nodes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "counter_states",
        *_names("node", "counter"),
        _number("spent"),
        _number("held"),
        _number("resets_at", nullable=True),
        _number("reported_at"),
        sa.PrimaryKeyConstraint("node", "counter", name="pk_counter_states"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_counter_states_counter", "counter_states", ["counter"])
    op.create_table(
        "admin_tokens",
        *_names("id", "name", "scope", "digest"),
        _number("created_at"),
        *(_number(moment, nullable=True) for moment in ("expires_at", "last_used_at", "revoked_at")),
        sa.PrimaryKeyConstraint("id", name="pk_admin_tokens"),
        sa.UniqueConstraint("digest", name="uq_admin_tokens_digest"),
    )


def downgrade() -> None:
    """Nothing goes back: tokens in use are not thrown away by a command."""
    raise NotImplementedError


def _names(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _NAME, nullable=False) for name in names]


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable, autoincrement=False)
