"""Lanes of embeddings: what clients and providers say that is not what it should be."""

import pytest

from gateway.errors import GatewayError
from gateway.lanes.base import Asked, UntranslatableAnswer
from gateway.lanes.embeddings import EMBEDDINGS

_CONTENT = {"parts": [{"text": "a"}]}


@pytest.mark.parametrize("length", [{}, [7], "7", 7.5, True, 0])
def test_a_length_that_is_none_is_refused_where_it_stands(length):
    lane = EMBEDDINGS["batch_embed_contents", "embeddings"]
    body = {"requests": [{"content": _CONTENT}, {"content": _CONTENT, "outputDimensionality": length}]}

    with pytest.raises(GatewayError) as refused:
        lane.request(body, model="m", strict=False)

    assert refused.value.param == "requests[1].outputDimensionality"


@pytest.mark.parametrize(
    ("ends", "answer"),
    [
        (("embed_content", "embeddings"), b'{"data": [{"embedding": "AAA"}]}'),
        (("embed_content", "embeddings"), b'{"data": [{"embedding": "AAAA"}]}'),
        (("embed_content", "embeddings"), b'{"data": [7]}'),
        (("embeddings", "invoke_embeddings"), b'{"embedding": [1e39]}'),
        (("embeddings", "invoke_embeddings"), b'{"embeddings": null}'),
        (("embeddings", "predict"), b'{"predictions": [{}]}'),
    ],
)
def test_an_answer_without_vectors_that_can_be_read_is_none(ends, answer):
    lane = EMBEDDINGS[ends]
    body = {"content": _CONTENT} if ends[0] == "embed_content" else {"input": "a", "encoding_format": "base64"}
    kept = lane.request(body, model="amazon.titan-embed-text-v2:0", strict=False).kept

    with pytest.raises(UntranslatableAnswer):
        lane.response(answer, Asked(model="m", include_usage=False, request_id="grq_1", created=0, kept=kept))
