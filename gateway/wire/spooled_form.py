"""A form whose long files lie on the disk: what is judged is in memory, and files are read when the form goes up."""

import hashlib
import mmap
import os
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.errors import GatewayError
from gateway.wire.media_type import boundary_of
from gateway.wire.multipart import NO_FIELDS, FormFields, MultipartBody, Part, parts_of

_IN_MEMORY: Final = 4096
"""Bytes up to which a file stays with the fields."""
_PIECE: Final = 1024 * 1024


class SpooledForm(MultipartBody):
    """See `MultipartBody`; `data` is the form without its long files, which is a form as well.

    Args:
        descriptor: The file with the whole form, which stays open for as long as this is used.
        size: Its length, at least 1.
        content_type: As the client wrote it.
        most: Bytes that everything but long files may have together.
        judged: The fields by which the form is judged.

    Raises:
        GatewayError: As for a form in memory, and `payload_too_large`.
    """

    __slots__ = ("_descriptor", "_long_files")

    def __init__(
        self, descriptor: int, size: int, content_type: bytes, most: int, judged: FormFields = NO_FIELDS
    ) -> None:
        self._descriptor = descriptor
        self._boundary = boundary_of(content_type)
        self._long_files: dict[int, Part] = {}
        whole = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
        super().__init__(self._without_files(whole, most), content_type, judged)

    def filled(self, data: bytes) -> "LongForm":
        """The form as it goes up: `data`, in which fields may have been changed, with its files where they belong."""
        segments: list[bytes | tuple[int, int]] = []
        position = 0
        for number, part in enumerate(parts_of(data, self._boundary)):
            if number in self._long_files:
                long_file = self._long_files[number]
                segments += [data[position : part.start], (long_file.start, long_file.end)]
                position = part.end
        return LongForm(self._descriptor, [*segments, data[position:]])

    def only_file(self, name: str) -> Iterator[bytes]:
        """See `MultipartBody`. Raises `OSError`."""
        if not self._long_files:
            yield from super().only_file(name)
            return
        if not self._has_only(name):
            return
        (part,) = self._long_files.values()
        yield from pieces_of_file(self._descriptor, part.start, part.end)

    def _without_files(self, whole: mmap.mmap, most: int) -> bytes:
        rest: list[tuple[int, int]] = []
        position = 0
        for number, part in enumerate(parts_of(whole, self._boundary)):
            if part.is_file and part.end - part.start > _IN_MEMORY:
                self._long_files[number] = part
                rest.append((position, part.start))
                position = part.end
        rest.append((position, len(whole)))
        if sum(end - start for start, end in rest) > most:
            raise GatewayError("payload_too_large", f"The form has more than {most} bytes beside its files.")
        return b"".join([whole[start:end] for start, end in rest])


class LongForm:
    """A body that is read piece by piece: what is in memory, and from where to where it lies in a file."""

    def __init__(self, descriptor: int, segments: Sequence[bytes | tuple[int, int]]) -> None:
        self._descriptor = descriptor
        self._segments = segments
        self.length = sum(len(one) if isinstance(one, bytes) else one[1] - one[0] for one in segments)

    def pieces(self) -> Iterator[bytes]:
        """All of it from the beginning. Raises `OSError`."""
        for one in self._segments:
            if isinstance(one, bytes):
                yield one
            else:
                yield from pieces_of_file(self._descriptor, *one)


def pieces_of_file(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    """What stands in a file from one place to another. Raises `OSError`."""
    while start < end:
        piece = os.pread(descriptor, min(_PIECE, end - start), start)
        if not piece:
            raise OSError("a spooled upload is shorter than it was")
        start += len(piece)
        yield piece


def sha256_of_file(descriptor: int, start: int, end: int) -> str:
    """The digest of what stands in a file from one place to another, in hex. Raises `OSError`."""
    found = hashlib.sha256()
    for piece in pieces_of_file(descriptor, start, end):
        found.update(piece)
    return found.hexdigest()
