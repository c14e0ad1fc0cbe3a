"""What gateways ask for: everything that changed since the revision that they have."""

from sqlalchemy import Connection, select

from gateway.config.documents import ChangesDocument, document
from gateway.control_plane import state
from gateway.control_plane.encryption import Vault
from gateway.storage.tables import changes, revisions


def changes_since(
    connection: Connection, vault: Vault, *, lineage: str, revision: int, identity: str = ""
) -> ChangesDocument | None:
    """What is new since a revision, with secrets; `None`: nothing is. Everything, where it is none of this course.

    Gateways of earlier versions know no identities of revisions and send none. Raises `EncryptionError`.
    """
    at = state.position(connection)
    known = lineage == at.lineage and at.oldest_change <= revision <= at.revision
    if known and identity:
        statement = select(revisions.c.identity).where(revisions.c.revision == revision)
        known = identity == (at.identity if revision == at.revision else connection.scalar(statement))
    if known and revision == at.revision:
        return None
    if not known:
        live = state.read_state(connection, vault)
        resources = [document(one.resource) for one in live.resources.values()]
        return ChangesDocument(at.lineage, at.revision, at.changed_at, True, resources, [], at.identity, True)
    statement = select(changes.c.kind, changes.c.name).where(changes.c.revision > revision).distinct()
    touched = [(kind, name) for kind, name in connection.execute(statement)]
    found = state.read_some(connection, vault, touched)
    there = {(one.resource.kind, one.resource.name) for one in found}
    gone = [key for key in touched if key not in there]
    resources = [document(one.resource) for one in found]
    return ChangesDocument(at.lineage, at.revision, at.changed_at, False, resources, gone, at.identity, True)
