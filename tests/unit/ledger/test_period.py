"""Periods as people write them."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.period import BadParameterError, moment_text, parse_bounds, parse_period, wall_text
from gateway.money.window import Window

NOW = datetime(2026, 11, 24, 13, 7, 5, 250_000, tzinfo=UTC)
ZONES = ("UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia")


def shown(first, last, zone="UTC"):
    period = parse_period(first, last, now=NOW, zone=zone)
    return f"{moment_text(period.start, zone)} {moment_text(period.end, zone)}"


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z"),
        ("this-month", None, "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z"),
        ("last-month", None, "2026-10-01T00:00:00Z 2026-11-01T00:00:00Z"),
        ("2026-02", None, "2026-02-01T00:00:00Z 2026-03-01T00:00:00Z"),
        ("2026-02", "2026-04", "2026-02-01T00:00:00Z 2026-05-01T00:00:00Z"),
        ("2026-11-01", "2026-11-30", "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z"),
        ("2026-11-24", "2026-11-24", "2026-11-24T00:00:00Z 2026-11-25T00:00:00Z"),
        ("2026-11-20", None, "2026-11-20T00:00:00Z 2026-11-24T14:00:00Z"),
        ("7d", None, "2026-11-17T13:07:05.250000Z 2026-11-24T14:00:00Z"),
        ("24h", "1h", "2026-11-23T13:07:05.250000Z 2026-11-24T12:07:05.250000Z"),
        ("today", None, "2026-11-24T00:00:00Z 2026-11-24T14:00:00Z"),
        ("yesterday", "yesterday", "2026-11-23T00:00:00Z 2026-11-24T00:00:00Z"),
        ("yesterday", "now", "2026-11-23T00:00:00Z 2026-11-24T13:07:05.250000Z"),
        (None, "2026-09-15", "2026-09-01T00:00:00Z 2026-09-16T00:00:00Z"),
        (None, "last-month", "2026-10-01T00:00:00Z 2026-11-01T00:00:00Z"),
        (
            "2026-11-24T10:00:00Z",
            "2026-11-24T10:00:00.000001+00:00",
            "2026-11-24T10:00:00Z 2026-11-24T10:00:00.000001Z",
        ),
        ("2026-11-24t12:00:00+02:00", None, "2026-11-24T10:00:00Z 2026-11-24T14:00:00Z"),
    ],
)
def test_periods(first, last, expected):
    assert shown(first, last) == expected


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Europe/Amsterdam", "2026-10-01T00:00:00+02:00 2026-11-01T00:00:00+01:00"),
        ("Asia/Kolkata", "2026-10-01T00:00:00+05:30 2026-11-01T00:00:00+05:30"),
        ("Pacific/Kiritimati", "2026-10-01T00:00:00+14:00 2026-11-01T00:00:00+14:00"),
    ],
)
def test_months_are_those_of_the_time_zone(zone, expected):
    assert shown("last-month", None, zone) == expected


def test_the_months_turn_is_that_of_the_zones_clocks():
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)

    period = parse_period(None, None, now=late, zone="Europe/Amsterdam")

    assert moment_text(period.start, "Europe/Amsterdam") == "2026-12-01T00:00:00+01:00"


@pytest.mark.parametrize(
    ("first", "last", "parameter"),
    [
        ("2026-13-01", None, "from"),
        ("2026-02-30", None, "from"),
        ("", None, "from"),
        ("soon", None, "from"),
        ("2026-11-24T10:00:00", None, "from"),
        ("20261124", None, "from"),
        ("2026-W48", None, "from"),
        ("0001-01-01", None, "from"),
        ("9999-12-31", None, "from"),
        ("999999d", None, "from"),
        ("٢٠٢٦-١١-٢٤", None, "from"),
        ("2026-11-24T23:59:60Z", None, "from"),
        (None, "tomorrow", "to"),
        ("2026-11-24", "2026-11-23", "to"),
        ("today", "yesterday", "to"),
        ("1h", "1h", "to"),
        ("2027-01-01", None, "from"),
    ],
)
def test_what_is_no_period_says_which_side_is_wrong(first, last, parameter):
    with pytest.raises(BadParameterError) as refused:
        parse_period(first, last, now=NOW)

    assert refused.value.parameter == parameter


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "UTC\0"])
def test_what_is_no_time_zone(zone):
    with pytest.raises(BadParameterError, match="is not an IANA time zone") as refused:
        parse_period(None, None, now=NOW, zone=zone)

    assert refused.value.parameter == "timezone"


def test_bounds_may_be_open():
    assert parse_bounds(None, None, now=NOW) == (None, None)
    assert parse_bounds(None, "2026-11-24", now=NOW) == (None, 1_795_564_800_000_000)
    assert parse_bounds("last-month", None, now=NOW) == (1_790_812_800_000_000, 1_793_491_200_000_000)
    with pytest.raises(BadParameterError):
        parse_bounds("2026-11-24", "2026-11-23", now=NOW)


@given(
    st.dates(date(1971, 1, 2), date(8999, 12, 30)),
    st.integers(0, 60),
    st.sampled_from(ZONES),
)
def test_a_period_of_dates_is_whole_days_of_the_zone(first, days, zone):
    last = min(first + timedelta(days=days), date(8999, 12, 30))

    period = parse_period(first.isoformat(), last.isoformat(), now=NOW, zone=zone)

    day = Window("day", zone)
    assert day.span(period.start // 10**6).start * 10**6 == period.start
    assert day.span(period.end // 10**6).start * 10**6 == period.end
    info = ZoneInfo(zone)
    assert datetime.fromtimestamp(period.start // 10**6, info).date() >= first
    assert datetime.fromtimestamp(period.end // 10**6, info).date() > last


@given(st.integers(31_622_400, 221_844_700_000), st.integers(0, 999_999), st.sampled_from(ZONES))
def test_a_moment_reads_as_it_was_written(second, microsecond, zone):
    at = datetime.fromtimestamp(second, UTC).replace(microsecond=microsecond)
    text = at.astimezone(ZoneInfo(zone)).isoformat(timespec="microseconds")
    written = text if text[-6] in "+-" else f"{text}Z"

    start, _ = parse_bounds(written, "8999-12-31", now=NOW)

    assert start == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert datetime.fromisoformat(moment_text(start, zone)) == at


@given(st.text() | st.from_regex(r"[0-9]{1,8}[smhdw]?|\d{4}-\d\d(-\d\d(T\d\d:\d\d:\d\dZ?)?)?"))
def test_any_text_is_a_period_or_a_clear_refusal(text):
    with suppress(BadParameterError):
        period = parse_period(text, None, now=NOW)

        assert period.start < period.end


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [(0, "UTC", "1970-01-01"), (0, "Asia/Kolkata", "1970-01-01 05:30"), (61, "UTC", "1970-01-01 00:01:01")],
)
def test_what_clocks_show(moment, zone, text):
    assert wall_text(moment, zone) == text
