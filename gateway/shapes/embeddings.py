"""OpenAI's embeddings (https://platform.openai.com/docs/api-reference/embeddings)."""

from typing import Final

from gateway.shapes import dialects, openai_usage
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

EMBEDDINGS: Final = Shape(
    name="embeddings",
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=dialects.DECLARES,
)
