"""What is known of one API as it stands on the wire."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.shapes.vendor import Vendor
from gateway.usage import Stated

ReadBody = Callable[[bytes], Stated | None]
ReadEvent = Callable[[Stated | None, bytes], Stated | None]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One API: its request, its answer, its events and its errors, as tables that every room asks.

    `read_usage` reads what a whole response body states. `read_event` folds the `data` of one server-sent event into
    what is known so far. `include_usage` says that a stream reports usage only when `stream_options.include_usage` asks
    for it. `keepalive` is what keeps an idle stream open, a comment where clients of the API know no event for it.
    """

    name: str
    vendor: Vendor
    read_usage: ReadBody
    read_event: ReadEvent
    include_usage: bool = False
    keepalive: bytes = b": keep-alive\n\n"
