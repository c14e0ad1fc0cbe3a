"""Changing a file that people wrote: comments and layout stay, and a result that is not valid is never written."""

import codecs
import io
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from gateway import private_files
from gateway.config.files import read_regular_file
from gateway.config.source import parse
from gateway.config.validate import build

_CLOSE: Final = 0.8
_DIGITS: Final = re.compile(r"[0-9]+")


class EditError(Exception):
    """The file was left as it was; the message says why."""


def add_key(file: Path, name: str, secret_hash: str, environment: str, *, may_be_new: bool = True) -> bool:
    """Sets the hash of a key, and adds the key where the file does not have it; whether it did that.

    A name close to that of another key is taken for misspelt unless it `may_be_new`. Raises `EditError`.
    """
    added = False

    def change(tree: CommentedMap) -> None:
        nonlocal added
        keys = _mapping(tree, "virtual_keys")
        added = name not in keys
        if added and not may_be_new and (meant := _misspelt(name, keys)) is not None:
            msg = f"{file} has no virtual key named {name}; did you mean {meant}? To add {name} as a new one: --new"
            raise EditError(msg)
        key = _mapping(keys, name)
        if key.get("secret_hash"):
            msg = f"{name} has a secret already; to replace it: gateway keys rotate {name} --write {file}"
            raise EditError(msg)
        if key.get("environment", environment) != environment:
            msg = f"{name} is a key of environment {key['environment']} in {file}, not {environment}"
            raise EditError(msg)
        key["environment"] = environment
        key["secret_hash"] = secret_hash

    _rewrite(file, change)
    return added


def rotate_key(file: Path, name: str, renew: Callable[[str], str], until: datetime) -> None:
    """Gives a key the hash that `renew(environment)` makes; the old one is accepted for a while. Raises `EditError`."""

    def change(tree: CommentedMap) -> None:
        key = _mapping(_mapping(tree, "virtual_keys"), name)
        if not key.get("secret_hash"):
            msg = f"{file} has no virtual key named {name} with a secret"
            raise EditError(msg)
        key["previous_secret_hash"] = key["secret_hash"]
        key["previous_secret_expires_at"] = until.isoformat().replace("+00:00", "Z")
        key["secret_hash"] = renew(key.get("environment", "live"))

    _rewrite(file, change)


def change_key(file: Path, name: str, change: Callable[[CommentedMap], None]) -> None:
    """Changes what a key says. Raises `EditError`."""

    def change_one(tree: CommentedMap) -> None:
        keys = _mapping(tree, "virtual_keys")
        if keys.get(name) is None:
            msg = f"{file} has no virtual key named {name}"
            raise EditError(msg)
        change(_mapping(keys, name))

    _rewrite(file, change_one)


def _misspelt(name: str, known: Iterable[Any]) -> str | None:
    """The name that was probably meant; names that differ in their numbers alone are a series."""
    lettered = _DIGITS.sub("", name)
    others = [str(one) for one in known if _DIGITS.sub("", str(one)) != lettered]
    return next(iter(get_close_matches(name, others, n=1, cutoff=_CLOSE)), None)


def _mapping(parent: CommentedMap, name: str) -> CommentedMap:
    """The mapping under a name, made where there is nothing."""
    if parent.get(name) is None:
        parent[name] = CommentedMap()
    child = parent[name]
    if not isinstance(child, CommentedMap):
        msg = f"{name} is not a mapping"
        raise EditError(msg)
    return child


def _rewrite(file: Path, change: Callable[[CommentedMap], None]) -> None:
    yaml: Any = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    try:
        content = read_regular_file(file)
        encoding = "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "utf-8"
        before = content.decode(encoding).replace("\r\n", "\n")
        tree = yaml.load(before)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        msg = f"{file} cannot be read: {str(error).splitlines()[0]}"
        raise EditError(msg) from error
    if not isinstance(tree, CommentedMap):
        msg = f"{file} is not a mapping of sections"
        raise EditError(msg)
    change(tree)
    written = io.StringIO()
    yaml.dump(tree, written)
    after = written.getvalue()
    _refuse_new_faults(file, before, after)
    _replace(file, after.replace("\n", _line_end(content)).encode(encoding))


def _line_end(content: bytes) -> str:
    """CR LF where every line ends in it."""
    return "\r\n" if 0 < content.count(b"\n") == content.count(b"\r\n") else "\n"


def _refuse_new_faults(file: Path, before: str, after: str) -> None:
    """A file that was valid stays valid; one that is a part of several, or was not valid, gets no new faults."""
    faults = _faults(after) - _faults(before)
    if faults:
        msg = f"{file} would not be valid any more: {min(faults)}"
        raise EditError(msg)


def _faults(text: str) -> set[str]:
    tree, problems = parse(text, "")
    if problems or not isinstance(tree, dict):
        return {str(problem) for problem in problems} or {"the file is empty"}
    return {f"{'.'.join(map(str, one.path))}: {one.message}" for one in build(tree)[1]}


def _replace(file: Path, content: bytes) -> None:
    """Whole or not at all, with the mode of the file that was there: it belongs to whoever wrote it."""
    if file.is_symlink():
        msg = f"{file} cannot be written: {private_files.IS_LINK}"
        raise EditError(msg)
    try:
        private_files.replace(file, content, mode=file.stat().st_mode & 0o7777)
    except OSError as error:
        msg = f"{file} cannot be written: {error.strerror}"
        raise EditError(msg) from error
