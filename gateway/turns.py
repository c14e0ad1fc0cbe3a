"""Long work in the background in short turns: requests that want the core or Python's lock come in between."""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

_Item = TypeVar("_Item")

PAUSE_S: Final = 0.004
"""A rest that is long enough to work off what came meanwhile, on a core that is shared."""
BREATH_S: Final = 0.0001
"""A rest that lets others go first, for work that has to get done: it takes no time where nobody waits."""


def turns(items: Iterable[_Item], length: int, rest_s: float) -> Iterator[_Item]:
    """The items, `length` of them in a turn, with a rest of so many seconds between two turns."""
    for number, item in enumerate(items):
        if number and not number % length:
            time.sleep(rest_s)
        yield item
