"""The control plane's resources, their history, its audit log and the gateways that follow it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gateway import ids

revision = "control_plane"
down_revision = "counter_states"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Makes the tables, and the one row that says which control plane this is."""
    state = op.create_table(
        "control_plane_state",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        *_names("lineage"),
        *_numbers("revision", "changed_at", "oldest_change"),
        sa.PrimaryKeyConstraint("id", name="pk_control_plane_state"),
    )
    op.bulk_insert(state, [{"id": 1, "lineage": ids.ulid(), "revision": 0, "changed_at": 0, "oldest_change": 0}])
    op.create_table(
        "resources",
        *_names("kind", "name"),
        sa.Column("spec", _JSON, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("written_references", _JSON, nullable=False),
        *_names("owner"),
        sa.Column("protected", sa.Integer(), nullable=False),
        *_numbers("revision", "created_at", "changed_at"),
        *_names("changed_by"),
        sa.Column("applied_spec", _JSON),
        sa.Column("applied_sealed", sa.Text()),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_resources"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_resources_owner", "resources", ["owner"])
    op.create_table(
        "changes",
        *_numbers("revision"),
        *_names("kind", "name"),
        sa.PrimaryKeyConstraint("revision", "kind", "name", name="pk_changes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "applies",
        *_names("plan_id"),
        *_numbers("revision"),
        *_names("owner", "digest", "actor"),
        *_numbers("applied_at"),
        sa.Column("plan", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name="pk_applies"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_applies_revision", "applies", ["revision"])
    op.create_table(
        "audit_log",
        *_names("id"),
        *_numbers("at"),
        *_names("actor", "request_id", "action"),
        sa.Column("address", sa.Text(), nullable=False),
        *_numbers("revision"),
        sa.Column("before", _JSON),
        sa.Column("after", _JSON),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at", "id"])
    op.create_table(
        "gateway_nodes",
        *_names("node", "version"),
        *_numbers("serving_revision", "serving_since"),
        *_numbers("lag_ms", "rejected_revision", nullable=True),
        sa.Column("rejected_because", sa.Text()),
        *_numbers("first_seen", "reported_at"),
        sa.PrimaryKeyConstraint("node", name="pk_gateway_nodes"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Nothing goes back: what is applied is not thrown away by a command."""
    raise NotImplementedError


def _names(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _NAME, nullable=False) for name in names]


def _numbers(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable, autoincrement=False) for name in names]
