from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.money.nano_usd import MAX_NANO_USD, divide_half_up, from_usd, nearest_to_usd, shown, to_usd


@pytest.mark.parametrize(
    ("usd", "nano"),
    [
        ("0", 0),
        ("1", 10**9),
        ("0.000000001", 1),
        ("12.50", 12_500_000_000),
        (Decimal("1E+3"), 10**12),
        (5000, 5 * 10**12),
    ],
)
def test_dollars_are_read_exactly(usd, nano):
    assert from_usd(usd) == nano


@pytest.mark.parametrize(
    "usd",
    ["0.0000000001", "-1", "", " 1", "1e3", "1_0", "1.", ".5", "\u0661", Decimal("NaN"), Decimal("Infinity"), Decimal(-1), -1,
     Decimal("1E-999999"), Decimal("1E+999999"), Decimal("1.0000000005"), "9223372036.854775808"],
)  # fmt: skip
def test_what_is_no_amount_is_refused(usd):
    with pytest.raises(ValueError):
        from_usd(usd)


@pytest.mark.parametrize("usd", [0.1, True, None])
def test_floats_are_no_money(usd):
    with pytest.raises(TypeError):
        from_usd(usd)


@given(st.integers(0, MAX_NANO_USD))
def test_there_and_back(nano):
    assert from_usd(to_usd(nano)) == nano
    assert from_usd(Decimal(to_usd(nano))) == nano


def test_published_figures_go_to_the_nearest_nano_dollar():
    assert nearest_to_usd(Decimal("0.18000000000000002")) == 180_000_000
    assert nearest_to_usd(Decimal("0.0833333333333333")) == 83_333_333
    assert nearest_to_usd(Decimal("0.0000000005")) == 1
    assert nearest_to_usd(Decimal("0.00000000049")) == 0
    assert nearest_to_usd(Decimal("1E-30")) == 0


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "$0.00"), (61_200_000_000, "$61.20"), (5_000_000_000_000, "$5,000.00"), (30_000, "$0.00003"),
        (999_000_000, "$0.999"), (999_600_000, "$1.00"), (12_345_600, "$0.0123"), (1, "$0.000000001"),
        (61_205_000_000, "$61.21"), (-500_000_000, "-$0.50"), (250_000_000, "$0.25"),
    ],
)  # fmt: skip
def test_amounts_for_people(nano, text):
    assert shown(nano) == text


@given(st.integers(0, 10**30), st.integers(1, 10**12))
def test_a_quotient_is_rounded_to_the_nearest_and_a_half_goes_up(numerator, denominator):
    error = divide_half_up(numerator, denominator) - Fraction(numerator, denominator)

    assert Fraction(-1, 2) < error <= Fraction(1, 2)
