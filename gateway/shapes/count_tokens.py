"""Anthropic's counting of tokens (https://docs.anthropic.com/en/api/messages-count-tokens)."""

from typing import Final

from gateway.shapes import anthropic_request, messages
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor

COUNT_TOKENS: Final = Shape(
    name="count_tokens",
    vendor=Vendor.ANTHROPIC,
    read_usage=messages.read_body,
    read_event=messages.read_event,
    declares=anthropic_request.DECLARES,
)
