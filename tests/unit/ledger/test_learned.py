"""What a gateway that starts knows of usual answers, by the ledger."""

from gateway.ledger import learned
from gateway.ledger.learned import OLDEST_US, habits_at
from gateway.money.habits import FEWEST_SAMPLES, SAMPLES, Habit, Habits
from gateway.usage import Usage
from tests.unit.ledger.ledger_entries import NOON, entry, put

TARGET = "openai/gpt-5-mini"


def answers(count, first=0, *, output=20, per_mille=100, at=NOON, **members):
    return [
        entry(
            f"grq_{first + number}",
            occurred_at=at + number,
            usage=Usage(input_tokens=1000, output_tokens=output + number),
            prompt_per_mille=per_mille,
            **members,
        )
        for number in range(count)
    ]


def habits(engine, now=NOON + OLDEST_US // 2):
    with engine.connect() as connection:
        return habits_at(connection, now)


def test_entries_teach_what_the_answers_themselves_did(engine):
    themselves = Habits()
    for number in range(2 * SAMPLES):
        themselves.learn("dev", TARGET, 20 + number, 100)

    put(engine, *answers(2 * SAMPLES))

    assert habits(engine).of("dev", TARGET) == themselves.of("dev", TARGET)


def test_entries_of_which_nothing_was_learned_teach_nothing(engine):
    put(
        engine,
        *answers(FEWEST_SAMPLES, per_mille=None),
        *answers(FEWEST_SAMPLES, 100, virtual_key="ops"),
        *answers(FEWEST_SAMPLES, 200, virtual_key="old", at=NOON - OLDEST_US),
    )

    known = habits(engine)

    assert known.of("dev", TARGET) is None
    assert known.of("old", TARGET) is None
    assert known.of("ops", TARGET) == Habit(34, 100)


def test_the_newest_entries_teach(engine, monkeypatch):
    monkeypatch.setattr(learned, "MOST_ENTRIES", FEWEST_SAMPLES)
    put(engine, *answers(FEWEST_SAMPLES, output=10_000), *answers(FEWEST_SAMPLES, 100, at=NOON + 1_000_000))

    assert habits(engine).of("dev", TARGET) == Habit(34, 100)
