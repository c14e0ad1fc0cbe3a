"""How resources travel between the command line, the control plane and the gateways.

JSON over a connection that may carry secrets: TLS, or this machine.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import msgspec

from gateway.config.resources import Resource, join_secrets, split_secrets


class ResourceDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """A resource; its secrets stand apart, so that nobody shows them by showing the spec.

    With whom it is shared stands apart too: gateways of the version before refuse a field that they do not know.
    """

    kind: str
    name: str
    spec: dict[str, Any]
    secrets: dict[str, str] = {}
    references: dict[str, str] = {}
    id: str = ""
    owner: str = ""
    confined: bool = False
    shared_with: list[str] = []

    def resource(self) -> Resource:
        """What it says."""
        spec = join_secrets(self.spec, self.secrets)
        spec |= {"shared_with": self.shared_with} if self.shared_with else {}
        return Resource(self.kind, self.name, spec, self.references, self.id, self.owner, self.confined)

    def __repr__(self) -> str:
        return f"<{self.kind}.{self.name}>"


def document(resource: Resource) -> ResourceDocument:
    """How a resource is sent."""
    public, secrets = split_secrets(resource.spec)
    references, shared_with = dict(resource.references), public.pop("shared_with", [])
    whose = resource.id, resource.owner, resource.confined, shared_with
    return ResourceDocument(resource.kind, resource.name, public, secrets, references, *whose)


class PlanRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a file wants, as the command line asks for a plan.

    `moves` are pairs of addresses, `targets` addresses; `digest` and `commit` say where it was read. `replay_days` asks
    what the plan would have meant for the requests of so many days. With `no_delete` what the file does not have is
    left; `drift` says which changes outside the file are told, and `drift_only` that nothing else is looked for.
    `absent` are credentials that were not at hand, as the address of a resource and a JSON pointer into it: they are
    not compared, and such a plan cannot be applied. With `to_revision`, what is wanted is what the owner had at a
    revision, and no file is: `resources` and `moves` are empty.
    """

    owner: str
    resources: list[ResourceDocument]
    moves: list[tuple[str, str]] = []
    targets: list[str] = []
    digest: str = ""
    commit: str | None = None
    replay_days: Annotated[int, msgspec.Meta(ge=0, le=90)] = 0
    no_delete: bool = False
    drift: Literal["relevant", "all", "none"] = "relevant"
    drift_only: bool = False
    absent: list[tuple[str, str]] = []
    to_revision: Annotated[int, msgspec.Meta(ge=0, le=2**62)] | None = None


class ChangesDocument(msgspec.Struct, frozen=True):
    """What is new since a revision, or, with `whole`, everything. `gone` are kinds and names.

    `changed_at` is when the revision was made, in microseconds since the epoch. `identity` is its own: another revision
    of the same number has another. Control planes of earlier versions give none. `tells_owners`: resources say whose
    they are, and on whose keys they act.
    """

    lineage: str
    revision: int
    changed_at: int
    whole: bool
    resources: list[ResourceDocument]
    gone: list[tuple[str, str]]
    identity: str = ""
    tells_owners: bool = False


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway process says of itself. Moments are microseconds since the epoch.

    With `rejected_revision`, `keys_revision` is the one whose states of keys are in force nevertheless.
    `open_circuits` are the providers that it leaves alone at present because they kept failing, `key_pepper` the
    fingerprint of the pepper under which it found a key.
    """

    node: str
    version: str
    serving_revision: int
    serving_since: int
    lag_ms: int | None = None
    rejected_revision: int | None = None
    rejected_because: str | None = None
    keys_revision: int | None = None
    open_circuits: list[str] = []
    key_pepper: str | None = None


def documents(resources: Iterable[Resource]) -> Sequence[ResourceDocument]:
    """Several of them."""
    return [document(one) for one in resources]
