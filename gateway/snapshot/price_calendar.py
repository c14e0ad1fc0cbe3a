"""What a model will cost: on later days, and at other hours of the day."""

from collections.abc import Iterator
from typing import Any, Final

from gateway.money.price_times import Period, PriceOverTime
from gateway.snapshot.written_prices import written_period, written_price

_DAY_S: Final = 86_400


def changes_after(prices: PriceOverTime, now: float) -> list[dict[str, Any]]:
    """As the file writes changes: first the hours of the present day at which another price holds, then later days.

    Args:
        prices: Of one model.
        now: Seconds since the epoch; what holds then is left out.
    """
    return [*_changes_after(prices, now)]


def _changes_after(prices: PriceOverTime, now: float) -> Iterator[dict[str, Any]]:
    moments = [one for one in prices.changes.moments if one > now]
    ends = [*moments, float("inf")]
    before = _written(prices, now)
    for begin, end in zip((now, *moments), ends, strict=True):
        since, here = (None, before) if begin == now else (int(begin), _written(prices, begin))
        if since is not None and here != before:
            yield {**dict(written_period(Period(since))), **here}
        for hours, written in _other_hours(prices, begin, end):
            if written != here:
                yield {**dict(written_period(Period(since, hours))), **written}
        before = here


def _other_hours(prices: PriceOverTime, begin: float, end: float) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    """The spans of the day from a moment on, as far as they come before another."""
    daily = prices.changes.daily
    found: list[tuple[tuple[int, int], dict[str, Any]]] = []
    for first, last in zip(daily, (*daily[1:], *daily[:1]), strict=True):
        at = begin - begin % _DAY_S + first
        at = at if at >= begin else at + _DAY_S
        if at >= end:
            continue
        written = _written(prices, at)
        if found and found[-1][1] == written and found[-1][0][1] == first:
            found[-1] = (found[-1][0][0], last), written
        else:
            found.append(((first, last), written))
    yield from found


def _written(prices: PriceOverTime, seconds: float) -> dict[str, Any]:
    price = prices.at(seconds)
    return {} if price is None else written_price(price)
