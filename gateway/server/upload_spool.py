"""Long forms on their way to a provider lie here, for their owner alone, in files that nobody can name.

A form goes up only once all of it has been judged, and a file in it may stand before what is judged.
"""

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway import ids, private_files
from gateway.errors import GatewayError
from gateway.turns import beside

_WRITTEN_AT_ONCE: Final = 1024 * 1024

_Result = TypeVar("_Result")


class SpooledUpload:
    """One form. `close` gives its room back; a process that dies does so too, since the file has no name."""

    def __init__(self, spool: "UploadSpool", descriptor: int) -> None:
        self._spool = spool
        self.descriptor = descriptor
        self.size = 0

    def close(self) -> None:
        """Lets go of the file; idempotent."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
            self._spool.give_back(self.size)


class UploadSpool:
    """What one worker has of uploads on its disk, under a bound.

    Args:
        directory: Where; it is made with the first upload.
        bound: Bytes that all of them may have together.
    """

    def __init__(self, directory: Path, bound: int) -> None:
        self._directory = directory
        self._bound = bound
        self._free = bound

    async def take(self, pieces: AsyncIterator[bytes], most: int) -> SpooledUpload:
        """Writes a body as it comes. Raises `payload_too_large` beyond `most` bytes, and `overloaded` without room."""
        upload = SpooledUpload(self, await self._on_disk(self._open))
        try:
            await self._fill(upload, pieces, most)
        except BaseException:
            upload.close()
            raise
        return upload

    async def _fill(self, upload: SpooledUpload, pieces: AsyncIterator[bytes], most: int) -> None:
        waiting: list[bytes] = []
        size = 0
        async for piece in pieces:
            if self._free < len(piece):
                raise _full("uploads that are under way have all the room that they may")
            self._free -= len(piece)
            upload.size += len(piece)
            if upload.size > most:
                raise GatewayError("payload_too_large", f"An upload may have {most} bytes.")
            waiting.append(piece)
            size += len(piece)
            if size >= _WRITTEN_AT_ONCE:
                await self._on_disk(_write, upload.descriptor, waiting)
                waiting, size = [], 0
        await self._on_disk(_write, upload.descriptor, waiting)

    def give_back(self, size: int) -> None:
        """So many bytes are free again."""
        self._free += size

    async def _on_disk(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        try:
            return await beside(work, *arguments)
        except OSError as problem:
            raise _full(problem.strerror or "the disk fails") from problem

    def _open(self) -> int:
        private_files.make_folder(self._directory)
        path = self._directory / ids.ulid()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        path.unlink()
        return descriptor


def _write(descriptor: int, pieces: list[bytes]) -> None:
    rest = memoryview(b"".join(pieces))
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _full(why: str) -> GatewayError:
    return GatewayError(
        "overloaded",
        f"There is no room for the upload at present: {why}.",
        code="uploads_full",
        headers={"retry-after": "1"},
    )
