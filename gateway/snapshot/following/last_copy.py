"""The last good snapshot on disk, so that a gateway starts and serves while its control plane is away.

It is encrypted under a key made from the token that it was fetched with: whoever has the disk alone has no credentials,
and a gateway needs no setting more.
"""

import base64
import logging
from pathlib import Path
from typing import Final

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway import private_files
from gateway.secret import Secret
from gateway.snapshot.following.state import Followed, decode, encode

_PURPOSE: Final = b"gateway: last copy of a control plane's snapshot"

_log = logging.getLogger(__name__)


class LastCopy:
    """One file. Nothing that goes wrong with it stops a gateway."""

    def __init__(self, file: Path, token: Secret) -> None:
        self._file = file
        key = HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(token.reveal().encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def read(self) -> Followed | None:
        """What was kept; `None` where there is nothing, or nothing that can be read."""
        try:
            return decode(self._fernet.decrypt(self._file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, InvalidToken, msgspec.DecodeError) as error:
            why = "it was kept under another token, or is damaged" if isinstance(error, InvalidToken) else str(error)
            _log.warning("the last copy of the control plane's snapshot, %s, is of no use: %s", self._file, why)
            return None

    def write(self, followed: Followed) -> None:
        """Keeps it, whole or not at all."""
        try:
            private_files.make_folder(self._file.parent)
            private_files.replace(self._file, self._fernet.encrypt(encode(followed)))
        except OSError as error:
            _log.warning("the snapshot cannot be kept on disk, in %s: %s", self._file, error.strerror)
