"""Files and folders that hold secrets or names: for their owner alone, and written through no link.

Whatever the umask is, files are made with the mode 0600 and folders with 0700. What is there already with a looser mode
is tightened where it belongs to this user, and told of where it does not. A link in the place of a file that is to be
written may have been put there by somebody else to have another file overwritten, so it is an error. Reading goes
through links, as the volumes of Kubernetes want it.
"""

import errno
import logging
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

IS_LINK: Final = "it is a link, and nothing is written through links; name what it leads to"
_FILE: Final = 0o600
_FOLDER: Final = 0o700
_OTHERS: Final = 0o077

_log = logging.getLogger(__name__)
_told: set[str] = set()


def keep_to_owner() -> None:
    """Whatever this process makes from now on, libraries included, is for its owner alone."""
    os.umask(_OTHERS)


def make_folder(path: Path, *, follows_link: bool = False) -> None:
    """Makes a folder, and those above it that are missing; one that is there is tightened.

    Args:
        path: The folder.
        follows_link: Whether an operator may have put a link in its place, as for one that a setting names.

    Raises:
        OSError: It cannot be made, or something else or a link has its name.
    """
    missing = [path]
    while not os.path.lexists(above := missing[-1].parent):
        missing.append(above)
    for folder in reversed(missing):
        with suppress(FileExistsError):
            folder.mkdir(mode=_FOLDER)
            folder.chmod(_FOLDER)  # a umask may have taken bits of the owner's
    descriptor = _open(path, os.O_RDONLY | os.O_DIRECTORY, follows_link=follows_link)
    try:
        _tighten(descriptor, path)
    finally:
        os.close(descriptor)


def make_new(path: Path, *, append: bool = False) -> int:
    """Makes a file and opens it to be written; a descriptor.

    Raises:
        OSError: It cannot be made; `FileExistsError` where anything has its name, a link too.
    """
    # With O_EXCL no link is followed (POSIX, open).
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | (os.O_APPEND if append else 0)
    descriptor = os.open(path, flags, _FILE)
    os.fchmod(descriptor, _FILE)
    return descriptor


def open_private(path: Path, flags: int) -> int:
    """Opens a file to be written, which is made where it is missing and tightened where it is not; a descriptor.

    Args:
        path: The file.
        flags: Of `os.open`: how it is opened.

    Raises:
        OSError: It cannot be opened, or is a link.
    """
    with suppress(FileExistsError):
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE)
        os.fchmod(descriptor, _FILE)
        return descriptor
    # Without O_CREAT: `fs.protected_regular` forbids it for files of others in shared folders, which are told of below.
    descriptor = _open(path, flags)
    _tighten(descriptor, path)
    return descriptor


def write_new(path: Path, content: bytes) -> None:
    """Writes a file that is not there yet.

    Raises:
        OSError: It cannot be written; `FileExistsError` where anything has its name.
    """
    with os.fdopen(make_new(path), "wb") as opened:
        opened.write(content)


def write_for_all(path: Path, content: bytes) -> None:
    """Writes a file without secrets or names, which anybody may read as far as the umask says; through no link either.

    Raises:
        OSError: It cannot be written.
    """
    with os.fdopen(_open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), "wb") as opened:
        opened.write(content)


def replace(path: Path, content: bytes, *, mode: int = _FILE) -> None:
    """Writes a file whole or not at all, durably, in place of whatever has its name: a link goes, what it names stays.

    Args:
        path: The file.
        content: All of it.
        mode: That of the file, where others are to read it.

    Raises:
        OSError: It cannot be written.
    """
    beside = beside_of(path)
    try:
        with os.fdopen(make_new(beside), "wb") as opened:
            opened.write(content)
            opened.flush()
            os.fchmod(opened.fileno(), mode)
            os.fsync(opened.fileno())
        beside.replace(path)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def beside_of(path: Path) -> Path:
    """A name in the same folder that nobody has or can foresee."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def tighten(path: Path) -> None:
    """Takes what is there from others, or tells that it cannot; a link is left as it is. Raises nothing.

    The file itself is not opened: with any descriptor that is closed a process loses all locks that it has on a file
    (fcntl_locking(2)), and with them SQLite's.
    """
    try:
        descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # whoever reads it has more to say
    try:
        _tighten(descriptor, path)
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int, mode: int = 0, *, follows_link: bool = False) -> int:
    """As `os.open`, but for links: their error says what to do."""
    try:
        return os.open(path, flags | os.O_CLOEXEC | (0 if follows_link else os.O_NOFOLLOW), mode)
    except OSError as error:
        if not follows_link and path.is_symlink():
            raise OSError(errno.ELOOP, IS_LINK, str(path)) from None
        raise error from None


def _tighten(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    if not found.st_mode & _OTHERS or not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return
    # A folder such as /tmp is for everybody on purpose.
    if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX:
        with suppress(OSError):
            # As open(2) says of O_PATH, which fchmod(2) does not take.
            Path(f"/proc/self/fd/{descriptor}").chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
            return
    if str(path) not in _told:
        _told.add(str(path))
        _log.warning(
            "%s is open to other users (mode %o, of user %d) and cannot be taken from them here; it holds what is "
            "for the gateway alone",
            path,
            stat.S_IMODE(found.st_mode),
            found.st_uid,
        )
