"""OpenAI's image generation (https://platform.openai.com/docs/api-reference/images)."""

from typing import Final

from gateway.shapes import dialects, openai_usage
from gateway.shapes.declares import END_USER, Declares, Place, Says
from gateway.shapes.ending import CONTENT, ENDS, FAILS, Events
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

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
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=DECLARES,
    events=EVENTS,
)
