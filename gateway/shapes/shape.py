"""What is known of one API as it stands on the wire."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.shapes import dialects, openai_usage
from gateway.shapes.declares import Declares
from gateway.shapes.ending import NO_EVENTS, Events
from gateway.shapes.media_members import NO_MEDIA, MediaMembers
from gateway.shapes.progress import Progress
from gateway.shapes.state import NO_STATE, State
from gateway.shapes.vendor import Vendor
from gateway.usage import Stated
from gateway.wire.request_body import RequestBody

ReadBody = Callable[[bytes], Stated | None]
ReadEvent = Callable[[Stated | None, bytes], Stated | None]
Frame = Callable[[GatewayError, Progress], bytes]
Envelope = Callable[[GatewayError], bytes]
CountAudio = Callable[[RequestBody, str, bytes, int], int]
"""From the request, and from the media type, the first bytes and the size of what came, the tokens of audio in it."""


def envelope(error: GatewayError) -> bytes:
    """The body of an error as OpenAI's clients read it."""
    return error.envelope(anthropic=False)


def error_event(error: GatewayError, _progress: Progress) -> bytes:
    """The `error` event of the shapes that are made after OpenAI's chat: the envelope that a refusal has."""
    return b"event: error\ndata: " + envelope(error) + b"\n\n"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One API: its request, its answer, its events and its errors, as tables that every room asks.

    What is not said is as it is on every API of OpenAI's, and on those that are made after them.
    `declares` says what its requests declare, and where; `media` where they have media in base64. `read_usage` reads
    what a whole response body states. `read_event` folds the `data` of one server-sent event into what is known so far.
    `include_usage` says that a stream reports usage only when `stream_options.include_usage` asks for it.
    `count_audio` counts an answer that is audio, and states nothing. `events` says what each event of a stream means
    for its answer, and `frame` makes the last event of a stream that broke off, `envelope` the body of a refusal.
    `element` is what stands for the frame where a stream comes as one JSON array, of APIs that do that.
    `keepalive` is what keeps an idle stream open, a comment where clients of the API know no event for it. `state` says
    what its requests point at that a provider keeps, and what its answers leave there. `counts_events` says that events
    are numbered and name what the stream began with, which the last one of a stream that broke off goes on with.
    """

    name: str
    vendor: Vendor = Vendor.OPENAI
    read_usage: ReadBody = openai_usage.read_body
    read_event: ReadEvent = openai_usage.read_event
    declares: Declares = dialects.DECLARES
    media: MediaMembers = NO_MEDIA
    include_usage: bool = False
    count_audio: CountAudio | None = None
    events: Events = NO_EVENTS
    frame: Frame = error_event
    envelope: Envelope = envelope
    element: Envelope | None = None
    keepalive: bytes = b": keep-alive\n\n"
    state: State = NO_STATE
    counts_events: bool = False

    def terminal_frame(self, error: GatewayError, progress: Progress, *, at_boundary: bool) -> bytes:
        """The last bytes of a stream that broke off, in the client's shape.

        When the stream was cut within an event, a blank line goes first. It hands the torn event to the client's
        parser, which fails on it as it would on a cut connection; without it the frame would melt into the torn event
        and be lost.

        Args:
            error: What the client is told.
            progress: How far the stream that the client was sent had come.
            at_boundary: Whether what was sent ends between two events.
        """
        frame = self.frame(error, progress)
        return frame if at_boundary else b"\n\n" + frame
