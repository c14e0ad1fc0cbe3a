"""OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat)."""

from typing import Final

from gateway.shapes import openai_usage
from gateway.shapes.declares import END_USER, Declares
from gateway.shapes.ending import ENDS, FAILS, Events, Stop
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

EVENTS: Final = Events(
    rows={"[DONE]": ENDS, "error": FAILS},
    stops={
        "stop": Stop.FINISHED,
        "length": Stop.LENGTH,
        "tool_calls": Stop.TOOL_CALL,
        "function_call": Stop.TOOL_CALL,
        "content_filter": Stop.FILTERED,
        # Of servers that are made after it: Mistral, OpenRouter, DeepSeek.
        "model_length": Stop.LENGTH,
        "error": Stop.FAILED,
        "insufficient_system_resource": Stop.FAILED,
    },
    needs_end=False,
)
"""A stream is of chunks without a type: what is in a chunk says what it is, see `Progress`."""

CHAT: Final = Shape(
    name="chat",
    vendor=Vendor.OPENAI,
    read_usage=openai_usage.read_body,
    read_event=openai_usage.read_event,
    declares=Declares(output_caps=("max_completion_tokens", "max_tokens"), choices=("n", "best_of"), end_user=END_USER),
    include_usage=True,
    events=EVENTS,
)
