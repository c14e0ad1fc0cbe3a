"""OpenAI's pictures: made, edited and varied (https://platform.openai.com/docs/api-reference/images).

Models that bill pictures one by one, such as `dall-e-3`, state no usage: there the pictures of the answer count. In a
stream the last event of each of several pictures states what that one took.
"""

from typing import Final

import msgspec

from gateway.shapes import dialects, openai_usage
from gateway.shapes.declares import END_USER, Declares, Place, Says
from gateway.shapes.ending import CONTENT, ENDS, FAILS, Events
from gateway.shapes.figures import together
from gateway.shapes.media_members import IMAGES as MEDIA
from gateway.shapes.shape import Shape
from gateway.shapes.state import IMAGES as STATE
from gateway.usage import Stated, Usage
from gateway.wire.multipart import MultipartBody
from gateway.wire.request_body import RequestBody
from gateway.wire.unreadable import UNREADABLE


class _Pictures(msgspec.Struct, gc=False):
    data: list[msgspec.Raw]


_decode = msgspec.json.Decoder(_Pictures).decode


def read_body(body: bytes) -> Stated | None:
    """What a whole response states, or how many pictures it has."""
    stated = openai_usage.read_body(body, openai_usage.PICTURES)
    if stated is not None or b'"usage"' in body:
        return stated
    try:
        pictures = len(_decode(body).data)
    except UNREADABLE:
        return None
    return Stated(usage=Usage(further={"images": pictures})) if pictures else None


def read_event(known: Stated | None, data: bytes) -> Stated | None:
    """What is known so far, with what this event states of one more picture."""
    stated = openai_usage.read_event(None, data, openai_usage.PICTURES)
    if stated is None or known is None:
        return stated or known
    return together(known, stated)


DECLARES: Final = Declares(
    places=(*dialects.PLACES, Place("svg.model", Says.MODEL)),
    kinds=dialects.KINDS,
    choices=("n",),
    end_user=END_USER,
    routing=dialects.ROUTING,
)


EVENTS: Final = Events(
    rows={
        "image_generation.partial_image": CONTENT,
        "image_generation.completed": ENDS,
        "image_edit.partial_image": CONTENT,
        "image_edit.completed": ENDS,
        "error": FAILS,
    }
)
"""https://platform.openai.com/docs/api-reference/images-streaming. Each of several images has its own last event."""

IMAGES: Final = Shape(
    name="images",
    read_usage=read_body,
    read_event=read_event,
    declares=DECLARES,
    events=EVENTS,
    media=MEDIA,
    state=STATE,
)


_MOST_GIVEN: Final = 17
"""Pictures that the API takes at most, with a mask."""
_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def pictures_given(body: RequestBody) -> int:
    """How many pictures a request brings or points at, to be edited or varied."""
    if isinstance(body, MultipartBody):
        return body.files
    given = body.raw("images")
    if given is None:
        return 0
    try:
        pictures = len(_list(given))
    except UNREADABLE:
        return _MOST_GIVEN
    return _MOST_GIVEN if body.is_ambiguous("images") else pictures + ("mask" in body.names)
