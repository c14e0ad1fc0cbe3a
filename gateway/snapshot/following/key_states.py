"""The states of keys of a revision that cannot be served, over one that can: what is revoked stops at once."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from gateway.config.documents import ResourceDocument
from gateway.config.resources import LIFE_CYCLE
from gateway.snapshot.following.state import Followed, Key

_KIND: Final = "virtual_keys"
_STATES: Final = (*LIFE_CYCLE, "expires_at")


def over(serving: Followed, newest: Followed) -> Iterator[Followed]:
    """What could be served in place of `serving`, the best first; nothing where no state differs.

    1. with what the newest revision says of each key: its secrets, its state, its end; a key that is gone is revoked
    2. where that cannot be compiled either, with every such key disabled

    A key of another name with the same secret is the same key. Another control plane's states say nothing.
    """
    if serving.lineage != newest.lineage:
        return
    changed = {key: states for key, states in _states(serving, newest) if states != _of(serving.resources[key])}
    if changed:
        yield _with(serving, newest, changed)
        yield _with(serving, newest, {key: {**_of(serving.resources[key]), "state": "disabled"} for key in changed})


def _states(serving: Followed, newest: Followed) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    keys = [one for one in newest.resources.values() if one.kind == _KIND]
    by_secret = {one.spec["secret_hash"]: one for one in keys if "secret_hash" in one.spec}
    for key, had in serving.resources.items():
        if key[0] == _KIND:
            has = newest.resources.get(key) or by_secret.get(had.spec.get("secret_hash"))
            yield key, {**_of(had), "state": "revoked"} if has is None else _of(has)


def _of(document: ResourceDocument) -> Mapping[str, Any]:
    return {field: document.spec[field] for field in _STATES if field in document.spec}


def _with(serving: Followed, newest: Followed, states: Mapping[Key, Mapping[str, Any]]) -> Followed:
    resources = dict(serving.resources)
    for key, state in states.items():
        others = {field: value for field, value in resources[key].spec.items() if field not in _STATES}
        resources[key] = msgspec.structs.replace(resources[key], spec={**others, **state})
    return msgspec.structs.replace(serving, resources=resources, keys_revision=newest.revision)
