"""OpenAI's older completions (https://platform.openai.com/docs/api-reference/completions)."""

from typing import Final

from gateway.shapes import chat, dialects, openai_usage
from gateway.shapes.declares import END_USER, Declares
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

DECLARES: Final = Declares(
    places=dialects.PLACES,
    kinds=dialects.KINDS,
    output_caps=("max_tokens",),
    choices=("n", "best_of"),
    end_user=END_USER,
    routing=(*dialects.ROUTING, "stream_options", "prompt"),
)


COMPLETIONS: Final = Shape(
    name="completions",
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=DECLARES,
    include_usage=True,
    events=chat.EVENTS,
)
