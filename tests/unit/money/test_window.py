from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money.window import CurrentWindow, Window

ZONES = ["UTC", "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"]


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


CASES = [
    ("minute", "UTC", "2026-11-24T13:45:30", "2026-11-24T13:45Z", 60),
    ("hour", "UTC", "2026-11-24T13:45:30", "2026-11-24T13:00Z", 3600),
    ("day", "UTC", "2026-11-24T13:45:30", "2026-11-24", 86_400),
    ("day", "Europe/Amsterdam", "2026-03-29T12:00:00", "2026-03-29", 23 * 3600),
    ("day", "Europe/Amsterdam", "2026-10-25T12:00:00", "2026-10-25", 25 * 3600),
    ("day", "Australia/Lord_Howe", "2026-04-05T12:00:00", "2026-04-05", 24 * 3600 + 1800),
    ("week", "UTC", "2027-01-03T23:59:59", "2026-W53", 7 * 86_400),
    ("week", "UTC", "2027-01-04T00:00:00", "2027-W01", 7 * 86_400),
    ("month", "UTC", "2028-02-29T12:00:00", "2028-02", 29 * 86_400),
    ("month", "America/New_York", "2026-11-30T23:30:00", "2026-11", 30 * 86_400 + 3600),
]


@pytest.mark.parametrize(("kind", "zone", "moment", "name", "length"), CASES)
def test_windows_of_the_calendar(kind, zone, moment, name, length):
    span = Window(kind, zone).span(at(moment, zone))

    assert (span.name, span.end - span.start) == (name, length)
    assert span.start <= at(moment, zone) < span.end


@pytest.mark.parametrize("kind", ["total", "manual"])
def test_windows_without_end(kind):
    assert Window(kind).span(at("2026-11-24")).end is None


def begins(window, first, count):
    moment, found = at(first), []
    for _ in range(count):
        span = window.span(moment)
        found.append(datetime.fromtimestamp(span.start, UTC).date().isoformat())
        moment = span.end
    return found


def test_a_month_that_is_too_short_for_its_anchor_springs_back():
    window = Window("month", "UTC", datetime(2027, 10, 31, tzinfo=UTC))

    assert begins(window, "2027-12-31", 6) == [
        "2027-12-31",
        "2028-01-31",
        "2028-02-29",
        "2028-03-31",
        "2028-04-30",
        "2028-05-31",
    ]


def test_an_anchored_day_keeps_its_hour_across_the_change_of_clocks():
    window = Window("day", "Europe/Amsterdam", datetime(2026, 3, 1, 9, tzinfo=ZoneInfo("Europe/Amsterdam")))

    span = window.span(at("2026-03-29T12:00:00", "Europe/Amsterdam"))

    assert span.start == at("2026-03-29T09:00:00", "Europe/Amsterdam")
    assert window.span(span.start - 1).start == at("2026-03-28T09:00:00", "Europe/Amsterdam")


MOMENTS = st.integers(int(at("2000-01-01")), int(at("2060-01-01")))
ANCHORS = st.none() | st.datetimes(datetime(2001, 1, 1), datetime(2055, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001 - the zone comes after
WINDOWS = st.builds(
    Window, st.sampled_from(["minute", "hour", "day", "week", "month"]), st.sampled_from(ZONES), ANCHORS
)


@given(WINDOWS, MOMENTS)
def test_every_moment_lies_in_one_window_and_windows_touch(window, moment):
    span = window.span(moment)

    assert span.start <= moment < span.end
    assert window.span(span.start) == span
    assert window.span(span.end - 1) == span
    following = window.span(span.end)
    assert following.start == span.end
    assert following.name != span.name


@given(WINDOWS, st.lists(MOMENTS, min_size=1, max_size=5))
def test_the_remembered_window_is_the_present_one(window, moments):
    current = CurrentWindow(window)

    for moment in moments:
        assert current.span(moment) == window.span(moment)


@pytest.mark.parametrize("zone", ZONES)
def test_a_leap_year_of_days_has_366(zone):
    window, moment, days = Window("day", zone), at("2028-01-01T12:00:00", zone), 0
    end = at("2028-12-31T12:00:00", zone)
    while moment < end:
        days += 1
        moment = window.span(moment).end
    assert days == 366
