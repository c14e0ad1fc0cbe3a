"""What resources are whatever they are called, revisions with an identity, and what keys of the past answered to."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from gateway import ids

revision = "identities"
down_revision = "prompt_per_mille"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Every resource is what it is called at present. Revisions from before cannot be told or made again."""
    op.add_column("resources", sa.Column("id", _NAME, nullable=False, server_default=""))
    op.execute("UPDATE resources SET id = name")
    _organization()
    op.create_table(
        "identities",
        *_names("kind", "name", "id"),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "name", name="pk_identities"),
        sqlite_with_rowid=False,
    )
    op.add_column("control_plane_state", sa.Column("identity", _NAME, nullable=False, server_default=""))
    op.execute(sa.text("UPDATE control_plane_state SET identity = :new").bindparams(new=ids.ulid()))
    _revisions()
    _changes()
    op.create_table(
        "removed_keys",
        *_names("id", "name", "owner", "secret_hash", "state", "removed_by"),
        sa.Column("removed_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_removed_keys"),
        sqlite_with_rowid=False,
    )
    replaced = op.create_table(
        "replaced_secrets",
        *_names("secret_hash"),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("replaced_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_replaced_secrets"),
        sqlite_with_rowid=False,
    )
    if rows := _replaced():
        op.bulk_insert(replaced, rows)
    op.create_table(
        "minted_secrets",
        *_names("plan_id", "token_id"),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name="pk_minted_secrets"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Nothing goes back: what is applied is not thrown away by a command."""
    raise NotImplementedError


def _organization() -> None:
    """There is one, which that setting names."""
    columns = (sa.column("kind", _NAME), sa.column("name", _NAME), sa.column("id", _NAME), sa.column("spec", _JSON))
    resources = sa.table("resources", *columns)
    mine = (resources.c.kind == "settings") & (resources.c.name == "organization")
    spec = op.get_bind().scalar(sa.select(resources.c.spec).where(mine))
    if spec is not None:
        op.execute(resources.update().where(mine).values(id=spec["value"]))


def _revisions() -> None:
    table = op.create_table(
        "revisions",
        sa.Column("revision", sa.BigInteger, nullable=False, autoincrement=False),
        *_names("identity"),
        sa.Column("made_at", sa.BigInteger, nullable=False),
        *_names("actor"),
        sa.PrimaryKeyConstraint("revision", name="pk_revisions"),
        sqlite_with_rowid=False,
    )
    state = sa.table("control_plane_state", sa.column("revision"), sa.column("identity"), sa.column("changed_at"))
    at = op.get_bind().execute(sa.select(state)).one()
    if at.revision:
        row = {"revision": at.revision, "identity": at.identity, "made_at": at.changed_at, "actor": ""}
        op.bulk_insert(table, [row])


def _changes() -> None:
    """What each was before is known of no change so far: gateways that are behind ask for everything once."""
    op.execute("DELETE FROM changes")
    op.execute("UPDATE control_plane_state SET oldest_change = revision")
    op.add_column("changes", sa.Column("action", _NAME, nullable=False, server_default=""))
    for name, kind in (
        ("id", _NAME),
        ("owner", _NAME),
        ("spec", _JSON),
        ("sealed", sa.Text()),
        ("written_references", _JSON),
    ):
        op.add_column("changes", sa.Column(name, kind))


def _replaced() -> list[dict[str, object]]:
    """The secrets that keys answer to still, and are to answer to no more once their rotation ends."""
    resources = sa.table(
        "resources",
        sa.column("kind", _NAME),
        sa.column("name", _NAME),
        sa.column("spec", _JSON),
        sa.column("changed_at", sa.BigInteger),
    )
    found: dict[str, dict[str, object]] = {}
    for row in op.get_bind().execute(sa.select(resources).where(resources.c.kind == "virtual_keys")):
        if (digest := row.spec.get("previous_secret_hash")) is not None:
            address = f"virtual_keys.{row.name}"
            found[digest] = {"secret_hash": digest, "address": address, "replaced_at": row.changed_at}
    return [*found.values()]


def _names(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _NAME, nullable=False) for name in names]
