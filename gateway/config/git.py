"""Which git commit files belong to, and whether they are as it has them, read from `.git`: no process, no failure.

Objects are read as gitrepository-layout(5) and gitformat-pack(5) describe them: loose ones, and those of packs whose
index is of version 2. What cannot be read so (a partial clone, SHA-256) makes a file count as changed.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_SHOWN = 7
_INDEX_MAGIC: Final = b"\xfftOc\x00\x00\x00\x02"
_OFFSET_DELTA: Final = 6
_REFERENCE_DELTA: Final = 7
_ID_BYTES: Final = 20


class _UnreadableError(Exception):
    """An object is not there, or not in a form that is known."""


def root_of(file: Path) -> Path | None:
    """The root of the working tree around the file, `None` outside a repository."""
    try:
        return next((one for one in file.resolve().parents if (one / ".git").exists()), None)
    except (OSError, ValueError, RuntimeError):
        return None


def commit_of(files: Sequence[Path]) -> str | None:
    """The first digits of the commit that is checked out around the first file, `None` outside a repository.

    `+dirty` follows where the commit has any of the files not, or otherwise than it is now.
    """
    root = root_of(files[0])
    if root is None:
        return None
    try:
        return _told(_git_directory(root / ".git"), root, [file.resolve() for file in files])
    except (OSError, ValueError, RuntimeError):
        return None


def _told(git: Path, root: Path, files: Sequence[Path]) -> str | None:
    commit = _head(git)
    if commit is None:
        return None
    return commit[:_SHOWN] + ("" if _is_clean(_Objects(git), commit, root, files) else "+dirty")


def _is_clean(objects: "_Objects", commit: str, root: Path, files: Sequence[Path]) -> bool:
    try:
        header = objects.read(bytes.fromhex(commit)).partition(b"\n")[0]
        tree = bytes.fromhex(header.removeprefix(b"tree ").decode())
        trees: dict[bytes, dict[bytes, bytes]] = {}
        return all(_is_same(objects, trees, tree, file.relative_to(root).parts, file) for file in files)
    except (OSError, ValueError, IndexError, struct.error, zlib.error, _UnreadableError):
        return False


def _is_same(
    objects: "_Objects", trees: dict[bytes, dict[bytes, bytes]], tree: bytes, path: Sequence[str], file: Path
) -> bool:
    """Whether a file is as the tree has it; `trees` keeps what was read, since files share their folders."""
    at = tree
    for step in path:
        if at not in trees:
            trees[at] = dict(_entries(objects.read(at)))
        if (found := trees[at].get(step.encode())) is None:
            return False
        at = found
    content = file.read_bytes()
    # A checkout may have written CRLF for LF.
    return at in (_blob_id(content), _blob_id(content.replace(b"\r\n", b"\n")))


def _blob_id(content: bytes) -> bytes:
    return hashlib.sha1(b"blob %d\x00%b" % (len(content), content), usedforsecurity=False).digest()


def _entries(tree: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and ids of a tree: the mode and the name, a zero byte and the id, again and again."""
    place = 0
    while place < len(tree):
        end = tree.index(b"\x00", place)
        name = tree[place:end].partition(b" ")[2]
        place = end + 1 + _ID_BYTES
        yield name, tree[end + 1 : place]


class _Objects:
    """The objects of a repository, by id."""

    def __init__(self, git: Path) -> None:
        self._folders = [root / "objects" for root in _roots(git)]
        for folder in (*self._folders,):
            alternates = folder / "info" / "alternates"
            if alternates.exists():
                self._folders += [(folder / line).resolve() for line in alternates.read_text().splitlines() if line]

    def read(self, id_: bytes) -> bytes:
        """The content of an object. Raises `_UnreadableError`."""
        name = id_.hex()
        for folder in self._folders:
            loose = folder / name[:2] / name[2:]
            if loose.exists():
                return zlib.decompress(loose.read_bytes()).partition(b"\x00")[2]
        for folder in self._folders:
            for index in sorted((folder / "pack").glob("*.idx")):
                with index.open("rb") as opened:
                    offset = _offset(opened, id_)
                if offset is not None:
                    with index.with_suffix(".pack").open("rb") as pack:
                        return self._packed(pack, offset)
        raise _UnreadableError

    def _packed(self, pack: BinaryIO, offset: int) -> bytes:
        pack.seek(offset)
        kind = _first_byte(pack)
        if kind == _OFFSET_DELTA:
            back = _distance(pack)
            delta = _inflated(pack)
            return _patched(self._packed(pack, offset - back), delta)
        if kind == _REFERENCE_DELTA:
            base = pack.read(_ID_BYTES)
            delta = _inflated(pack)
            return _patched(self.read(base), delta)
        return _inflated(pack)


def _offset(index: BinaryIO, id_: bytes) -> int | None:
    """Where a pack has an object, by its index."""
    if index.read(8) != _INDEX_MAGIC:
        raise _UnreadableError
    fanout = struct.unpack(">256I", index.read(1024))
    first, last, total = fanout[id_[0] - 1] if id_[0] else 0, fanout[id_[0]], fanout[255]
    names = 8 + 1024
    index.seek(names + first * _ID_BYTES)
    some = index.read((last - first) * _ID_BYTES)
    for number in range(last - first):
        if some[number * _ID_BYTES : (number + 1) * _ID_BYTES] == id_:
            offsets = names + total * (_ID_BYTES + 4)
            index.seek(offsets + (first + number) * 4)
            (offset,) = struct.unpack(">I", index.read(4))
            if not offset & 0x80000000:
                return int(offset)
            index.seek(offsets + total * 4 + (offset & 0x7FFFFFFF) * 8)
            return int(struct.unpack(">Q", index.read(8))[0])
    return None


def _first_byte(pack: BinaryIO) -> int:
    """The type of an entry; its size is not needed."""
    byte = pack.read(1)[0]
    kind = byte >> 4 & 7
    while byte & 0x80:
        byte = pack.read(1)[0]
    return kind


def _distance(pack: BinaryIO) -> int:
    byte = pack.read(1)[0]
    found = byte & 0x7F
    while byte & 0x80:
        byte = pack.read(1)[0]
        found = (found + 1) << 7 | byte & 0x7F
    return found


def _inflated(pack: BinaryIO) -> bytes:
    inflate, found = zlib.decompressobj(), b""
    while not inflate.eof:
        if not (some := pack.read(65_536)):
            raise _UnreadableError
        found += inflate.decompress(some)
    return found


def _patched(base: bytes, delta: bytes) -> bytes:
    """What a delta makes of the object that it is based on."""
    place = _after_size(delta, _after_size(delta, 0))
    found = bytearray()
    while place < len(delta):
        command = delta[place]
        place += 1
        if not command & 0x80:
            found += delta[place : place + command]
            place += command
            continue
        numbers = []
        for bits, width in ((command, 4), (command >> 4, 3)):
            number = 0
            for position in range(width):
                if bits >> position & 1:
                    number |= delta[place] << 8 * position
                    place += 1
            numbers.append(number)
        start, size = numbers
        found += base[start : start + (size or 0x10000)]
    return bytes(found)


def _after_size(delta: bytes, place: int) -> int:
    while delta[place] & 0x80:
        place += 1
    return place + 1


def _git_directory(git: Path) -> Path:
    """A worktree's `.git` is a file that names the directory."""
    if git.is_dir():
        return git
    return (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()


def _roots(git: Path) -> list[Path]:
    """The directory itself, and that which a worktree shares with others."""
    shared = git / "commondir"
    return [git, (git / shared.read_text().strip()).resolve()] if shared.exists() else [git]


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return _whole(head)
    name = head.removeprefix("ref: ")
    for root in _roots(git):
        loose = root / name
        if loose.exists():
            return _whole(loose.read_text().strip())
        packed = root / "packed-refs"
        if packed.exists():
            for line in packed.read_text().splitlines():
                commit, _, reference = line.partition(" ")
                if reference == name:
                    return _whole(commit)
    return None


def _whole(commit: str) -> str | None:
    return commit if _COMMIT.fullmatch(commit) else None
