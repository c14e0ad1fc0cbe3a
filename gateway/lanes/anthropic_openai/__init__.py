"""Clients of Anthropic's Messages at providers of OpenAI's Chat Completions."""

from typing import Final

from gateway.lanes.anthropic_openai.errors import translate_error
from gateway.lanes.anthropic_openai.parameters import TABLE
from gateway.lanes.anthropic_openai.request import translate_request
from gateway.lanes.anthropic_openai.response import translate_response
from gateway.lanes.anthropic_openai.stream import ChunksToEvents
from gateway.lanes.base import Asked, Json, StreamTranslator, Translated, Translation

__all__ = ["ANTHROPIC_TO_OPENAI", "TABLE"]


class _AnthropicToOpenAI:
    """See `Translation`."""

    def request(self, body: Json, *, model: str, strict: bool) -> Translated:
        return translate_request(body, model=model, strict=strict)

    def response(self, body: bytes, asked: Asked) -> bytes:
        return translate_response(body, asked)

    def error(self, status: int, body: bytes) -> bytes:
        return translate_error(status, body)

    def stream(self, asked: Asked) -> StreamTranslator:
        return ChunksToEvents(asked)


ANTHROPIC_TO_OPENAI: Final[Translation] = _AnthropicToOpenAI()
"""The translation of this pair of shapes."""
