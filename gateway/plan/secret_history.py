"""What a plan does to the secrets that keys had: kept when a key is taken away, brought back with it, or revived."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from gateway.clock import moment_at
from gateway.plan.change import Consequence
from gateway.plan.live import KEPT_US, LiveResource
from gateway.plan.matching import Matched
from gateway.plan.revoked import is_revoked
from gateway.plan.words import moment


def is_minted(key: LiveResource) -> bool:
    """Whether a key answers to a secret that no file has the hash of."""
    return "secret_hash" in key.resource.spec and "secret_hash" not in (key.applied or {})


def revives(one: Matched, replaced_secrets: AbstractSet[str]) -> bool:
    """Whether a key will answer to a secret that another took the place of, for itself or in a rotation."""
    if one.key[0] != "virtual_keys" or one.wanted is None:
        return False
    had = {} if one.live is None else one.live.resource.spec
    has = one.wanted.spec
    is_other = has.get("secret_hash") != had.get("secret_hash") and has.get("secret_hash") in replaced_secrets
    known = {had.get("secret_hash"), had.get("previous_secret_hash")}
    return is_other or has.get("previous_secret_hash") in replaced_secrets - known


def of_secrets(one: Matched, replaced_secrets: AbstractSet[str], now: int) -> Iterator[Consequence]:
    """What becomes of secrets, which no figures have to be known for.

    Args:
        one: What changes.
        replaced_secrets: The hashes of secrets that another took the place of.
        now: Microseconds since the epoch.
    """
    if one.key[0] != "virtual_keys":
        return
    if one.restores is not None:
        gone = f"removed by {one.restores.removed_by}, {moment(moment_at(one.restores.removed_at))}"
        yield Consequence("secret_restored", f"answers to the secret again that it had ({gone})")
    if one.live is not None and one.wanted is None and is_minted(one.live) and not is_revoked(one.live.resource.spec):
        until, purge = moment(moment_at(now + KEPT_US)), f"gateway keys purge {one.key[1]}"
        kept = f"its secret is kept until {until}: taking this back brings it back; `{purge}` ends that"
        yield Consequence("secret_kept", kept)
    if revives(one, replaced_secrets):
        text = "answers to a secret again that another took the place of, by rotation or otherwise"
        yield Consequence("secret_revived", text)
