"""OpenAI's speech and transcriptions (https://platform.openai.com/docs/api-reference/audio)."""

from typing import Final

from gateway.shapes import dialects, openai_usage
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

SPEECH: Final = Shape(
    name="speech",
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=dialects.DECLARES,
)
TRANSCRIPTIONS: Final = Shape(
    name="transcriptions",
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=dialects.DECLARES,
)
