"""What is known of one API as it stands on the wire."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.shapes.declares import NOTHING, Declares
from gateway.shapes.vendor import Vendor
from gateway.usage import Usage

ReadBody = Callable[[bytes], Usage | None]
ReadEvent = Callable[[Usage | None, bytes], Usage | None]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One API: its request, its answer, its events and its errors, as tables that every room asks.

    `declares` says what its requests declare, and where. `read_usage` reads a whole response body. `read_event` folds
    the `data` of one server-sent event into the usage known so far. `include_usage` says that a stream reports usage
    only when `stream_options.include_usage` asks for it. `keepalive` is what keeps an idle stream open, a comment where
    clients of the API know no event for it.
    """

    name: str
    vendor: Vendor
    read_usage: ReadBody
    read_event: ReadEvent
    declares: Declares = NOTHING
    include_usage: bool = False
    keepalive: bytes = b": keep-alive\n\n"
