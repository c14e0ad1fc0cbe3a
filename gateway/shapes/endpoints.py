"""The one table of LLM endpoints: path, shape, body form. A new endpoint is a new row."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.shapes import (
    audio,
    chat,
    converse,
    embeddings,
    generate_content,
    images,
    media_members,
    messages,
    rerank,
    responses,
)
from gateway.shapes.shape import Shape
from gateway.shapes.state import Reference
from gateway.shapes.vendor import Vendor


class BodyForm(enum.StrEnum):
    """How the request body is written; `ANY`: as its media type says, or not at all."""

    JSON = "json"
    MULTIPART = "multipart"
    ANY = "any"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One path of the data plane.

    `metered` is false where calls consume no tokens. `default_model` is what the API takes when the body names none.
    `takes_files`: forms bring files that may be long; `brings_input`: what a batch may be made of later. `defers` is
    the kind of work that goes on after the answer (`gateway.shapes.deferred`), `may_be_deferred` says that the request
    may ask for that. `edits_answer` puts what is the gateway's own into a whole answer.
    `is_stored`: it is about what a provider keeps, and names no model; `named` is then what the path of one request
    names, `removes` says that it is gone afterwards, `lists` is the kind of which a key is shown its own.
    `also` are other paths of the same.
    """

    name: str
    path: str
    shape: Shape
    body: BodyForm = BodyForm.JSON
    metered: bool = True
    default_model: str | None = None
    method: str = "POST"
    also: tuple[str, ...] = ()
    is_stored: bool = False
    named: tuple[Reference, ...] = ()
    removes: bool = False
    takes_files: bool = False
    brings_input: bool = False
    defers: str | None = None
    may_be_deferred: bool = False
    edits_answer: Callable[[bytes], bytes] | None = None
    lists: str | None = None

    @property
    def suffix(self) -> str:
        """The path below `/v1`, as an OpenAI-compatible base URL continues: `/chat/completions`."""
        return self.path.removeprefix("/v1")

    @property
    def is_addressed(self) -> bool:
        """Whether the path names the model."""
        return "{model}" in self.path


_TABLE = (
    Endpoint(name="chat_completions", path="/v1/chat/completions", shape=chat.CHAT),
    Endpoint(name="completions", path="/v1/completions", shape=chat.COMPLETIONS),
    Endpoint(name="embeddings", path="/v1/embeddings", shape=Shape(name="embeddings", media=media_members.EMBEDDINGS)),
    Endpoint(name="responses", path="/v1/responses", shape=responses.RESPONSES, may_be_deferred=True),
    Endpoint(name="responses_compact", path="/v1/responses/compact", shape=responses.COMPACT),
    Endpoint(
        name="responses_input_tokens",
        path="/v1/responses/input_tokens",
        shape=responses.INPUT_TOKENS,
        metered=False,
    ),
    Endpoint(
        name="moderations",
        path="/v1/moderations",
        shape=Shape(name="moderations"),
        metered=False,
        default_model="omni-moderation-latest",
    ),
    Endpoint(name="images_generations", path="/v1/images/generations", shape=images.IMAGES, default_model="dall-e-2"),
    Endpoint(
        name="images_edits",
        path="/v1/images/edits",
        shape=images.IMAGES,
        body=BodyForm.ANY,
        default_model="dall-e-2",
        takes_files=True,
    ),
    Endpoint(
        name="images_variations",
        path="/v1/images/variations",
        shape=images.IMAGES,
        body=BodyForm.MULTIPART,
        default_model="dall-e-2",
        takes_files=True,
    ),
    Endpoint(name="audio_speech", path="/v1/audio/speech", shape=audio.SPEECH),
    Endpoint(
        name="audio_transcriptions",
        path="/v1/audio/transcriptions",
        shape=audio.TRANSCRIPTIONS,
        body=BodyForm.MULTIPART,
    ),
    Endpoint(
        name="audio_translations",
        path="/v1/audio/translations",
        shape=audio.TRANSCRIPTIONS,
        body=BodyForm.MULTIPART,
    ),
    Endpoint(name="rerank", path="/v1/rerank", shape=rerank.RERANK, also=("/v2/rerank", "/rerank")),
    Endpoint(name="messages", path="/v1/messages", shape=messages.MESSAGES),
    Endpoint(
        name="messages_count_tokens",
        path="/v1/messages/count_tokens",
        shape=messages.COUNT_TOKENS,
        metered=False,
    ),
    Endpoint(
        name="generate_content",
        path="/v1beta/models/{model}:generateContent",
        shape=generate_content.GENERATE_CONTENT,
    ),
    Endpoint(
        name="google_count_tokens",
        path="/v1beta/models/{model}:countTokens",
        shape=generate_content.COUNT_TOKENS,
        metered=False,
    ),
    Endpoint(name="embed_content", path="/v1beta/models/{model}:embedContent", shape=generate_content.EMBED_CONTENT),
    Endpoint(
        name="batch_embed_contents",
        path="/v1beta/models/{model}:batchEmbedContents",
        shape=generate_content.EMBED_CONTENT,
    ),
)

CONVERSE = Endpoint(name="converse", path="/model/converse", shape=converse.CONVERSE)
"""Bedrock's Converse: the other end of a lane, never called by clients."""

INVOKE_COUNT = Endpoint(
    name="invoke_count",
    path="/model/count-tokens",
    shape=Shape(name="invoke_count", vendor=Vendor.AMAZON),
    metered=False,
)
"""Bedrock's CountTokens of a request for InvokeModel: asked by the gateway alone."""

INVOKE_EMBEDDINGS = Endpoint(name="invoke_embeddings", path="/model/invoke", shape=embeddings.INVOKE)
"""Bedrock's InvokeModel for models that embed: asked by the gateway alone."""

PREDICT = Endpoint(name="predict", path="/predict", shape=embeddings.PREDICT)
"""Vertex AI's `predict` for models that embed: asked by the gateway alone."""

ENDPOINTS: Mapping[str, Endpoint] = {endpoint.name: endpoint for endpoint in _TABLE}
