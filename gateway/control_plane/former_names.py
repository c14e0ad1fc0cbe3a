"""Names that were another owner's before: what is known under them is told to whoever has them now.

The ledger knows keys and budgets by name, and reports tell those who are bound to owners of all that their keys asked.
So nobody who is bound to owners takes a name whose past is not theirs.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, select

from gateway.ledger.storable import stored_text
from gateway.storage.statements import portions
from gateway.storage.tables import audit_log, spend_by_day

_KINDS: Final = ("virtual_keys", "budgets")
_SAID: Final = (
    "was another owner's before, or nobody knows whose it was: choose another name, or have it applied once with a "
    "token that is bound to no owner"
)


def names_of_others(connection: Connection, keys: Iterable[tuple[str, str]], owners: Collection[str]) -> list[str]:
    """Why these owners cannot have resources of these kinds and names that are not there now, each in a sentence."""
    wanted = sorted(key for key in keys if key[0] in _KINDS)
    return [said for some in portions(wanted) for said in _of(connection, some, owners)]


def _of(connection: Connection, keys: Sequence[tuple[str, str]], owners: Collection[str]) -> Iterator[str]:
    addresses = [".".join(key) for key in keys]
    past: dict[str, set[str | None]] = {}
    told = select(audit_log.c.address, audit_log.c.owner).where(audit_log.c.address.in_(addresses)).distinct()
    for address, owner in connection.execute(told):
        past.setdefault(address, set()).add(owner)
    unknown = [name for kind, name in keys if kind == "virtual_keys" and f"{kind}.{name}" not in past]
    asked = select(spend_by_day.c.virtual_key).where(
        spend_by_day.c.virtual_key.in_([stored_text(name) for name in unknown])
    )
    used = {*connection.scalars(asked.distinct())} if unknown else set()
    for address, (_, name) in zip(addresses, keys, strict=True):
        if not past.get(address, set()) <= {*owners} or (address not in past and stored_text(name) in used):
            yield f"{address} {_SAID}"
