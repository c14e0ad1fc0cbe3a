"""Keys that nobody writes: one for each person whom a class is for.

They are made once, of the tree of all files, before it is judged; from then on they are keys like any other. What is
found about one is told at the line of its person, or at its class, once for all of its keys.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.config.diagnostics import Severity
from gateway.config.findings import Checked, Finding
from gateway.config.source import Path

_KEYS: Final = "virtual_keys"
_PEOPLE: Final = "principals"
_CLASSES: Final = "key_classes"
SECRETS: Final = ("secret_hash", "previous_secret_hash", "previous_secret_expires_at")
"""Members of a key that stand on the line of its person."""
_OF_THE_PERSON: Final = frozenset({"key-without-secret", "rotation-without-end", "invalid-name"})
"""What is found about a whole key, and to be mended at its person."""
_NO_NAME: Final = re.compile(r"[^A-Za-z0-9._@:+-]+")
_NO_START: Final = "._@:+-"


class Derived(msgspec.Struct, frozen=True):
    """The keys that were made, by their names: for whom, by which class and of which environment, where one is said.

    `faults` is what is wrong with making them.
    """

    people: Mapping[str, str] = {}
    classes: Mapping[str, str] = {}
    environments: Mapping[str, Any] = {}
    faults: tuple[Checked, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.people)

    def references(self, written: Mapping[Path, str]) -> Mapping[Path, str]:
        """What files have in place of values, where those stand in the tree with the keys."""
        names = {person: name for name, person in self.people.items()}
        return {
            (_KEYS, names[str(path[1])], *path[2:])
            if path[:1] == (_PEOPLE,) and path[2:3] and path[2] in SECRETS and path[1] in names
            else path: text
            for path, text in written.items()
        }

    def stands_at(self, path: Path) -> Path:
        """Where that is written which a key of a person has at a path."""
        if len(path) < 2 or path[0] != _KEYS or path[1] not in self.people:  # noqa: PLR2004 - section and name
            return path
        return _PEOPLE, self.people[str(path[1])], *(path[2:] if path[2:3] and path[2] in (*SECRETS, "class") else ())

    def told(self, found: Iterable[Checked]) -> Iterator[Checked]:
        """What is found, where it is to be mended: what all keys of a class have in common, once."""
        of_classes: dict[tuple[str, str], list[Checked]] = {}
        for one in found:
            path = one.finding.path
            name = str(path[1]) if len(path) > 1 and path[0] == _KEYS else ""
            if name not in self.people:
                yield one
            elif len(path) > 2 or one.finding.code in _OF_THE_PERSON:  # noqa: PLR2004 - section, name and a member
                hint = self._mint(name) if one.finding.code == "key-without-secret" else one.finding.hint
                at = msgspec.structs.replace(one.finding, path=self.stands_at(path), hint=hint)
                yield msgspec.structs.replace(one, finding=at)
            else:
                of_classes.setdefault((one.finding.code, self.classes[name]), []).append(one)
        for (_, of), some in of_classes.items():
            first, *others = some
            more = f"; so it is with {len(others)} more keys that {of} makes" if others else ""
            message = f"{first.finding.message}{more}"
            at = msgspec.structs.replace(first.finding, message=message, path=(_CLASSES, of, "for_each"))
            yield msgspec.structs.replace(first, finding=at)

    def _mint(self, name: str) -> str:
        option = " --environment test" if self.environments[name] == "test" else ""
        return f"Put one on this line: gateway keys mint {name}{option} --write FILE."


NO_DERIVED: Final = Derived()


def derive(tree: Any) -> tuple[Any, Derived]:
    """A tree with a key for each person whom a class is for, and what was made.

    A key that is written under the same name takes the place of the one that would be made. The class of a person's own
    line goes before the one that makes the key.
    """
    classes = {name: one for name, one in _entries(tree, _CLASSES) if _is_for_people(one)}
    if not classes or not isinstance(tree.get(_KEYS) or {}, dict):
        return tree, NO_DERIVED
    written: dict[str, Any] = tree.get(_KEYS) or {}
    said = _environments(dict(_entries(tree, _CLASSES)))
    making = [(name, _teams(one)) for name, one in classes.items()]
    keys: dict[str, Any] = {}
    people: dict[str, str] = {}
    of: dict[str, str] = {}
    environments: dict[str, Any] = {}
    without_secrets: dict[str, Any] = {}
    faults: list[Checked] = []
    of_two: dict[tuple[str, str], list[str]] = {}
    for person, one in _entries(tree, _PEOPLE):
        makers = [name for name, teams in making if teams is None or one.get("team") in teams]
        if not makers:
            continue
        own = one.get("class")
        if own in makers:
            makers = [own]
        elif not isinstance(own, str) and len(makers) > 1:
            of_two.setdefault((makers[0], makers[1]), []).append(person)
        name = key_name(person)
        if name in written:
            if isinstance(written[name], Mapping) and written[name].get("principal") != person:
                faults.append(_of_somebody_else(name, makers[0], person))
            continue
        if not name or name in keys:
            faults.append(_without_name(person, name, people.get(name)))
            continue
        secrets = {member: one[member] for member in SECRETS if member in one}
        its_class = own if isinstance(own, str) else makers[0]
        keys[name] = {"class": its_class, "principal": person, **secrets}
        people[name], of[name], environments[name] = person, makers[0], said.get(its_class)
        if secrets:
            without_secrets[person] = {member: value for member, value in one.items() if member not in secrets}
    faults += [_of_two_classes(*makers, some) for makers, some in of_two.items()]
    made = {**tree, _KEYS: {**written, **keys}, _PEOPLE: {**(tree.get(_PEOPLE) or {}), **without_secrets}}
    return made if keys else tree, Derived(people, of, environments, tuple(faults))


def key_name(person: str) -> str:
    """The name of a person's key: the person's own, without what keys' names cannot have; empty where nothing is left.

    `ada@acme.com` stays as it is, and `José Núñez` becomes `Jose-Nunez`.
    """
    plain = "".join(one for one in unicodedata.normalize("NFKD", person) if not unicodedata.combining(one))
    return _NO_NAME.sub("-", plain).lstrip(_NO_START).rstrip("-")


def _of_two_classes(one: str, other: str, people: list[str]) -> Checked:
    first, *others = people
    more = f" and {len(others)} more people" if others else ""
    message = f"{one} and {other} are both for {first}{more}, and each person has one key"
    hint = f"Say which one in the person's line: class: {one}; or let one of them be for fewer teams."
    return Checked(Finding("two-classes-for-one", message, (_CLASSES, other, "for_each"), hint, True))


def _of_somebody_else(name: str, maker: str, person: str) -> Checked:
    message = f"the key {name} takes the place of the one that {maker} makes for {person}, and is not {person}'s"
    hint = (
        f"Say class: {maker}, principal: {person}; or call it another name. A hash alone belongs on the person's line."
    )
    return Checked(Finding("not-the-persons-key", message, (_KEYS, name), hint, True), Severity.WARNING)


def _without_name(person: str, name: str, other: str | None) -> Checked:
    if other is None:
        message = f"no name of a key can be made of {person}, which has no letters of ASCII"
    else:
        message = f"the keys of {other} and of {person} would both be named {name}"
    hint = "Rename the principal, or write the key under virtual_keys and have the class be for other teams."
    return Checked(Finding("no-name-for-key", message, (_PEOPLE, person), hint, True))


def _is_for_people(one: Mapping[str, Any]) -> bool:
    for_each = one.get("for_each")
    return isinstance(for_each, Mapping) and isinstance(for_each.get(_PEOPLE), Mapping)


def _teams(one: Mapping[str, Any]) -> list[str] | None:
    """The teams that a class is for; `None`: everybody. What is no team is told by the model, and is nobody's."""
    team = one["for_each"][_PEOPLE].get("team")
    if team is None:
        return None
    return [name for name in (team if isinstance(team, list) else [team]) if isinstance(name, str)]


def _environments(classes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        name: one.get("environment") or classes.get(str(one.get("extends")), {}).get("environment")
        for name, one in classes.items()
    }


def _entries(tree: Any, section: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The entries of a section, as far as they are any."""
    found = tree.get(section) if isinstance(tree, Mapping) else None
    for name, one in found.items() if isinstance(found, Mapping) else ():
        if isinstance(one, Mapping):
            yield name, one
