"""The gateways that follow the control plane, as they last said of themselves."""

from collections.abc import Collection, Iterable
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from gateway.config.documents import NodeReport
from gateway.control_plane import key_peppers
from gateway.ledger.storable import stored_text
from gateway.storage.tables import gateway_nodes

SILENT_AFTER_US: Final = 60 * 1_000_000
"""A node reports several times a minute."""
FORGOTTEN_AFTER_US: Final = 24 * 3_600 * 1_000_000
_LONGEST_REASON: Final = 2_000
_MOST_CIRCUITS: Final = 1_000

_SOMETHING: Final = "something that it cannot serve"


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway process. Moments are microseconds since the epoch."""

    node: str
    version: str
    serving_revision: int
    serving_since: int
    lag_ms: int | None
    rejected_revision: int | None
    rejected_because: str | None
    keys_revision: int | None
    open_circuits: list[str]
    first_seen: int
    reported_at: int

    def is_heard_of(self, now: int) -> bool:
        """Whether what it last said still holds."""
        return now - self.reported_at <= SILENT_AFTER_US

    def state(self, revision: int, now: int) -> str:
        """`current`, `behind`, `refuses` or `silent`."""
        if not self.is_heard_of(now):
            return "silent"
        if self.rejected_revision is not None:
            return "refuses"
        return "current" if self.serving_revision == revision else "behind"


def report(connection: Connection, said: NodeReport, now: int) -> None:
    """Keeps what a node says, and forgets those that have said nothing for a day."""
    members = msgspec.structs.asdict(said)
    if (pepper := members.pop("key_pepper")) is not None:
        key_peppers.note(connection, pepper, now)
    members["node"] = stored_text(said.node)
    members["version"] = stored_text(said.version)
    members["rejected_because"] = (said.rejected_because or "")[:_LONGEST_REASON] or None
    members["open_circuits"] = [stored_text(name) for name in said.open_circuits[:_MOST_CIRCUITS]]
    members["reported_at"] = now
    done = connection.execute(update(gateway_nodes).where(gateway_nodes.c.node == members["node"]).values(members))
    if not done.rowcount:
        connection.execute(insert(gateway_nodes).values({**members, "first_seen": now}))
    connection.execute(delete(gateway_nodes).where(gateway_nodes.c.reported_at < now - FORGOTTEN_AFTER_US))


def open_circuits(found: Iterable[Node], now: int) -> dict[str, list[str]]:
    """By provider, the nodes that leave it alone at present; what silent ones said is not known to hold any more."""
    by_provider: dict[str, list[str]] = {}
    for node in found:
        if node.is_heard_of(now):
            for provider in node.open_circuits:
                by_provider.setdefault(provider, []).append(node.node)
    return by_provider


def nodes(connection: Connection, owners: Collection[str] | None = None) -> tuple[Node, ...]:
    """All of them, by name. Those who are bound to owners do not see what of others is in a gateway's way."""
    rows = connection.execute(select(gateway_nodes).order_by(gateway_nodes.c.node)).mappings()
    found = tuple(Node(**row) for row in rows)
    if owners is None:
        return found
    return tuple(
        msgspec.structs.replace(one, rejected_because=one.rejected_because and _SOMETHING, open_circuits=[])
        for one in found
    )
