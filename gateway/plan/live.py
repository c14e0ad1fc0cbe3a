"""What the control plane has at present, as the plan sees it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.config.resources import Resource, Spec


class LiveResource(msgspec.Struct, frozen=True):
    """One resource of the control plane.

    Args:
        resource: As it is now, with its secrets.
        owner: Whose file it comes from, or who adopted it.
        revision: The control plane's revision that changed it last.
        applied: The spec as a file last had it, with its secrets; `None` where no file ever had it.
        protected: Whether it may not be deleted; kept here, so that taking the block out of the file lifts nothing.
        changed_by: The token or user behind the last change.
        changed_at: When that was, in microseconds since the epoch.
        created_at: When it came to be, likewise.
        applied_references: What the file had in place of values of `applied`, by JSON pointer.
    """

    resource: Resource
    owner: str
    revision: int
    applied: Spec | None
    protected: bool
    changed_by: str
    changed_at: int
    created_at: int = 0
    applied_references: Mapping[str, str] = {}


class Removal(msgspec.Struct, frozen=True):
    """That a resource was deleted outside every file: what it was, without secrets, by whom and when."""

    was: Any
    removed_by: str
    removed_at: int
    """Microseconds since the epoch."""


KEPT_US: Final = 30 * 24 * 3_600 * 1_000_000
"""How long the secret of a key that was minted is kept after the key was taken away."""


class KeptSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What a key answered to that was minted and is gone, and the state that it was in."""

    id: str
    name: str
    owner: str
    secret_hash: str
    state: str
    removed_by: str
    removed_at: int
    """Microseconds since the epoch."""


class LiveState(msgspec.Struct, frozen=True):
    """Everything in the control plane at one revision.

    `lineage` is made with the database, so that a plan made against one is never applied to another.
    """

    lineage: str
    revision: int
    resources: Mapping[tuple[str, str], LiveResource]
    """By kind and name, those of every owner."""
    revoked_secrets: frozenset[str] = frozenset()
    """The hashes of secrets that no key may answer to any more, of keys that are gone too."""
    replaced_secrets: frozenset[str] = frozenset()
    """The hashes of secrets that another took the place of, by rotation or otherwise."""
    kept_secrets: Mapping[str, KeptSecret] = {}
    """Of keys that are gone, by id."""
    stood_for: Mapping[tuple[str, str], str] = {}
    """The ids that names had last, by kind and name; a name that is not there is its own id."""
    removed: Mapping[tuple[str, str], Removal] = {}
    """Of what is not there, that which was deleted outside every file."""
    confined: frozenset[str] = frozenset()
    """The owners whose resources act on their own keys alone."""
    control_plane: str | None = None
    """How the control plane is called."""

    def is_spent(self, secret_hash: str | None) -> bool:
        """Whether a secret was revoked, or another took its place: it comes back by nothing that a file leaves out."""
        return secret_hash in self.revoked_secrets or secret_hash in self.replaced_secrets
