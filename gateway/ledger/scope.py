"""Which requests are meant: whose they are, and what became of them."""

from collections.abc import Collection

import msgspec
from sqlalchemy import FromClause, Select, select
from sqlalchemy.sql.elements import ColumnElement

from gateway.ledger.endings import Ending, ended_so
from gateway.ledger.names import Names
from gateway.ledger.storable import stored_text
from gateway.storage.tables import resources
from gateway.telemetry.decision_record import NAMED


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose requests. `None` is anybody's; the empty text is that of requests where it is unknown.

    A scope with an `end_user` is summed from entries, all others from sums. `owners` leaves the requests of those keys
    that are theirs in the control plane.
    """

    virtual_key: str | None = None
    principal: str | None = None
    project: str | None = None
    team: str | None = None
    organization: str | None = None
    provider: str | None = None
    model: str | None = None
    end_user: str | None = None
    owners: tuple[str, ...] | None = None

    def conditions(self, source: FromClause, known: Names) -> list[ColumnElement[bool]]:
        """The same for a table with these columns; a name means whatever had it last, under all of its names."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        owners = given.pop("owners", None)
        found = [_is(source.c[name], _texts(known, name, value)) for name, value in given.items()]
        if owners is not None:
            found.append(source.c.virtual_key.in_(keys_of(owners)))
        if self.end_user:
            # PERF: SQLite uses the index of named end users only where it is told that this one is named.
            found.append(source.c.end_user != "")
        return found


class Fate(msgspec.Struct, frozen=True, kw_only=True):
    """What became of requests; `None` is anything.

    Args:
        ending: How they ended, roughly.
        outcome: The same in the words of the record.
        error_code: The error that they were answered with.
    """

    ending: Ending | None = None
    outcome: str | None = None
    error_code: str | None = None

    @property
    def is_trouble(self) -> bool:
        """Whether only requests are meant that went wrong."""
        return self.ending not in (None, "ok") or self.outcome not in (None, "ok") or bool(self.error_code)

    def conditions(self, source: FromClause) -> list[ColumnElement[bool]]:
        """The same for a table with these columns."""
        columns = source.c
        found = [] if self.ending is None else [ended_so(source, self.ending)]
        found += [] if self.outcome is None else [columns.outcome == stored_text(self.outcome)]
        return found + ([] if self.error_code is None else [columns.error_code == stored_text(self.error_code)])


EVERYBODY = Scope()
ANYTHING = Fate()


def _texts(known: Names, name: str, value: str) -> list[str]:
    kind = NAMED.get(name)
    return [stored_text(value)] if kind is None or not value else known.texts_of(kind, value)


def _is(column: ColumnElement[str], texts: list[str]) -> ColumnElement[bool]:
    return column == texts[0] if len(texts) == 1 else column.in_(texts)


def keys_of(owners: Collection[str]) -> Select[tuple[str]]:
    """What the ledger calls the virtual keys that owners have in the control plane."""
    return select(resources.c.id).where(resources.c.kind == "virtual_keys", resources.c.owner.in_(owners))
