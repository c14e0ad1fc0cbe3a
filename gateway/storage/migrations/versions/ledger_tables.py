"""The ledger and its sums."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_JSON = sa.JSON().with_variant(JSONB(), "postgresql")
_DIMENSIONS = ("virtual_key", "principal", "project", "team", "organization", "provider", "model")
_TOKENS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
)


def upgrade() -> None:
    """Makes the tables `ledger_entries`, `spend_by_hour`, `spend_by_day` and `charged_by_hour`."""
    op.create_table(
        "ledger_entries",
        *_names("request_id"),
        _number("occurred_at"),
        *_names("day", "virtual_key", "principal", "project", "team", "organization"),
        sa.Column("tags", _JSON, nullable=False),
        *_names("end_user", "provider", "provider_type", "model", "model_asked", "endpoint"),
        sa.Column("status", sa.Integer, nullable=False),
        *_names("outcome"),
        *(_number(name) for name in _TOKENS),
        _number("cost_nano_usd"),
        sa.Column("price", _JSON),
        *_names("price_source", "revision"),
        sa.Column("budgets", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("request_id", name="pk_ledger_entries"),
    )
    op.create_index("ix_ledger_entries_occurred_at", "ledger_entries", ["occurred_at", "request_id"])
    named = sa.text("end_user != ''")
    op.create_index(
        "ix_ledger_entries_end_user",
        "ledger_entries",
        ["end_user", "occurred_at"],
        postgresql_where=named,
        sqlite_where=named,
    )
    for period in ("hour", "day"):
        op.create_table(
            f"spend_by_{period}",
            _number(period),
            *_names(*_DIMENSIONS),
            _number("requests"),
            *(_number(name) for name in _TOKENS),
            _number("cost_nano_usd"),
            sa.PrimaryKeyConstraint(period, *_DIMENSIONS, name=f"pk_spend_by_{period}"),
            sqlite_with_rowid=False,
        )
    op.create_table(
        "charged_by_hour",
        *_names("counter"),
        _number("hour"),
        _number("amount"),
        sa.PrimaryKeyConstraint("counter", "hour", name="pk_charged_by_hour"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Nothing goes back: a ledger is not thrown away by a command."""
    raise NotImplementedError


def _names(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, _NAME, nullable=False) for name in names]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, autoincrement=False)
