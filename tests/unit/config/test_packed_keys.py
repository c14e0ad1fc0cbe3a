from datetime import UTC, datetime

from gateway.config.packed_keys import KeySecrets, PackedKeys, key_secrets
from gateway.config.sections.virtual_keys import VirtualKey

ONE, TWO = "hmac-sha256:" + "1" * 64, "hmac-sha256:" + "2" * 64
WRITTEN = {
    "a": {
        "secret_hash": ONE,
        "tags": ["x"],
        "rate_limits": {"rpm": 5},
        "policy_rules": ["n", {"urls": {"deny": ["x"]}}],
    },
    "b": {"secret_hash": TWO, "previous_secret_hash": ONE, "previous_secret_expires_at": "2027-01-01 00:00:00z"},
}
MODELS = {name: VirtualKey.model_validate(key) for name, key in WRITTEN.items()}


def test_a_packed_key_is_the_key():
    packed = PackedKeys(WRITTEN)

    assert dict(packed) == MODELS
    assert len(packed) == 2
    assert "a" in packed
    assert "c" not in packed
    assert packed.get("c") is None


def test_the_secrets_are_the_same_packed_or_not():
    expected = [
        KeySecrets("a", ONE, None, None, None),
        KeySecrets("b", TWO, ONE, datetime(2027, 1, 1, tzinfo=UTC), None),
    ]

    assert list(key_secrets(PackedKeys(WRITTEN))) == list(key_secrets(MODELS)) == expected


def test_the_repr_shows_no_hash():
    assert repr(PackedKeys(WRITTEN)) == "<2 virtual keys>"
