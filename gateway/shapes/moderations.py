"""OpenAI's moderations (https://platform.openai.com/docs/api-reference/moderations)."""

from typing import Final

from gateway.shapes import dialects, openai_usage
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

MODERATIONS: Final = Shape(
    name="moderations",
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=dialects.DECLARES,
)
