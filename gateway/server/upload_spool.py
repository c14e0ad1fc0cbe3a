"""Long forms on their way to a provider lie here, for their owner alone, in files that nobody can name.

A form goes up only once all of it has been judged, and a file in it may stand before what is judged. Files of lines of
JSON, which a batch may be made of, are kept for a day, so that the batch can be judged by what went up.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

from gateway import clock, ids, private_files
from gateway.errors import GatewayError
from gateway.turns import beside
from gateway.wire.multipart import MultipartBody
from gateway.wire.spooled_form import pieces_of_file

_WRITTEN_AT_ONCE: Final = 1024 * 1024
_KEPT_S: Final = 86_400

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
        self._kept = directory / "kept"
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

    async def keep(self, form: MultipartBody, *, is_part: bool) -> str:
        """Keeps what may become the input of a batch, or a part of it; `LENGTH:SHA-256`, empty for what may not."""
        return await self._on_disk(self._keep, form, is_part)

    async def open(self, digest: str) -> SpooledUpload | None:
        """What was kept under a digest, if it still is here, and is what it was."""
        return await self._on_disk(self._open_kept, digest)

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

    def _keep(self, form: MultipartBody, is_part: bool) -> str:
        pieces = form.only_file()
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

    def _open_kept(self, digest: str) -> SpooledUpload | None:
        size, _, named = digest.partition(":")
        try:
            descriptor = os.open(self._kept / named, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return None
        found = hashlib.sha256()
        for piece in pieces_of_file(descriptor, 0, os.fstat(descriptor).st_size):
            found.update(piece)
        if found.hexdigest() != named or os.fstat(descriptor).st_size != int(size):
            os.close(descriptor)
            return None
        upload = SpooledUpload(self, descriptor)
        upload.size = int(size)
        self._free -= upload.size
        return upload

    def _forget_old_ones(self) -> None:
        """Kept files go after a day, and the oldest ones before where they are too many."""
        there = sorted(self._kept.iterdir(), key=lambda one: one.stat().st_mtime, reverse=True)
        oldest, size = clock.now() - _KEPT_S, 0
        for path in there:
            known = path.stat()
            size += known.st_size
            if known.st_mtime < oldest or size > self._bound:
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
