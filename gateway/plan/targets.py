"""A plan of some resources only, with what they cannot do without."""

from collections.abc import Mapping, Sequence

from gateway.config.referring import Key, referred
from gateway.config.resources import Resource


def pull_in(targets: Sequence[Key], wanted: Mapping[Key, Resource], there: set[Key]) -> dict[Key, str]:
    """What the targets refer to, directly or not, and is not there yet; each with the address that needs it."""
    pulled: dict[Key, str] = {}
    waiting = [key for key in targets if key in wanted]
    while waiting:
        resource = wanted[waiting.pop()]
        for key in referred(resource):
            if key in wanted and key not in there and key not in pulled and key not in targets:
                pulled[key] = resource.address
                waiting.append(key)
    return pulled
