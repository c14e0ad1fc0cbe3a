"""Which peppers keys have worked under here: a fingerprint a line, in the data directory.

A pepper that was lost and made anew refuses every key with 401, and nothing else is wrong. So a start under another one
than keys have ever worked under says so.
"""

import logging
import os
from pathlib import Path
from typing import Final

from gateway.keys.digest import Pepper
from gateway.private_files import open_private

_FILE: Final = "known-peppers"

_log = logging.getLogger(__name__)


class KnownPeppers:
    """What is known in one data directory. No failure of the disk raises: nothing hangs on it."""

    def __init__(self, directory: Path, pepper: Pepper) -> None:
        self._path = directory / _FILE
        self._pepper = pepper
        self._known = self._read()

    def tell_at_start(self) -> None:
        """Says under which pepper keys are looked up, and if none has ever worked under it where others have."""
        fingerprint = self._pepper.fingerprint
        _log.info("virtual keys are looked up under the pepper with the fingerprint %s", fingerprint)
        if (doubt := self._pepper.doubt()) is not None:
            _log.warning("%s: is it the right one? Else every key is refused", doubt)
        elif self._known and not self._known.intersection(self._pepper.fingerprints):
            _log.warning(
                "virtual keys have worked here under the pepper with the fingerprint %s and never under the present "
                "one, %s: is GATEWAY_KEY_PEPPER the one that they were hashed under? Else every key is refused",
                " or ".join(sorted(self._known)),
                fingerprint,
            )

    def worked(self) -> None:
        """A key was found under the present pepper."""
        if self._pepper.fingerprint in self._known:
            return
        self._known.add(self._pepper.fingerprint)
        try:
            with os.fdopen(open_private(self._path, os.O_WRONLY | os.O_APPEND), "w") as file:
                file.write(f"{self._pepper.fingerprint}\n")
        except OSError as problem:
            _log.warning("that keys work under this pepper cannot be noted in %s: %s", self._path, problem.strerror)

    def _read(self) -> set[str]:
        try:
            return set(self._path.read_text().split())
        except OSError:
            return set()
