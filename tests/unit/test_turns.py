"""Rests between the turns of long work."""

import time

import pytest

from gateway.turns import turns


@pytest.mark.parametrize(
    ("count", "length", "rests_after"),
    [(0, 2, []), (1, 2, []), (2, 2, []), (5, 2, [2, 4]), (3, 1, [1, 2])],
)
def test_there_is_a_rest_between_any_two_turns(monkeypatch, count, length, rests_after):
    given: list[int] = []
    rested: list[tuple[int, float]] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: rested.append((len(given), seconds)))

    for item in turns(range(count), length, 0.25):
        given += [item]

    assert given == [*range(count)]
    assert rested == [(after, 0.25) for after in rests_after]
