"""Entries for tests, and what a ledger's tables say together."""

from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from gateway.ledger.entry import Charge, LedgerEntry
from gateway.ledger.insert import insert_entries
from gateway.storage.engine import writing
from gateway.storage.tables import DIMENSIONS, TOKENS, charged_by_hour, ledger_entries, spend_by_day, spend_by_hour
from gateway.usage import Usage

HOUR = 3_600_000_000
NOON = 490_908 * HOUR
"""2026-01-01 12:00 UTC."""


def entry(request_id: str = "grq_1", **members: object) -> LedgerEntry:
    """A usual entry, with some members of its own."""
    usual = {
        "occurred_at": NOON,
        "virtual_key": "dev",
        "principal": "ada",
        "project": "search",
        "team": "core",
        "organization": "acme",
        "provider": "openai",
        "provider_type": "openai",
        "model": "gpt-5-mini",
        "model_asked": "fast",
        "endpoint": "chat_completions",
        "status": 200,
        "outcome": "ok",
        "usage": Usage(input_tokens=1000, output_tokens=20),
        "cost_nano_usd": 290_000,
        "price": {"input": 250, "output": 2000, "unit": "nano-USD per token"},
        "price_source": "genai-prices",
        "revision": "sha256:abc",
        "tags": ("env=test",),
        "budgets": (Charge("budget:core:month", 290_000),),
    }
    return LedgerEntry(request_id=request_id, **{**usual, **members})


def put(engine: Engine, *entries: LedgerEntry) -> int:
    """Inserts entries in one transaction."""
    with writing(engine) as connection:
        return insert_entries(connection, entries)


def count(engine: Engine) -> int:
    """Rows of the ledger."""
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(ledger_entries))


def ids_of(engine: Engine) -> set[str]:
    """The ids in the ledger."""
    with engine.connect() as connection:
        return set(connection.scalars(select(ledger_entries.c.request_id)))


def assert_sums_agree(engine: Engine) -> None:
    """The sums say what the rows per request say, to the last unit."""
    figures = (*TOKENS, "cost_nano_usd")
    with engine.connect() as connection:
        for table, unit in ((spend_by_hour, HOUR), (spend_by_day, 24 * HOUR)):
            keys = [ledger_entries.c.occurred_at // unit, *(ledger_entries.c[name] for name in DIMENSIONS)]
            raw = select(*keys, func.count(), *(func.sum(ledger_entries.c[name]) for name in figures)).group_by(*keys)
            expected = {row[:8]: tuple(int(figure) for figure in row[8:]) for row in connection.execute(raw)}
            assert {row[:8]: tuple(row[8:]) for row in connection.execute(select(table))} == expected
        charges: dict[tuple[str, int], int] = {}
        for at, budgets in connection.execute(select(ledger_entries.c.occurred_at, ledger_entries.c.budgets)):
            for counter, amount in budgets:
                charges[counter, at // HOUR] = charges.get((counter, at // HOUR), 0) + amount
        kept_charges = {(counter, at): amount for counter, at, amount in connection.execute(select(charged_by_hour))}

    assert kept_charges == charges


_names = st.sampled_from(["", "a", "b", "ü", "nul\0", "x" * 300, "\ud800"])
_counts = st.integers(0, 10**12)
any_entry = st.builds(
    LedgerEntry,
    request_id=st.sampled_from([f"grq_{number}" for number in range(12)]),
    occurred_at=st.integers(NOON - 2 * HOUR, NOON + 2 * HOUR) | st.integers(NOON - 50 * HOUR, NOON + 30 * HOUR),
    virtual_key=_names,
    team=_names,
    end_user=_names,
    provider=st.sampled_from(["openai", "bedrock"]),
    model=_names,
    status=st.just(200),
    outcome=st.just("ok"),
    usage=st.builds(Usage, input_tokens=_counts, output_tokens=_counts, reasoning_tokens=_counts),
    cost_nano_usd=_counts,
    budgets=st.lists(st.builds(Charge, st.sampled_from(["one", "two"]), _counts), max_size=2).map(tuple),
)
