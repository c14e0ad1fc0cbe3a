"""Ranking documents by a query, as Cohere began it and Jina, Voyage, vLLM, LiteLLM and OpenRouter have it.

https://docs.cohere.com/reference/rerank, https://api.jina.ai/redoc, https://docs.voyageai.com/reference/reranker-api,
https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html, https://openrouter.ai/docs/api-reference.

Cohere bills searches: a query with up to 100 documents is one, and a long document counts as several. The others bill
tokens: those of the documents, and those of the query once for each document.
"""

from typing import Any, Final

import msgspec

from gateway.money.estimate import BASE_TOKENS, characters_in
from gateway.shapes import media_members
from gateway.shapes.figures import Figure, Unread, read_figures, stated_as, table_of, usage_of
from gateway.shapes.shape import Shape
from gateway.usage import Stated
from gateway.wire.request_body import RequestBody
from gateway.wire.unreadable import UNREADABLE

ROWS: Final = (
    Figure("usage.search_units", "search_units", said_by="openrouter"),
    Figure("usage.prompt_tokens", "input_tokens"),
    Figure("usage.total_tokens", "input_tokens"),
    Figure("meta.billed_units.search_units", "search_units"),
    Figure("meta.billed_units.input_tokens", "input_tokens"),
    Figure("meta.billed_units.total_tokens", "input_tokens", said_by="litellm"),
    Figure("meta.tokens.input_tokens", "input_tokens"),
)
"""Every figure that is billed. Where searches are stated, they are what is billed, and tokens are not."""

_TABLE: Final = table_of(ROWS)
_DOCUMENTS_OF_A_SEARCH: Final = 100
_TOKENS_OF_A_DOCUMENT: Final = 256
"""Of longer ones Cohere bills each piece of some 500 tokens, the query in it, as a document."""


class _Answer(msgspec.Struct, gc=False):
    usage: Any = None
    meta: Any = None
    model: Any = None


_decode: Final = msgspec.json.Decoder(_Answer).decode
_list: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_body(body: bytes) -> Stated | None:
    """What a whole answer states; `None` where it states nothing that can be read."""
    try:
        answer = _decode(body)
    except UNREADABLE:
        return None
    figures: dict[str, int] = {}
    unread: Unread = []
    for name, value in (("usage", answer.usage), ("meta", answer.meta)):
        if isinstance(value, dict):
            read_figures({name: value}, _TABLE, figures, unread, "")
    if not figures:
        return None
    if figures.get("search_units"):
        figures.pop("input_tokens", None)
    return stated_as(usage_of(figures), [(kind, path.lstrip(".")) for kind, path in unread], model=answer.model)


def read_again(body: RequestBody) -> tuple[int, int]:
    """How many documents a request has at most, and how many tokens of the query are read beyond the first time."""
    query, documents = body.raw("query") or b"", body.raw("documents") or b"[]"
    try:
        count = len(_list(documents))
    except UNREADABLE:
        count = documents.count(b",") + 1
    return count, max(count - 1, 0) * (characters_in((query,)).tokens + BASE_TOKENS)


def most_searches(documents: int, tokens: int) -> int:
    """The searches that Cohere may bill for so many documents, which have so many tokens together."""
    return 1 + (documents + tokens // _TOKENS_OF_A_DOCUMENT) // _DOCUMENTS_OF_A_SEARCH


RERANK: Final = Shape(name="rerank", read_usage=read_body, media=media_members.RERANK)
