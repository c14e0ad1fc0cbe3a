"""Long work in the background in short turns: requests that wait for Python's lock, or for the core, come in between.

A turn is some half a millisecond, for which a request may have to wait.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

_Item = TypeVar("_Item")

PAUSE_S: Final = 0.004
"""A rest that is long enough to work off what came meanwhile, on a core that is shared."""
BREATH_S: Final = 0.0001
"""A rest that lets others go first, for work that has to get done: it takes no time where nobody waits."""


def turns(items: Iterable[_Item], length: int, rest_s: float = BREATH_S) -> Iterator[_Item]:
    """The items, with a rest of so many seconds after every `length`."""
    for number, item in enumerate(items, 1):
        yield item
        if not number % length:
            time.sleep(rest_s)
