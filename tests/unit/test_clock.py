"""Moments as text, and as numbers."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import example, given
from hypothesis import strategies as st

from gateway import clock


@given(st.floats(0, 4_000_000_000, allow_nan=False))
@example(1796000698.0370007)
def test_a_moment_has_one_text_whether_in_seconds_or_in_microseconds_as_the_ledger_keeps_it(seconds):
    assert clock.iso(seconds) == clock.iso_of_microseconds(int(seconds * 1_000_000))


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_moment_in_microseconds_is_told_exactly(microseconds):
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)

    assert clock.microseconds_of(moment.astimezone(timezone(timedelta(hours=2)))) == microseconds


def test_a_moment_is_cut_to_its_millisecond():
    assert clock.iso_of_microseconds(1_796_000_698_280_999) == "2026-11-30T01:04:58.280Z"
