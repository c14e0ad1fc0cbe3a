"""Long work of a background thread in short turns."""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

_Item = TypeVar("_Item")
_TURN: Final = 64
_REST_S: Final = 0.0001


def turns(items: Iterable[_Item]) -> Iterator[_Item]:
    """The items, with a rest after every few: requests are waiting for Python's lock, and get it in a rest."""
    for number, item in enumerate(items, 1):
        yield item
        if not number % _TURN:
            time.sleep(_REST_S)
