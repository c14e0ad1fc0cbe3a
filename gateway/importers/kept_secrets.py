"""Secrets of another gateway's keys go on, as keyed hashes of the SHA-256 that it keeps of them, for a while."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from gateway import clock
from gateway.keys.digest import Pepper, format_hash

_DAYS: Final = 90
GO_ON: Final = (
    f"secrets go on as they are for {_DAYS} days at most; rotate each before (`gateway keys rotate NAME`), then "
    "say when it ends, or that it does not (`gateway keys expire NAME`): the end stays. One "
    "that was chosen by hand, such as `sk-1234`, can be guessed: rotate it at once"
)
"""What is to be told of keys that go on."""
WITHOUT_PEPPER: Final = (
    "without GATEWAY_KEY_PEPPER secrets cannot come along: a control plane mints new ones at apply, "
    "`gateway keys mint NAME` in a file"
)


def keep_secret(spec: dict[str, Any], sha256: bytes, pepper: Pepper) -> None:
    """Gives a key the hash of its secret, and an end: it was hashed without a pepper, and may be guessed."""
    last = clock.utc_now().replace(microsecond=0) + timedelta(days=_DAYS)
    spec["secret_hash"] = format_hash(pepper.imported(sha256))
    ends = datetime.fromisoformat(spec["expires_at"]) if "expires_at" in spec else last
    if ends >= last:
        spec["expires_at"] = moment(last)


def moment(written: object) -> str:
    """A moment as the file writes it, empty where none can be read."""
    try:
        found = datetime.fromisoformat(str(written))
        aware = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return ""
