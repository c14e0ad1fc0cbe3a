"""One pattern for many texts."""

import re
from collections.abc import Iterable


def any_of(names: Iterable[str]) -> str:
    """The pattern of any of some names, which it matches as long as it can.

    PERF: `re` tries alternatives one after the other, so those that begin alike are tried as one.
    """
    following: dict[str, list[str]] = {}
    for name in names:
        following.setdefault(name[:1], []).append(name[1:])
    is_whole = following.pop("", None) is not None
    pieces = [re.escape(first) + any_of(rests) for first, rests in sorted(following.items())]
    joined = "|".join(pieces)
    if is_whole:
        return f"(?:{joined})?" if pieces else ""
    return joined if len(pieces) == 1 else f"(?:{joined})"
