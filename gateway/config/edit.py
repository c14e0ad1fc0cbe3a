"""Changing a file that people wrote: what need not change stays as it is, and what is not valid is never written."""

import codecs
import fcntl
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from gateway import private_files
from gateway.config.derived_keys import SECRETS, derive, key_name
from gateway.config.excerpt import excerpt
from gateway.config.files import read_regular_file
from gateway.config.source import parse
from gateway.config.splice import Changes, LayoutError, with_fields
from gateway.config.validate import build

_Keys = Mapping[str, Any]
_Fields = Callable[[_Keys, Collection[str]], Changes]
"""What becomes of a key, by some of the keys, of which it is one if it is there, and by the names of all."""

_SECTION: Final = "virtual_keys"
_FOR_EACH: Final = "for_each"
"""Where a file has this word, a key that is not written may be one that a class makes."""
_CLOSE: Final = 0.8
_DIGITS: Final = re.compile(r"[0-9]+")


class EditError(Exception):
    """The file was left as it was; the message says why."""


def add_key(file: Path, name: str, secret_hash: str, environment: str, *, may_be_new: bool = True) -> bool:
    """Sets the hash of a key, and adds the key where the file does not have it; whether it did that.

    A name close to that of another key is taken for misspelt unless it `may_be_new`. Raises `EditError`.
    """
    added = False

    def fields(keys: _Keys, names: Collection[str]) -> Changes:
        nonlocal added
        added = name not in keys
        if added and not may_be_new and (meant := _misspelt(name, names)) is not None:
            msg = f"{file} has no virtual key named {name}; did you mean {meant}? To add {name} as a new one: --new"
            raise EditError(msg)
        key = _mapping(keys, name)
        if key.get("secret_hash"):
            msg = f"{name} has a secret already; to replace it: gateway keys rotate {name} --write {file}"
            raise EditError(msg)
        if key.get("environment", environment) not in (environment, ""):
            msg = f"{name} is a key of environment {key['environment']} in {file}, not {environment}"
            raise EditError(msg)
        said = {} if "environment" in key else {"environment": environment}
        return {**said, "secret_hash": secret_hash}

    _rewrite(file, name, fields, may_be_new=may_be_new)
    return added


def rotate_key(file: Path, name: str, renew: Callable[[str], str], until: datetime) -> None:
    """Gives a key the hash that `renew(environment)` makes; the old one is accepted for a while. Raises `EditError`.

    The environment is empty where the file does not say it: on the line of a person whose class is in another file.
    """

    def fields(keys: _Keys, _names: Collection[str]) -> Changes:
        key = _mapping(keys, name)
        if not key.get("secret_hash"):
            msg = f"{file} has no virtual key named {name} with a secret"
            raise EditError(msg)
        return {
            "secret_hash": renew(str(key.get("environment", "live"))),
            "previous_secret_hash": key["secret_hash"],
            "previous_secret_expires_at": until.isoformat().replace("+00:00", "Z"),
        }

    _rewrite(file, name, fields)


def change_key(file: Path, name: str, change: Callable[[Mapping[str, Any]], Changes]) -> None:
    """Changes fields of a key, by what it says. Raises `EditError`."""

    def fields(keys: _Keys, _names: Collection[str]) -> Changes:
        if keys.get(name) is None:
            msg = f"{file} has no virtual key named {name}"
            raise EditError(msg)
        return change(_mapping(keys, name))

    _rewrite(file, name, fields)


def _misspelt(name: str, known: Collection[Any]) -> str | None:
    """The name that was probably meant; names that differ in their numbers alone are a series."""
    lettered = _DIGITS.sub("", name)
    others = [str(one) for one in known if _DIGITS.sub("", str(one)) != lettered]
    return next(iter(get_close_matches(name, others, n=1, cutoff=_CLOSE)), None)


def _mapping(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The mapping under a name, an empty one where there is nothing."""
    child = parent.get(name)
    if child is None:
        return {}
    if not isinstance(child, dict):
        msg = f"{name} is not a mapping"
        raise EditError(msg)
    return child


def stands_at(file: Path, name: str) -> str:
    """Where a file has a key, or would have it, as an address: its own entry, or the line of the person it is for."""
    tree, _ = parse(file.read_text("utf-8-sig"), str(file))
    return ".".join(_entry(tree, name)[:2])


def _entry(tree: Mapping[str, Any], name: str) -> tuple[str, str, str | None]:
    """The section and the name at which a key's secret stands, and its environment where a class there says so.

    That is the line of a person where a class of the file makes the key, or where the file has nothing but people:
    then the class is in another file.
    """
    derived = derive(tree)[1]
    if name in derived.people:
        return "principals", derived.people[name], derived.environments[name] or "live"
    if _is_of_people(tree):
        for person in _mapping(tree, "principals"):
            if key_name(person) == name:
                return "principals", person, None
    return "virtual_keys", name, None


def _is_of_people(tree: Mapping[str, Any]) -> bool:
    return "principals" in tree and set(tree) <= {"version", "owner", "teams", "principals"}


def _rewrite(file: Path, name: str, fields: _Fields, *, may_be_new: bool = True) -> None:
    """Changes fields of one key, by what the file says of it, after whoever else is at it."""
    with _alone(file):
        _rewrite_alone(file, name, fields, may_be_new=may_be_new)


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Holds the folder of a file, by a lock that goes with the process: the file itself is replaced by another."""
    try:
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield  # reading the file says why
        return
    try:
        with suppress(OSError):  # not every network file system has locks
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _rewrite_alone(file: Path, name: str, fields: _Fields, *, may_be_new: bool) -> None:
    try:
        content = read_regular_file(file)
        encoding = "utf-8-sig" if content.startswith(codecs.BOM_UTF8) else "utf-8"
        before = content.decode(encoding)
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{file} cannot be read: {str(error).splitlines()[0]}"
        raise EditError(msg) from error
    part = excerpt(before, _SECTION, name)
    after = None
    if part is not None and (name in part.names or _FOR_EACH not in before):
        after = part.put_back(_changed(part.text, file, name, lambda keys: fields(keys, part.names)))
    if after is None:
        after = _changed(before, file, name, lambda keys: fields(keys, keys), may_be_new=may_be_new)
    _replace(file, content, after.encode(encoding))


def _changed(text: str, file: Path, name: str, fields: Callable[[_Keys], Changes], *, may_be_new: bool = True) -> str:
    """A text with fields of one key changed, and nothing else."""
    tree, problems = parse(text, str(file))
    if problems:
        msg = f"{file} cannot be read: {problems[0]}"
        raise EditError(msg)
    if not isinstance(tree, dict):
        msg = f"{file} is not a mapping of sections"
        raise EditError(msg)
    section, entry, environment = _entry(tree, name)
    keys = _mapping(tree, section)
    if section == _SECTION:
        if _is_of_people(tree) and not may_be_new:
            msg = f"{file} has people alone, and no {name} yet: write the line first, or to add a key there: --new"
            raise EditError(msg)
        changes = fields(keys)
    else:
        # A person has no environment: the class has.
        changes = fields({name: {**(keys[entry] or {}), "environment": environment or ""}})
        if others := sorted({*changes} - {*SECRETS}):
            msg = (
                f"{file} has no virtual key named {name}: a class makes it for {entry}. Write it under virtual_keys, "
                f"with class, principal and the hash that stands on the line of {entry}; then it can have {others[0]}"
            )
            raise EditError(msg)
    try:
        after = with_fields(text, (section, entry), changes)
    except LayoutError as error:
        msg = f"{file} is left as it is: {error}"
        raise EditError(msg) from None
    key = {**_mapping(keys, entry), **changes}
    wanted = {field: value for field, value in key.items() if field not in changes or value is not None}
    _refuse_new_faults(file, (section, entry), keys, wanted)
    found, problems = parse(after, "")
    if problems:
        msg = f"{file} would not be valid any more: {problems[0]}"
        raise EditError(msg)
    if found != {**tree, section: {**keys, entry: wanted}}:
        msg = f"{file} is left as it is: {name} is written in a way that cannot be changed in place, by hand it can"
        raise EditError(msg)
    return after


def _refuse_new_faults(file: Path, at: tuple[str, str], keys: _Keys, wanted: Mapping[str, Any]) -> None:
    """A key that was valid stays valid; one that was not gets no new faults. What it refers to is not asked for."""
    section, name = at
    had = {name: keys[name]} if name in keys else {}
    faults = _faults(section, {name: wanted}) - _faults(section, had)
    if faults:
        msg = f"{file} would not be valid any more: {min(faults)}"
        raise EditError(msg)


def _faults(section: str, entries: _Keys) -> set[str]:
    findings = build({"version": 1, section: entries})[1]
    return {f"{'.'.join(map(str, one.path))}: {one.message}" for one in findings}


def _replace(file: Path, before: bytes, content: bytes) -> None:
    """Whole or not at all, with the mode of the file that was there: it belongs to whoever wrote it."""
    if file.is_symlink():
        msg = f"{file} cannot be written: {private_files.IS_LINK}"
        raise EditError(msg)
    try:
        if read_regular_file(file) != before:
            raise EditError(f"{file} was changed by somebody else meanwhile: try again")
        private_files.replace(file, content, mode=file.stat().st_mode & 0o7777)
    except OSError as error:
        msg = f"{file} cannot be written: {error.strerror}"
        raise EditError(msg) from error
