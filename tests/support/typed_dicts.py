"""A walk through the types that an SDK declares for its requests."""

import functools
from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

from typing_extensions import is_typeddict


def texts_in(
    declared: Any, path: tuple[str, ...] = (), entered: frozenset[Any] = frozenset()
) -> Iterator[tuple[str, ...]]:
    """Every chain of members of a type that ends in a text; no chain goes twice through one type."""
    if not is_typeddict(declared):
        for argument in get_args(declared):
            yield from texts_in(argument, path, entered)
    elif declared not in entered:
        for name, inner in _members(declared).items():
            here = (*path, name)
            if inner is str or str in get_args(inner):
                yield here
            yield from texts_in(inner, here, entered | {declared})


@functools.cache
def _members(declared: Any) -> dict[str, Any]:
    return get_type_hints(declared)
