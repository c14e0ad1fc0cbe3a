"""OpenAI's image generation (https://platform.openai.com/docs/api-reference/images)."""

from typing import Final

from gateway.shapes import openai_usage
from gateway.shapes.declares import END_USER, Declares
from gateway.shapes.ending import CONTENT, ENDS, FAILS, Events
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

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
    declares=Declares(choices=("n",), end_user=END_USER),
    events=EVENTS,
)
