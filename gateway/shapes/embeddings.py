"""Embeddings of texts by Amazon Bedrock and by Vertex AI, which have other APIs for them than OpenAI.

Bedrock's InvokeModel takes another body for each family of models:
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html,
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html. Vertex AI:
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api.
"""

import re
from typing import Any, Final

import msgspec

from gateway.shapes import generate_content
from gateway.shapes.figures import whole
from gateway.shapes.shape import Shape
from gateway.shapes.vendor import Vendor
from gateway.usage import Stated, Usage
from gateway.wire.unreadable import UNREADABLE

COUNTED: Final = "inputTextTokenCount"
"""The member of an answer of Bedrock's that states the tokens of its texts."""

EMBEDS: Final = re.compile(r"(^|[./])(titan-embed-|cohere\.embed-|nova-2-multimodal-embeddings)")
"""Bedrock's models that embed."""

PREDICTS: Final = re.compile(r"(textembedding-gecko|text-(multilingual-)?embedding|gemini-embedding-001)")
"""Vertex AI's models that embed by `predict`; later ones do by `embedContent`."""


class _Invoked(msgspec.Struct, gc=False):
    count: Any = msgspec.field(name=COUNTED, default=None)


class _Predicted(msgspec.Struct, gc=False):
    predictions: list[dict[str, Any]] = []


_decode_invoked = msgspec.json.Decoder(_Invoked).decode
_decode_predicted = msgspec.json.Decoder(_Predicted).decode


def read_invoked(body: bytes) -> Stated | None:
    """What an answer of InvokeModel states; `None` where it states nothing that can be read."""
    try:
        count = whole(_decode_invoked(body).count)
    except UNREADABLE:
        return None
    return None if count is None else Stated(usage=Usage(input_tokens=count))


def read_predicted(body: bytes) -> Stated | None:
    """What an answer of `predict` states: the sum of what stands beside each vector."""
    try:
        predictions = _decode_predicted(body).predictions
    except UNREADABLE:
        return None
    counts = [whole(_at(_at(_at(one, "embeddings"), "statistics"), "token_count")) for one in predictions]
    known = [count for count in counts if count is not None]
    return Stated(usage=Usage(input_tokens=sum(known))) if known and len(known) == len(counts) else None


def _at(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else None


INVOKE: Final = Shape(name="invoke_embeddings", vendor=Vendor.AMAZON, read_usage=read_invoked)
PREDICT: Final = Shape(
    name="predict", vendor=Vendor.GOOGLE, read_usage=read_predicted, envelope=generate_content.envelope
)
