"""A revision without what a confined owner has in it that cannot be served here: nobody else waits for its mending."""

from collections.abc import Iterator

import msgspec

from gateway.config.diagnostics import Diagnostic
from gateway.snapshot.following.key_states import over
from gateway.snapshot.following.state import Followed
from gateway.snapshot.holder import Rejection
from gateway.snapshot.of_resources import at_fault, by_place


def apart(serving: Followed, newest: Followed, rejection: Rejection) -> Iterator[Followed]:
    """What could be served in place of a refused revision, the best first.

    It is that revision, with what the owners at fault have as it is served now, and with the states of their keys as
    they are by now. Nothing, where something is at fault that acts on everybody.
    """
    owners = _at_fault(newest, rejection)
    if not owners or serving.lineage != newest.lineage:
        return
    resources = {key: one for key, one in newest.resources.items() if one.owner not in owners}
    resources |= {key: one for key, one in serving.resources.items() if one.owner in owners and key not in resources}
    # A copy of it is none of any revision: whoever starts from that asks for everything anew.
    found = msgspec.structs.replace(newest, resources=resources, tells_owners=False, keys_revision=newest.revision)
    candidates = [*over(found, newest)]
    yield from candidates or [found]


def _at_fault(newest: Followed, rejection: Rejection) -> frozenset[str]:
    """The owners at whose resources all faults are; none, if one of the owners is not confined."""
    places = by_place(newest.resources.values())
    found = []
    for fault in rejection.diagnostics:
        one = at_fault(fault, places) if isinstance(fault, Diagnostic) else None
        if one is None or not one.confined:
            return frozenset()
        found.append(one.owner)
    return frozenset(found)
