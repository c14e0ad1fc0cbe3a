"""Secrets that were revoked, for good; and of which revision a gateway has the states of keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "servable_revisions"
down_revision = "unpriced_requests"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Makes the table, of keys that are revoked already too; the column may be left out by gateways from before."""
    table = op.create_table(
        "revoked_secrets",
        sa.Column("secret_hash", _NAME, nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_revoked_secrets"),
        sqlite_with_rowid=False,
    )
    op.add_column("gateway_nodes", sa.Column("keys_revision", sa.BigInteger))
    if rows := _revoked():
        op.bulk_insert(table, rows)


def downgrade() -> None:
    """Nothing goes back: what is revoked stays so."""
    raise NotImplementedError


def _revoked() -> list[dict[str, object]]:
    resources = sa.table(
        "resources",
        sa.column("kind", _NAME),
        sa.column("name", _NAME),
        sa.column("spec", _JSON),
        sa.column("changed_at", sa.BigInteger),
    )
    found: dict[str, dict[str, object]] = {}
    for row in op.get_bind().execute(sa.select(resources).where(resources.c.kind == "virtual_keys")):
        if row.spec.get("state") == "revoked":
            for field in ("secret_hash", "previous_secret_hash"):
                if (digest := row.spec.get(field)) is not None:
                    address = f"virtual_keys.{row.name}"
                    found[digest] = {"secret_hash": digest, "address": address, "revoked_at": row.changed_at}
    return [*found.values()]
