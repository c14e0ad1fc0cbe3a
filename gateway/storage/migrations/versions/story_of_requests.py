"""What the ledger keeps of a request besides its cost, and sums for operations."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "story_of_requests"
down_revision = "kept_answers"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TEXTS = ("trace_id", "span_id", "model_source", "body", "error_type", "error_code", "denied_by", "usage_warning")
_HOUR: sa.ColumnClause[int] = sa.literal_column("(occurred_at / 3600000000)")
_TROUBLE = sa.text("(status >= 400 OR outcome <> 'ok')")
_TRACED = sa.text("trace_id != ''")
_SLOTS = (("five_minutes", 300_000_000), ("hour", 3_600_000_000))
_NOT_TIMED = -1


def upgrade() -> None:
    """Adds the columns and their indices, makes the sums, and fills in what the entries so far know of them."""
    columns: list[sa.Column[Any]] = [sa.Column(name, _NAME, nullable=False, server_default="") for name in _TEXTS]
    columns += [sa.Column(name, sa.BigInteger) for name in ("duration_ms", "first_byte_ms", "first_token_ms")]
    columns.append(sa.Column("streaming", sa.Boolean))
    columns.append(sa.Column("attempts", _JSON, nullable=False, server_default="[]"))
    for column in columns:
        op.add_column("ledger_entries", column)
    _index("hour_virtual_key", "virtual_key", "occurred_at")
    _index("hour_trace_id", "trace_id", where=_TRACED)
    _index("hour_trouble", "error_code", "occurred_at", where=_TROUBLE)
    for name, length in _SLOTS:
        traffic = _sums(
            f"traffic_by_{name}", [_number("status", sa.Integer), *_names("outcome", "error_code")], "requests"
        )
        _sums(f"attempts_by_{name}", _names("provider", "outcome"), "attempts", "last_at")
        _count_entries(traffic, length)


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError


def _index(name: str, *columns: str, where: sa.TextClause | None = None) -> None:
    op.create_index(
        f"ix_ledger_entries_{name}",
        "ledger_entries",
        [_HOUR, *columns],
        postgresql_where=where,
        sqlite_where=where,
    )


def _sums(name: str, keys: list[sa.Column[Any]], *figures: str) -> sa.Table:
    columns = [_number("slot", sa.BigInteger), *keys, _number("bucket", sa.Integer)]
    return op.create_table(
        name,
        *columns,
        *(_number(figure, sa.BigInteger) for figure in figures),
        sa.PrimaryKeyConstraint(*(column.name for column in columns), name=f"pk_{name}"),
        sqlite_with_rowid=False,
    )


def _count_entries(traffic: sa.Table, length: int) -> None:
    entries = sa.table("ledger_entries", *(sa.column(one) for one in ("occurred_at", "status", "outcome")))
    slot: sa.ColumnClause[Any] = sa.literal_column(f"(occurred_at / {length})")
    counted = sa.select(
        slot, entries.c.status, entries.c.outcome, sa.literal(""), sa.literal(_NOT_TIMED), sa.func.count()
    ).group_by(slot, entries.c.status, entries.c.outcome)
    names = ["slot", "status", "outcome", "error_code", "bucket", "requests"]
    op.execute(sa.insert(traffic).from_select(names, counted.select_from(entries)))


def _names(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, _NAME, nullable=False) for name in names]


def _number(name: str, kind: type[sa.types.TypeEngine[int]]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, autoincrement=False)
