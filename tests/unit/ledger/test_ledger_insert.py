"""Entries into the database: each once, with sums that agree."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.ledger.query import entries
from gateway.ledger.rows import columns_of
from gateway.ledger.storable import decode, encode, kept, storable, stored_text
from gateway.telemetry.decision_record import AttemptRecord, Charge
from gateway.usage import Iteration, Served, Usage
from tests.unit.ledger.ledger_entries import (
    HOUR,
    NOON,
    any_entry,
    assert_sums_agree,
    count,
    entry,
    put,
)
from tests.unit.storage.databases import empty


def test_an_entry_comes_back_as_it_went_in(engine):
    whole = entry(
        end_user="person ü",
        tags=("a", "b"),
        usage=Usage(
            input_tokens=1,
            output_tokens=2,
            cache_read_tokens=3,
            cache_write_tokens=4,
            reasoning_tokens=5,
            input_audio_tokens=6,
            output_audio_tokens=7,
            further={"web_searches": 8, "a kind of tomorrow": 9},
        ),
        served=Served(
            model="gpt-5-mini-2025-08-07",
            service_tier="priority",
            speed="fast",
            region="eu",
            iterations=(Iteration("advisor", Usage(input_tokens=10, further={"web_searches": 1}), "opus"),),
            unreadable=("usage.output_tokens",),
            longest_prompt=1,
        ),
        cost_nano_usd=9_007_199_254_740_993,
        prompt_per_mille=120,
        budgets=(Charge("one", 9_007_199_254_740_993), Charge("two", 2)),
    )
    bare = msgspec.structs.replace(entry("grq_2"), price=None, tags=(), budgets=())

    assert put(engine, whole, bare) == 2

    with engine.connect() as connection:
        assert entries(connection, limit=10, newest_first=False).entries == (whole, bare)


def test_an_entry_counts_once_however_often_it_arrives(engine):
    first, second = entry("grq_1"), entry("grq_2", occurred_at=NOON + HOUR)

    assert put(engine, first, first) == 1
    assert put(engine, second, first) == 1
    assert put(engine, first, second) == 0

    assert count(engine) == 2
    assert_sums_agree(engine)


def test_of_two_entries_with_one_id_the_first_counts(engine):
    put(engine, entry("grq_1", cost_nano_usd=1), entry("grq_1", cost_nano_usd=2))
    put(engine, entry("grq_1", cost_nano_usd=3))
    many = [entry(f"grq_{number}") for number in range(2, 100)]
    assert put(engine, *many, entry("grq_2", cost_nano_usd=4)) == len(many)  # far apart, in one transaction

    with engine.connect() as connection:
        assert {one.cost_nano_usd for one in entries(connection, limit=500).entries} == {1, 290_000}
    assert_sums_agree(engine)


def test_ids_that_are_kept_as_one_count_once(engine):
    assert put(engine, entry("grq_\0", cost_nano_usd=1), entry("grq_\ufffd", cost_nano_usd=2)) == 1

    with engine.connect() as connection:
        assert [one.cost_nano_usd for one in entries(connection, limit=5).entries] == [1]
    assert_sums_agree(engine)


def test_writers_of_the_same_sums_do_not_lose_each_others_figures(engine):
    batches = [[entry(f"grq_{batch}_{n}", model=f"m{(n * 7 + batch) % 5}") for n in range(40)] for batch in range(20)]

    with ThreadPoolExecutor(4) as threads:
        inserted = list(threads.map(lambda batch: put(engine, *batch), batches))

    assert inserted == [40] * 20
    assert_sums_agree(engine)


def test_text_that_a_database_refuses_is_replaced_and_long_text_stays_distinct(engine):
    long, longer = "m" * 5000, "m" * 5001
    put(engine, entry("grq_1", model=long, end_user="nul\0"), entry("grq_2", model=longer, end_user="\ud800"))

    with engine.connect() as connection:
        models = {one.model for one in entries(connection, limit=5).entries}
    assert models == {stored_text(long), stored_text(longer)}
    assert len(models) == 2
    assert all(len(model.encode()) <= 255 for model in models)


@given(st.text(max_size=400))
def test_stored_text_is_bounded_and_stored_as_itself(text):
    stored = stored_text(text)

    assert len(stored.encode()) <= 255
    assert "\0" not in stored
    assert stored_text(stored) == stored


@given(any_entry)
def test_a_storable_entry_stays_as_it_is(one):
    assert storable(storable(one)) == storable(one)


@given(any_entry)
def test_what_comes_out_of_the_spool_is_kept_like_what_went_in(one):
    assert columns_of([kept(decode(encode(one)))]) == columns_of([kept(one)])


@pytest.mark.parametrize(
    "members",
    [
        {"status": 2**70},
        {"cost_nano_usd": -(2**70)},
        {"usage": Usage(output_tokens=2**70)},
        {"budgets": (Charge("one", 10**18 + 1),)},
        {"end_user": "e" * 255, "principal": "p" * 256},
        {"end_user": "ü" * 63, "principal": "ü" * 128},
        {"budgets": (Charge(f"budget:people:each_end_user={'e' * 300}", 1),)},
        {"tags": ("t" * 64, 'quoted "\\u0000"', "nul\0")},
        {"attempts": (AttemptRecord("p" * 64, "m", "ok", 2**40, 1),)},
    ],
)
def test_what_does_not_fit_is_cut_the_same_behind_the_spool(members):
    one = entry(**members)

    assert columns_of([kept(decode(encode(one)))]) == columns_of([kept(one)])


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.lists(any_entry, max_size=8), max_size=4))
def test_sums_agree_with_the_rows_after_any_batches(engine, batches):
    empty(engine)
    known = set()

    for batch in batches:
        ids = {one.request_id for one in batch}
        assert put(engine, *batch) == len(ids - known)
        known |= ids

    assert count(engine) == len(known)
    assert_sums_agree(engine)
