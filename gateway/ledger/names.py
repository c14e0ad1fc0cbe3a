"""What names stand for: the ledger and its counters know everything by an id, people by the name that it has now.

An id is the first name that something had, so nearly all names are their own ids. Where another had that name first, it
is `NAME#2`, which nobody can be called. What is made under a name that nothing has at present goes on as what had it
last: nothing that was spent is forgotten by taking a resource away and back. Where something else is renamed to that
name, what had it last is called `NAME (removed)` from then on.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from itertools import count

import msgspec
from sqlalchemy import Connection, delete, select, tuple_

from gateway.ledger.storable import stored_text
from gateway.storage.statements import portions
from gateway.storage.tables import identities
from gateway.telemetry.decision_record import NAMED, DecisionRecord

Key = tuple[str, str]
"""Kind and name, or kind and id."""


class Names:
    """Of names that ever stood for something else than themselves: what they stood for last, and since which revision.

    Args:
        rows: Id and revision, by kind and name.
    """

    def __init__(self, rows: Mapping[Key, tuple[str, int]]) -> None:
        self._rows = rows

    @property
    def is_empty(self) -> bool:
        """Whether all names are ids."""
        return not self._rows

    @property
    def ids(self) -> dict[Key, str]:
        """The ids of all names that are not their own."""
        return {key: identity for key, (identity, _) in self._rows.items() if identity != key[1]}

    def id_of(self, kind: str, name: str) -> str:
        """What a name stood for last."""
        return self._rows.get((kind, name), (name, 0))[0]

    def name_of(self, kind: str, stored: str) -> str:
        """What something is called now, or was last; `stored` is its id in the ledger, or a name that it had."""
        known = self._last_name.get((kind, stored))
        return known or self._last_name.get((kind, stored_text(self.id_of(kind, stored))), stored)

    def told(self, record: DecisionRecord) -> DecisionRecord:
        """An entry of the ledger with the names that things have now."""
        if self.is_empty:
            return record
        named = {member: text for member in NAMED if (text := getattr(record, member)) is not None}
        return msgspec.structs.replace(
            record,
            attempts=tuple(
                msgspec.structs.replace(one, provider=self.name_of("providers", one.provider))
                for one in record.attempts
            ),
            **{member: self.name_of(NAMED[member], text) for member, text in named.items()},
        )

    def texts_of(self, kind: str, name: str) -> list[str]:
        """All that stands in the ledger for what is called so: its id, and names that older gateways wrote."""
        meant = self.id_of(kind, name)
        others = [text for of, text in self.bearers(kind, meant) if (of, stored_text(text)) not in self._last_name]
        own = [] if (kind, stored_text(name)) in self._last_name else [name]
        return [*dict.fromkeys(map(stored_text, (meant, *own, *others)))]

    def bearers(self, kind: str, identity: str) -> list[Key]:
        """Every name that stood for an id last."""
        return [key for key, (known, _) in self._rows.items() if key[0] == kind and known == identity]

    def ids_for(self, new: Iterable[Key], living: Collection[Key]) -> dict[Key, str]:
        """What new resources are: what had their name last, unless that lives under another name.

        Args:
            new: Kinds and names of what was not there before.
            living: Kinds and ids of what is there besides.
        """
        taken = {*living}
        used = {(kind, known) for (kind, _), (known, _) in self._rows.items()}
        given: dict[Key, str] = {}
        for key in sorted(new, key=lambda one: -self._rows.get(one, ("", 0))[1]):
            kind, name = key
            identity = self.id_of(kind, name)
            if (kind, identity) in taken:
                others = (f"{name}#{number}" for number in count(2))
                identity = next(other for other in others if (kind, other) not in taken | used)
            given[key] = identity
            taken.add((kind, identity))
        return given

    def write(self, connection: Connection, given: Mapping[Key, str], revision: int, had: Collection[Key] = ()) -> None:
        """Remembers what names stand for from a revision on; `had` are those of them that something had before."""
        known = {(kind, identity) for (kind, _), (identity, _) in self._rows.items()}
        rows = [
            {"kind": kind, "name": name, "id": identity, "revision": revision}
            for (kind, name), identity in given.items()
            if identity != name or (kind, identity) in known or (kind, name) in self._rows
            if self.id_of(kind, name) != identity or self.name_of(kind, stored_text(identity)) != name
        ]
        rows += [
            {"kind": kind, "name": name, "id": identity, "revision": revision}
            for (kind, name), identity in self._displaced(given, had).items()
        ]
        for some in portions(rows):
            keys = [(row["kind"], row["name"]) for row in some]
            connection.execute(delete(identities).where(tuple_(identities.c.kind, identities.c.name).in_(keys)))
            connection.execute(identities.insert(), some)

    def _displaced(self, given: Mapping[Key, str], had: Collection[Key]) -> dict[Key, str]:
        """By a name of its own, what is gone and had as its last name one that something else is renamed to."""
        living = {(kind, identity) for (kind, _), identity in given.items()}
        found: dict[Key, str] = {}
        for (kind, name), identity in given.items():
            was = self.id_of(kind, name)
            is_known = (kind, name) in self._rows or (kind, name) in had
            if was == identity or not is_known or (kind, was) in living:
                continue
            if not {*self.bearers(kind, was)} - {(kind, name)}:
                own = (f"{name} (removed{f' {number}' if number > 1 else ''})" for number in count(1))
                found[next((kind, one) for one in own if (kind, one) not in self._rows)] = was
        return found

    @cached_property
    def _last_name(self) -> Mapping[Key, str]:
        """By kind and id, as the ledger has it."""
        found: dict[Key, tuple[int, str]] = {}
        for (kind, name), (identity, since) in self._rows.items():
            at = (kind, stored_text(identity))
            found[at] = max(found.get(at, (-1, "")), (since, name))
        return {at: name for at, (_, name) in found.items()}


def read(connection: Connection) -> Names:
    """Those of the database."""
    rows = connection.execute(select(identities))
    return Names({(row.kind, row.name): (row.id, row.revision) for row in rows})
