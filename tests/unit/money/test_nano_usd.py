from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money.nano_usd import NANO, decimal_usd, nano_usd, shown_usd


@pytest.mark.parametrize(
    ("dollars", "nano"),
    [("0", 0), ("1", NANO), ("0.000000001", 1), ("5000", 5000 * NANO), ("0.25", 250_000_000), ("-1.5", -1_500_000_000)],
)
def test_dollars_are_read_exactly(dollars, nano):
    assert nano_usd(Decimal(dollars)) == nano


@pytest.mark.parametrize("dollars", ["0.0000000001", "NaN", "Infinity"])
def test_what_is_too_fine_or_no_amount_is_refused(dollars):
    with pytest.raises(ValueError, match=r"finer|no amount"):
        nano_usd(Decimal(dollars))


@given(st.integers(-(10**24), 10**24))
def test_decimals_there_and_back(amount):
    assert nano_usd(Decimal(decimal_usd(amount))) == amount


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0.00"),
        (61_200_000_000, "$61.20"),
        (5_000_000_000_000, "$5,000.00"),
        (10_000_000, "$0.01"),
        (9_999_999, "$0.01"),
        (1_234_000, "$0.0012"),
        (25_000, "$0.000025"),
        (1, "$0.000000001"),
        (-61_205_000_000, "-$61.21"),
    ],
)
def test_amounts_for_people(nano, shown):
    assert shown_usd(nano) == shown
