"""Long forms on their way to a provider lie here, for their owner alone, in files that nobody can name.

A form goes up only once all of it has been judged, and a file in it may stand before what is judged. Files of lines of
JSON, which a batch may be made of, are kept for a day, so that the batch can be judged by what went up.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway import clock, ids, private_files
from gateway.errors import GatewayError
from gateway.turns import beside
from gateway.wire.multipart import MultipartBody
from gateway.wire.spooled_form import sha256_of_file

_WRITTEN_AT_ONCE: Final = 1024 * 1024
_KEPT_S: Final = 86_400

_Result = TypeVar("_Result")


class SpooledUpload:
    """One file. `close` gives its room back; a process that dies does so too, since the file has no name.

    `descriptor` is negative while it is not open.
    """

    def __init__(self, spool: "UploadSpool") -> None:
        self._spool = spool
        self.descriptor = -1
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
        self._kept = directory / "kept"
        self._bound = bound
        self._free = bound

    async def take(self, pieces: AsyncIterator[bytes], most: int) -> SpooledUpload:
        """Writes a body as it comes. Raises `payload_too_large` beyond `most` bytes, and `overloaded` without room."""
        upload = SpooledUpload(self)
        try:
            await self._on_disk(self._open, upload)
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

    async def keep(self, form: MultipartBody, *, is_part: bool) -> str:
        """Keeps what may become the input of a batch, or a part of it; `LENGTH:SHA-256`, empty for what may not."""
        return await self._on_disk(self._keep, form, is_part)

    async def open(self, digest: str) -> SpooledUpload | None:
        """What was kept under a digest, if it still is here, and is what it was."""
        upload = SpooledUpload(self)
        size, _, named = digest.partition(":")
        try:
            is_here = await self._on_disk(self._open_kept, upload, int(size), named)
        except BaseException:
            upload.close()
            raise
        if not is_here:
            upload.close()
            return None
        upload.size = int(size)
        self._free -= upload.size
        return upload

    def give_back(self, size: int) -> None:
        """So many bytes are free again."""
        self._free += size

    async def _on_disk(self, work: Callable[..., _Result], *arguments: Any) -> _Result:
        try:
            return await beside(work, *arguments)
        except OSError as problem:
            raise _full(problem.strerror or "the disk fails") from problem

    def _open(self, upload: SpooledUpload) -> None:
        private_files.make_folder(self._directory)
        path = self._directory / ids.ulid()
        upload.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        path.unlink()

    def _keep(self, form: MultipartBody, is_part: bool) -> str:
        pieces = form.only_file("data" if is_part else "file")
        first = next(pieces, b"")
        if not first or not (is_part or first.lstrip()[:1] == b"{"):
            return ""
        private_files.make_folder(self._kept)
        path = private_files.beside_of(self._kept / "input")
        digest, size = hashlib.sha256(), 0
        try:
            with os.fdopen(private_files.make_new(path), "wb") as opened:
                for piece in chain((first,), pieces):
                    digest.update(piece)
                    size += len(piece)
                    opened.write(piece)
            path.replace(self._kept / digest.hexdigest())
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self._forget_old_ones()
        return f"{size}:{digest.hexdigest()}"

    def _open_kept(self, upload: SpooledUpload, size: int, named: str) -> bool:
        """Opens what is kept under a name; whether it is what it was."""
        try:
            descriptor = os.open(self._kept / named, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return False
        upload.descriptor = descriptor
        if os.fstat(descriptor).st_size != size:
            return False
        return sha256_of_file(descriptor, 0, size) == named

    def _forget_old_ones(self) -> None:
        """Kept files go after a day, and the oldest ones before where they are too many."""
        there: list[tuple[float, int, Path]] = []
        for path in self._kept.iterdir():
            with suppress(FileNotFoundError):  # other workers do the same
                known = path.stat()
                there.append((known.st_mtime, known.st_size, path))
        oldest, size = clock.now() - _KEPT_S, 0
        for written_at, length, path in sorted(there, reverse=True):
            size += length
            if written_at < oldest or size > self._bound:
                path.unlink(missing_ok=True)


def _write(descriptor: int, pieces: list[bytes]) -> None:
    rest = memoryview(b"".join(pieces))
    while rest:
        # Not within the brackets: what stands there mypyc does twice.
        written = os.write(descriptor, rest)
        rest = rest[written:]


def _full(why: str) -> GatewayError:
    return GatewayError(
        "overloaded",
        f"There is no room for the upload at present: {why}.",
        code="uploads_full",
        headers={"retry-after": "1"},
    )
