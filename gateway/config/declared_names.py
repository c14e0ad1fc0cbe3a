"""Names that refer to something, and whether it is there."""

import difflib
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import islice

from gateway.config.findings import Checked, Finding
from gateway.config.source import Path

_MAX_CANDIDATES = 1000
_SECTIONS = {
    "team": "teams",
    "project": "projects",
    "principal": "principals",
    "virtual_key": "virtual_keys",
    "provider": "providers",
    "policy_rules set": "policy_rules",
    "trace collector": "trace_collectors",
}


def known(name: str | None, table: Collection[str], kind: str, at: Path, *, at_key: bool = False) -> Iterator[Checked]:
    """A finding where a name refers to nothing of a kind, with the name that may have been meant."""
    if name is None or name in table:
        return
    hint = _meant(name, tuple(islice(table, _MAX_CANDIDATES)), kind)
    yield Checked(Finding("unknown-reference", f"there is no {kind} named {name!r}", at, hint, at_key, _SECTIONS[kind]))


@lru_cache(maxsize=1024)
def _meant(name: str, declared: tuple[str, ...], kind: str) -> str:
    """Cached, since a name that is wrong once is often wrong in every key."""
    close = difflib.get_close_matches(name, declared, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Declared: {', '.join(declared[:10])}." if declared else f"The file declares no {kind}."
