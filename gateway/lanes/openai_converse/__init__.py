"""A client of OpenAI's Chat Completions on Amazon Bedrock's Converse API.

Sources: https://platform.openai.com/docs/api-reference/chat,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.
"""

from typing import Final

from gateway.lanes.base import Asked, Json, StreamTranslator, Translated, Translation
from gateway.lanes.openai_converse.errors import translate_error
from gateway.lanes.openai_converse.parameters import TABLE
from gateway.lanes.openai_converse.request import translate_request
from gateway.lanes.openai_converse.response import translate_response
from gateway.lanes.openai_converse.stream import ConverseStream

__all__ = ["OPENAI_TO_CONVERSE", "TABLE"]


class _OpenAIToConverse:
    """See `Translation`."""

    def request(self, body: Json, *, model: str, strict: bool) -> Translated:
        """See `request.py`. The model is named by the URL, whether the answer streams too."""
        return translate_request(body, model=model, strict=strict)

    def response(self, body: bytes, asked: Asked) -> bytes:
        """See `response.py`."""
        return translate_response(body, asked)

    def error(self, status: int, body: bytes) -> bytes:
        """See `errors.py`."""
        return translate_error(status, body)

    def stream(self, asked: Asked) -> StreamTranslator:
        """See `stream.py`."""
        return ConverseStream(asked)


OPENAI_TO_CONVERSE: Final[Translation] = _OpenAIToConverse()
"""OpenAI's chat shape in front, Converse behind."""
