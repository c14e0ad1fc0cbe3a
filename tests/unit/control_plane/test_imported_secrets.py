"""Which keys still go by another gateway's secret."""

import pytest

from gateway.control_plane.key_search import has_imported_secret

NOW = 1_780_000_000_000_000
"""In May 2026."""
OWN, OTHER = f"hmac-sha256:{'0' * 64}", f"hmac-sha256-sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"secret_hash": OTHER}, True),
        ({"secret_hash": OWN}, False),
        ({}, False),
        ({"secret_hash": OWN, "previous_secret_hash": OTHER}, False),
        (
            {
                "secret_hash": OWN,
                "previous_secret_hash": OTHER,
                "previous_secret_expires_at": "2099-01-01T00:00:00Z",
            },
            True,
        ),
        (
            {
                "secret_hash": OWN,
                "previous_secret_hash": OTHER,
                "previous_secret_expires_at": "2020-01-01T00:00:00Z",
            },
            False,
        ),
    ],
)
def test_a_key_is_an_imported_one_while_such_a_secret_opens_something(spec, expected):
    assert has_imported_secret(spec, NOW) is expected
