"""Virtual keys by name, each kept as the few bytes that it was written with.

A hundred thousand models take half a gigabyte, and most keys are not used between two changes of the file.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from gateway.config.key_classes import KeyClasses
from gateway.config.sections.base import moment
from gateway.config.sections.virtual_keys import VirtualKey

NO_CLASSES: Final = KeyClasses()
Part = TypeVar("Part", bound=msgspec.Struct)
_pack: Final = msgspec.msgpack.Encoder(decimal_format="number").encode
"""A number with a fraction stays one: a rule on a field takes texts as well."""


class KeySecrets(msgspec.Struct, frozen=True):
    """The hashes of one key, and when it and the earlier one end. A key whose secret is still to be minted has none."""

    name: str
    secret_hash: str | None
    previous_secret_hash: str | None
    previous_secret_expires_at: datetime | None
    expires_at: datetime | None


class _Hashes(msgspec.Struct):
    secret_hash: str | None = None
    previous_secret_hash: str | None = None
    previous_secret_expires_at: str | None = None
    expires_at: str | None = None


class KeyOwner(msgspec.Struct, frozen=True):
    """Whom one key says that it stands for."""

    team: str | None = None
    project: str | None = None
    principal: str | None = None
    tags: tuple[str, ...] = ()


class PackedKeys(Mapping[str, VirtualKey]):
    """Builds a `VirtualKey` each time it is asked for, with what its classes say: keep what you use."""

    __slots__ = ("_packed", "classes")

    def __init__(self, written: Mapping[str, Any], classes: KeyClasses = NO_CLASSES) -> None:
        """`written` holds the plain trees of keys that are known to be valid with what they inherit."""
        self.classes = classes
        self._packed = {name: _pack(key) for name, key in written.items()}

    def add(self, written: Mapping[str, Any]) -> None:
        """More keys; only while the table is being made."""
        self._packed.update((name, _pack(key)) for name, key in written.items())

    def written(self, name: str) -> dict[str, Any]:
        """The key as it is written."""
        found: dict[str, Any] = msgspec.msgpack.decode(self._packed[name])
        return found

    def __getitem__(self, name: str) -> VirtualKey:
        return VirtualKey.model_validate(self.classes.key(self.written(name)).tree)

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)

    def __repr__(self) -> str:
        return f"<{len(self)} virtual keys>"

    def secrets(self) -> Iterator[KeySecrets]:
        """The hashes of every key, without building the keys."""
        for name, found in zip(self._packed, self._parts(_Hashes), strict=True):
            earlier, ends = moment(found.previous_secret_expires_at), moment(found.expires_at)
            yield KeySecrets(
                name,
                found.secret_hash,
                found.previous_secret_hash,
                earlier if isinstance(earlier, datetime) else None,
                ends if isinstance(ends, datetime) else None,
            )

    def owners(self) -> Iterator[KeyOwner]:
        """Whom every key stands for, without building the keys."""
        return self._parts(KeyOwner)

    def _parts(self, of: type[Part]) -> Iterator[Part]:
        if not self.classes:
            return map(msgspec.msgpack.Decoder(of).decode, self._packed.values())
        return (msgspec.convert(self.classes.key(self.written(name)).tree, of) for name in self._packed)


def key_owners(keys: Mapping[str, VirtualKey]) -> Iterator[KeyOwner]:
    """Whom every key of whatever table stands for, as cheaply as the table allows."""
    if isinstance(keys, PackedKeys):
        yield from keys.owners()
        return
    for key in keys.values():
        yield KeyOwner(key.team, key.project, key.principal, tuple(key.tags))


def key_secrets(keys: Mapping[str, VirtualKey]) -> Iterator[KeySecrets]:
    """The hashes of every key in whatever table, as cheaply as the table allows."""
    if isinstance(keys, PackedKeys):
        yield from keys.secrets()
        return
    for name, key in keys.items():
        yield KeySecrets(
            name, key.secret_hash, key.previous_secret_hash, key.previous_secret_expires_at, key.expires_at
        )
