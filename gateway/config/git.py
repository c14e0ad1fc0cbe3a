"""Which git commit a file belongs to, read straight from `.git`: no process, no failure."""

import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_SHOWN = 7


def root_of(file: Path) -> Path | None:
    """The root of the working tree around the file, `None` outside a repository."""
    try:
        return next((one for one in file.resolve().parents if (one / ".git").exists()), None)
    except (OSError, ValueError, RuntimeError):
        return None


def commit_of(file: Path) -> str | None:
    """The first digits of the commit that is checked out around the file, `None` outside a repository."""
    root = root_of(file)
    if root is None:
        return None
    try:
        return _head(_git_directory(root / ".git"))
    except (OSError, ValueError, RuntimeError):
        return None


def _git_directory(git: Path) -> Path:
    """A worktree's `.git` is a file that names the directory."""
    if git.is_dir():
        return git
    return (git.parent / git.read_text().removeprefix("gitdir:").strip()).resolve()


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return _short(head)
    name = head.removeprefix("ref: ")
    shared = git / "commondir"
    roots = [git, (git / shared.read_text().strip()).resolve()] if shared.exists() else [git]
    for root in roots:
        loose = root / name
        if loose.exists():
            return _short(loose.read_text().strip())
        packed = root / "packed-refs"
        if packed.exists():
            for line in packed.read_text().splitlines():
                commit, _, reference = line.partition(" ")
                if reference == name:
                    return _short(commit)
    return None


def _short(commit: str) -> str | None:
    return commit[:_SHOWN] if _COMMIT.fullmatch(commit) else None
