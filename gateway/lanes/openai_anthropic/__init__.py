"""A client of OpenAI's Chat Completions on Anthropic's Messages.

Sources: https://platform.openai.com/docs/api-reference/chat and https://docs.anthropic.com/en/api/messages.
"""

from typing import Final

from gateway.lanes.base import Asked, Json, StreamTranslator, Translated, Translation
from gateway.lanes.openai_anthropic.errors import translate_error
from gateway.lanes.openai_anthropic.parameters import TABLE
from gateway.lanes.openai_anthropic.request import translate_request
from gateway.lanes.openai_anthropic.response import translate_response
from gateway.lanes.openai_anthropic.stream import AnthropicStream

__all__ = ["OPENAI_TO_ANTHROPIC", "TABLE"]


class _OpenAIToAnthropic:
    """See `Translation`."""

    def request(self, body: Json, *, model: str, strict: bool) -> Translated:
        """See `request.py`."""
        return translate_request(body, model=model, strict=strict)

    def response(self, body: bytes, asked: Asked) -> bytes:
        """See `response.py`."""
        return translate_response(body, asked)

    def error(self, status: int, body: bytes) -> bytes:
        """See `errors.py`."""
        return translate_error(status, body)

    def stream(self, asked: Asked) -> StreamTranslator:
        """See `stream.py`."""
        return AnthropicStream(asked)


OPENAI_TO_ANTHROPIC: Final[Translation] = _OpenAIToAnthropic()
"""OpenAI's chat shape in front, Anthropic's messages behind."""
