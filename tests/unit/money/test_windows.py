from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.money.window import Window

ZONES = [
    "UTC",
    "Europe/Amsterdam",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Goose_Bay",
    "America/Sao_Paulo",
    "Pacific/Apia",
    "Africa/Cairo",
]
ENDING = ["minute", "hour", "day", "week", "month"]
MOMENTS = st.integers(0, 4_000_000_000)
ANCHORS = st.datetimes(datetime.fromisoformat("1975-01-01"), datetime.fromisoformat("2090-01-01")) | st.sampled_from(
    [datetime.fromisoformat(f"2024-01-{day}T02:30") for day in (29, 30, 31)]
)
WINDOWS = st.builds(
    Window,
    st.sampled_from(ENDING),
    st.sampled_from(ZONES),
    st.none() | ANCHORS.map(lambda one: one.replace(tzinfo=UTC)),
)


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@given(WINDOWS, MOMENTS)
@example(Window("day", "Pacific/Apia"), 1325239200)
@example(Window("day", "America/Goose_Bay"), 1162695700)
def test_every_moment_lies_in_one_window_and_windows_touch(window, moment):
    span = window.span(moment)

    assert span.start <= moment < span.end
    assert window.span(span.start) == window.span(span.end - 1) == span
    following = window.span(span.end)
    assert following.start == span.end
    assert following.id != span.id


@pytest.mark.parametrize(
    ("kind", "zone", "moment", "name", "seconds"),
    [
        ("minute", "UTC", "2026-11-24T13:07:30", "2026-11-24T13:07", 60), ("hour", "UTC", "2026-11-24T13:07:30", "2026-11-24T13", 3600),
        ("day", "UTC", "2026-11-24T13:07", "2026-11-24", 86_400), ("day", "Europe/Amsterdam", "2026-03-29T12:00", "2026-03-29", 23 * 3600),
        ("day", "Europe/Amsterdam", "2026-10-25T12:00", "2026-10-25", 25 * 3600), ("day", "America/New_York", "2026-03-08T12:00", "2026-03-08", 23 * 3600),
        ("day", "Australia/Lord_Howe", "2026-04-05T12:00", "2026-04-05", 88_200), ("day", "Africa/Cairo", "2026-04-24T12:00", "2026-04-24", 23 * 3600),
        ("week", "UTC", "2026-11-22T23:59", "2026-W47", 604_800), ("week", "UTC", "2027-01-03T12:00", "2026-W53", 604_800),
        ("month", "UTC", "2028-02-29T12:00", "2028-02", 29 * 86_400), ("month", "Europe/Amsterdam", "2026-03-10T12:00", "2026-03", 31 * 86_400 - 3600),
    ],
)  # fmt: skip
def test_windows_of_the_calendar(kind, zone, moment, name, seconds):
    window = Window(kind, zone)
    start, end = window.bounds(at(moment, zone))

    assert (window.window_id(at(moment, zone)), end - start) == (name, seconds)


@pytest.mark.parametrize(
    ("day", "begins"),
    [(29, "0129 0229 0329 0429"), (30, "0130 0229 0330 0430"), (31, "0131 0229 0331 0430")],
)
def test_a_short_month_begins_on_its_last_day_and_the_next_springs_back(day, begins):
    window, moment, found = (
        Window("month", anchor=datetime(2024, 1, day, tzinfo=UTC)),
        datetime(2024, 1, day, tzinfo=UTC),
        [],
    )
    for _ in range(4):
        start, end = window.bounds(moment)
        found.append(f"{datetime.fromtimestamp(start, UTC):%m%d}")
        moment = datetime.fromtimestamp(end, UTC)

    assert " ".join(found) == begins


def test_names_of_anchored_windows():
    window = Window("month", anchor=at("2026-01-31T00:00"))

    assert window.window_id(at("2026-10-31T00:00")) == "2026-01-31+9"
    assert window.window_id(at("2026-01-30T23:59")) == "2026-01-31-1"
    assert Window("day", anchor=at("2026-01-31T09:30")).window_id(at("2026-01-31T10:00")) == "2026-01-31T09:30:00+0"


def test_an_anchored_day_keeps_its_hour_and_a_skipped_one_begins_at_the_jump():
    zone = "Europe/Amsterdam"
    nine = Window("day", zone, at("2026-03-01T09:00", zone))
    assert nine.bounds(at("2026-03-29T12:00", zone))[0] == at("2026-03-29T09:00", zone).timestamp()

    skipped = Window("day", zone, at("2026-03-01T02:30", zone))
    assert skipped.bounds(at("2026-03-29T12:00", zone))[0] == at("2026-03-29T01:00").timestamp()


@pytest.mark.parametrize("kind", ["total", "manual"])
def test_windows_without_an_end_begin_again_at_their_anchor(kind):
    anchor = at("2026-11-01T00:00")
    window = Window(kind, anchor=anchor)

    assert Window(kind).bounds(at("2026-11-24T00:00")) == (0, None)
    assert window.bounds(at("2026-10-01T00:00")) == (0, anchor.timestamp())
    assert window.bounds(anchor) == (anchor.timestamp(), None)
    assert window.window_id(anchor) == f"{kind}@2026-11-01"


@pytest.mark.parametrize(
    ("zone", "anchor"),
    [("Mars/Base", None), ("UTC", datetime.fromisoformat("2026-01-01")), ("UTC", datetime(1, 1, 1, tzinfo=UTC))],
)
def test_unknown_zones_and_impossible_anchors_are_refused(zone, anchor):
    with pytest.raises(ValueError):
        Window("day", zone, anchor)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        Window("day").bounds(datetime.fromisoformat("2026-01-01"))
