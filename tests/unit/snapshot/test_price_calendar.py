"""What a model will cost, as lists show it."""

from datetime import UTC, datetime

import pytest

from gateway.money.price_times import Changes, PriceOverTime
from gateway.money.prices import Price
from gateway.snapshot.price_calendar import changes_after

HOUR = 3_600
DAY = 24 * HOUR
NEW_YEAR = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp())
NOON = NEW_YEAR - 12 * HOUR
PEAKS = ((1, 4), (6, 10))


def price(usd):
    return None if usd is None else Price(input=usd * 1_000_000_000, source="here")


def over_time(usd, *moments, daily=()):
    """`usd` says what holds at a moment, by the day since the last one and the hour."""
    changes = Changes(moments, tuple(hour * HOUR for hour in daily))
    return PriceOverTime(lambda at: price(usd(at.timestamp() >= NEW_YEAR, at.hour)), changes)


def shown(prices, now=NOON):
    return [
        (one.get("from"), one.get("hours_utc"), one.get("input_usd_per_mtok")) for one in changes_after(prices, now)
    ]


def is_peak(hour):
    return any(begin <= hour < end for begin, end in PEAKS)


HOURLY = over_time(lambda _, hour: 2 if is_peak(hour) else 1, daily=(1, 4, 6, 10))


def test_what_never_changes_has_no_changes():
    assert shown(over_time(lambda *_: 1)) == []


def test_a_later_day_is_shown_and_an_earlier_one_is_not():
    dated = over_time(lambda later, _: 2 if later else 1, NEW_YEAR)

    assert shown(dated) == [("2027-01-01", None, "2")]
    assert shown(dated, NEW_YEAR) == shown(dated, NEW_YEAR + DAY) == []


def test_other_hours_are_shown_whatever_hour_it_is():
    assert shown(HOURLY) == [(None, "01:00-04:00", "2"), (None, "06:00-10:00", "2")]
    assert shown(HOURLY, NOON - 10 * HOUR) == [(None, "04:00-06:00", "1"), (None, "10:00-01:00", "1")]


def test_later_days_have_their_own_hours():
    both = over_time(
        lambda later, hour: (4 if later else 1) * (2 if is_peak(hour) else 1), NEW_YEAR, daily=(1, 4, 6, 10)
    )

    assert shown(both, NEW_YEAR - 2 * DAY) == [
        (None, "01:00-04:00", "2"),
        (None, "06:00-10:00", "2"),
        ("2027-01-01", None, "4"),
        ("2027-01-01", "01:00-04:00", "8"),
        ("2027-01-01", "06:00-10:00", "8"),
    ]


def test_hours_that_do_not_come_any_more_are_left_out():
    ending = over_time(lambda later, hour: 2 if is_peak(hour) and not later else 1, NEW_YEAR, daily=(1, 4, 6, 10))

    assert shown(ending, NOON) == []


@pytest.mark.parametrize(("before", "after"), [(None, 1), (1, None)])
def test_a_price_may_come_or_end(before, after):
    dated = over_time(lambda later, _: after if later else before, NEW_YEAR)

    assert shown(dated) == [("2027-01-01", None, None if after is None else "1")]
