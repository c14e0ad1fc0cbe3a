"""OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat)."""

from typing import Final

from gateway.shapes import openai_usage
from gateway.shapes.declares import END_USER, Declares
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

CHAT: Final = Shape(
    name="chat",
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=Declares(output_caps=("max_completion_tokens", "max_tokens"), choices=("n", "best_of"), end_user=END_USER),
    include_usage=True,
)
