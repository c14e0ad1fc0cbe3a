"""Up to which settlement of each process the ledger reaches, on both databases."""

import asyncio

import pytest

from gateway.counters.hold import LedgerState, Restored
from gateway.ledger.rebuild import ledger_state
from gateway.ledger.settled import all_settled, forget_settled, parsed, raise_settled, settled_by
from gateway.ledger.spool import Spool
from gateway.ledger.storable import decode, encode
from gateway.ledger.writer import LedgerWriter
from gateway.money.budget import CompiledBudget, Scope
from gateway.money.window import Window
from gateway.storage.engine import writing
from gateway.telemetry.decision_record import Charge
from tests.unit.ledger.ledger_entries import HOUR, NOON, entry

ONE, OTHER = "01M8PJMSWE33SXKAFA96VM0001@gw:default", "01M8PJMSWE33SXKAFA96VM0002@gw:default"
DAY = 24 * HOUR
CAP = CompiledBudget(name="cap", scope=Scope("team", "core"), window=Window("day"), limit=5)


def counter(day):
    return f"budget:cap:team=core:day={day}"


def test_entries_say_how_far_each_process_has_settled():
    entries = [
        entry("grq_1", settled_until=f"{ONE}:7"),
        entry("grq_2"),
        entry("grq_3", settled_until=f"{OTHER}:2"),
        entry("grq_4", settled_until=f"{ONE}:9"),
    ]

    assert settled_by(decode(encode(one)) for one in entries) == {ONE: 9, OTHER: 2}


@pytest.mark.parametrize(
    "text", ["", "x:1", ":1", f"{ONE[:26]}:1", f"{ONE}", f"{ONE}:", f"{ONE}:-1", f"{ONE}:\u0663", f"{ONE}:{'9' * 19}"]
)
def test_what_names_no_settlement_is_none(text):
    assert parsed(text) == {}


def test_a_process_is_never_less_far_than_before_and_forgotten_when_it_is_long_gone(engine):
    with writing(engine) as connection:
        raise_settled(connection, {ONE: 5, OTHER: 8}, NOON)
        raise_settled(connection, {ONE: 4, OTHER: 9}, NOON + DAY)
        raise_settled(connection, {}, NOON)
        assert all_settled(connection) == {ONE: 5, OTHER: 9}
        assert all_settled(connection, NOON + DAY) == {OTHER: 9}

        forget_settled(connection, NOON + DAY + HOUR)

        assert all_settled(connection) == {OTHER: 9}


def test_sums_and_how_far_they_reach_are_in_the_database_together(engine, tmp_path):
    """Also the counters of the windows before and after, which gateways with other clocks are in."""
    spool = Spool(tmp_path / "spool", max_bytes=2**20)
    entries = [
        entry("grq_1", budgets=(Charge(counter("2026-01-01"), 3),), settled_until=f"{ONE}:1"),
        entry("grq_2", budgets=(Charge(counter("2026-01-02"), 4),), settled_until=f"{ONE}:2", occurred_at=NOON + DAY),
    ]

    async def ship():
        writer = LedgerWriter(spool, engine, poll_s=0.01)
        writer.start()
        for one in entries:
            spool.append(encode(one))
        assert await writer.flush(30)
        await writer.close(5)
        return writer.settled

    midnight = (NOON + 12 * HOUR) / 1_000_000
    assert asyncio.run(ship()) == {ONE: 2}
    spool.close()
    before, after = CAP.window.span(midnight - 1).end, CAP.window.span(midnight).end
    assert ledger_state(engine, [CAP], midnight) == LedgerState(
        {counter("2026-01-01"): Restored(3, before), counter("2026-01-02"): Restored(4, after)}, {ONE: 2}
    )
    assert set(ledger_state(engine, [CAP], midnight - 3600).spent) == {counter("2026-01-01")}
