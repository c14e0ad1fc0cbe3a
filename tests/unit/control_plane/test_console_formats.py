"""How pages of the console write figures and moments."""

import pytest

from gateway.control_plane.console.formats import hour, short


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (9_999, "9,999"), (10_000, "10k"), (999_900, "1M"), (4_404_000, "4.4M"), (1_234_567_890, "1.23G")],
)
def test_large_numbers(number, shown):
    assert (f">{shown}<" in str(short(number))) or str(short(number)) == shown


def test_what_is_known_to_the_hour_is_told_to_the_hour():
    assert str(hour(1_795_964_400_000_000)) == '<time datetime="2026-11-29T15:00Z">2026-11-29, 15 h</time>'
