"""Under which peppers the keys that are kept here were hashed, as far as it is known: fingerprints beside the hashes.

What the control plane mints it knows of; of hashes that came from files, gateways tell under which pepper they found
a key.
A gateway that has another pepper refuses every key, and is told of it here.
"""

import re
from typing import Final

from sqlalchemy import Connection, func, select

from gateway.storage.insert import insert_missing
from gateway.storage.tables import key_peppers

_FINGERPRINT: Final = re.compile(r"[0-9a-f]{8}")
_MOST: Final = 64


def note(connection: Connection, fingerprint: str, now: int) -> None:
    """A key was hashed, or found, under the pepper with this fingerprint, at `now`; what is none is left out."""
    if _FINGERPRINT.fullmatch(fingerprint) is None or fingerprint in known(connection):
        return
    if (connection.scalar(select(func.count()).select_from(key_peppers)) or 0) < _MOST:
        insert_missing(connection, key_peppers, {"fingerprint": [fingerprint], "first_at": [now]})


def known(connection: Connection) -> tuple[str, ...]:
    """The fingerprints, the oldest first."""
    return tuple(connection.scalars(select(key_peppers.c.fingerprint).order_by(key_peppers.c.first_at)))
