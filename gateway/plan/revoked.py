"""A revoked key stays revoked: under its name, and its secrets under any."""

from collections.abc import Collection, Iterator

from gateway.config.resources import Resource, Spec
from gateway.plan.live import LiveResource

_SECRETS = ("secret_hash", "previous_secret_hash")


def is_revoked(spec: Spec) -> bool:
    """Whether a key with this spec is refused for good."""
    return spec.get("state") == "revoked"


def secrets_of(spec: Spec) -> Iterator[str]:
    """The hashes that a key answers to."""
    return (spec[field] for field in _SECRETS if field in spec)


def revived(before: LiveResource | None, after: Resource | None, revoked_secrets: Collection[str]) -> str | None:
    """How a change would bring back what was revoked; `None`: it does not.

    Args:
        before: The resource as it is.
        after: The same as it would be.
        revoked_secrets: The hashes that are revoked already.
    """
    if after is None or after.kind != "virtual_keys" or is_revoked(after.spec):
        return None
    if before is not None and is_revoked(before.resource.spec):
        return f"{after.address} is revoked, which is final: make a key of another name"
    if any(one in revoked_secrets for one in secrets_of(after.spec)):
        return f"{after.address} has a secret that was revoked, which is final: mint another"
    return None
