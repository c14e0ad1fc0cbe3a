"""Entries for tests, and what a ledger's tables say together."""

import msgspec
from hypothesis import strategies as st
from sqlalchemy import Engine, case, func, select

from gateway import clock
from gateway.ledger.check import check_sums
from gateway.ledger.insert import insert_entries
from gateway.ledger.pace import Pace
from gateway.ledger.storable import encode
from gateway.storage.engine import writing
from gateway.storage.tables import DIMENSIONS, charged_by_hour, ledger_entries, spend_by_day, spend_by_hour
from gateway.telemetry.decision_record import AttemptRecord, Charge, DecisionRecord
from gateway.usage import TOKENS, Iteration, Served, Usage

HOUR = 3_600_000_000
NOON = 490_908 * HOUR
"""2026-01-01 12:00 UTC."""
SHORT_TURNS = Pace(decoded=2, inserted=3, summed=4, rest_s=0)


def entry(request_id: str = "grq_1", **members: object) -> DecisionRecord:
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
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "streaming": False,
        "model_source": "alias",
        "body": "spliced",
        "duration_ms": 420,
        "first_byte_ms": 400,
        "attempts": (AttemptRecord("openai", "gpt-5-mini", "ok", 2, 398),),
    }
    told = {**usual, **members}
    return DecisionRecord(request_id=request_id, time=clock.iso(min(told["occurred_at"], 2 * NOON) / 1e6), **told)


def payload(request_id: str = "grq_1", **members: object) -> bytes:
    """The same as the spool takes it."""
    return encode(entry(request_id, **members))


def put(engine: Engine, *entries: DecisionRecord) -> int:
    """Inserts entries in one transaction, a few in each turn."""
    with writing(engine) as connection:
        return insert_entries(connection, entries, SHORT_TURNS)


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
            unpriced = func.sum(case((ledger_entries.c.usage_warning.like("%unpriced: %"), 1), else_=0))
            sums = (func.count(), *(func.sum(ledger_entries.c[name]) for name in figures), unpriced)
            raw = select(*keys, *sums).group_by(*keys)
            expected = {row[:8]: tuple(int(figure) for figure in row[8:]) for row in connection.execute(raw)}
            assert {row[:8]: tuple(row[8:]) for row in connection.execute(select(table))} == expected
        charges: dict[tuple[str, int], int] = {}
        for at, budgets in connection.execute(select(ledger_entries.c.occurred_at, ledger_entries.c.budgets)):
            for counter, amount in budgets:
                charges[counter, at // HOUR] = charges.get((counter, at // HOUR), 0) + amount
        kept_charges = {(counter, at): amount for counter, at, amount in connection.execute(select(charged_by_hour))}

    assert kept_charges == charges
    with engine.connect() as connection:
        assert check_sums(connection) == ()


_names = st.sampled_from([None, "a", "b", "ü", "nul\0", "x" * 300, "\ud800"])
_counts = st.integers(0, 10**12)
_attempts = st.builds(
    AttemptRecord,
    provider=st.sampled_from(["openai", "bedrock"]),
    model=st.just("m"),
    outcome=st.sampled_from(["ok", "503", "circuit_open"]),
    began_ms=st.integers(0, 10**6),
    duration_ms=st.integers(0, 10**6),
)
_further = st.just(msgspec.UNSET) | st.dictionaries(st.sampled_from(["web_searches", "images"]), _counts, min_size=1)
_usages = st.builds(Usage, input_tokens=_counts, output_tokens=_counts, reasoning_tokens=_counts, further=_further)
_served = st.builds(
    Served,
    model=_names,
    service_tier=st.sampled_from([None, "default", "flex"]),
    iterations=st.lists(st.builds(Iteration, st.just("advisor"), _usages, _names), max_size=2).map(tuple),
    longest_prompt=st.none() | _counts,
)
any_entry = st.builds(
    DecisionRecord,
    request_id=st.sampled_from([f"grq_{number}" for number in range(12)]),
    occurred_at=st.integers(NOON - 2 * HOUR, NOON + 2 * HOUR) | st.integers(NOON - 50 * HOUR, NOON + 30 * HOUR),
    virtual_key=_names,
    team=_names,
    end_user=_names,
    provider=st.sampled_from(["openai", "bedrock"]),
    model=_names,
    status=st.sampled_from([200, 403, 502]),
    outcome=st.sampled_from(["ok", "refused", "failed"]),
    error_code=_names,
    duration_ms=st.none() | st.integers(0, 10**7),
    attempts=st.lists(_attempts, max_size=3).map(tuple),
    usage=_usages,
    served=st.none() | _served,
    tags=st.lists(st.sampled_from(["a", "b", "ü"]), max_size=3).map(tuple),
    cost_nano_usd=st.integers(1, 10**12),
    budgets=st.lists(st.builds(Charge, st.sampled_from(["one", "two"]), _counts), max_size=2).map(tuple),
)
