"""What looks like a credential leaves no process."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.redact import HIDDEN, redact


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("key lw_vk_test_01K00000000000000000000000 refused", f"key {HIDDEN} refused"),
        ("token lw_admin_abcDEF-123_456", f"token {HIDDEN}"),
        ("Authorization: Bearer abcdefgh.ijkl", f"Authorization: Bearer {HIDDEN}"),
        ("authorization: basic dXNlcjpwYXNz", f"authorization: basic {HIDDEN}"),
        ("sk-proj-0123456789 and sk-ant-api03-xyz", f"{HIDDEN} and {HIDDEN}"),
        ("AIzaSyA0123456789abcdefghijk", HIDDEN),
        ("AKIAIOSFODNN7EXAMPLE", HIDDEN),
        ("postgresql://me:secret@db:5432/x", f"postgresql://{HIDDEN}@db:5432/x"),
        ("https://example.com/a:b@c is no password", "https://example.com/a:b@c is no password"),
        ("risk-averse models and task-oriented ones", "risk-averse models and task-oriented ones"),
    ],
)
def test_credentials_are_hidden(text, left):
    assert redact(text) == left


@given(st.text(), st.text())
def test_a_virtual_key_is_hidden_wherever_it_stands(before, after):
    assert "01K00000000000000000000000" not in redact(f"{before}lw_vk_live_01K00000000000000000000000{after}")
