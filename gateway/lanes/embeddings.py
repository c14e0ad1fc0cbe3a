"""Vectors of texts: OpenAI's clients on Bedrock and Vertex AI, and Gemini's clients on OpenAI-compatible servers.

There is no conversation here, so these lanes stand beside the others: a few members, and answers that never stream.
Sources are those of `shapes.embeddings`, https://platform.openai.com/docs/api-reference/embeddings and
https://ai.google.dev/api/embeddings.
"""

import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from gateway.lanes.base import (
    Asked,
    Json,
    Kept,
    StreamTranslator,
    Target,
    Translation,
    UntranslatableAnswer,
    Written,
)
from gateway.lanes.carried_tools import CarriedTools, ToolForms
from gateway.lanes.chat import write_answer as to_openai
from gateway.lanes.conversation import Conversation
from gateway.lanes.converse import read_answer as from_amazon
from gateway.lanes.generate_content import read_answer as from_google
from gateway.lanes.generate_content import write_answer as to_google
from gateway.lanes.losses import LaneTable, Losses, Parameter, Treatment
from gateway.lanes.provider_error import read_error
from gateway.lanes.reading import count, mapping, one_of, sequence, text, wrong
from gateway.shapes import embeddings as shapes
from gateway.shapes import generate_content, openai_usage
from gateway.usage import Stated
from gateway.wire.unreadable import UNREADABLE

_MAPPED, _IGNORED, _DROPPED, _REFUSED = Treatment
_Vector = Sequence[float]

_NO_TOOLS: Final = CarriedTools(Conversation(turns=()), ToolForms())
_FORMATS: Final = ("float", "base64")
_INPUT_TYPES: Final = ("search_document", "search_query", "classification", "clustering")
_ONE: Final = "this model embeds one text with each request."
_FIXED: Final = "this model's vectors have one length."


class _Wanted(NamedTuple):
    """What is asked for, whatever the API: texts, the length of vectors, and Cohere's word for their use."""

    texts: Sequence[str]
    dimensions: int | None
    input_type: str = ""


# Families of models, each with the body that it wants for what is asked.


def _titan(wanted: _Wanted, _model: str, table: LaneTable) -> dict[str, Any]:
    if wanted.dimensions is not None:
        raise table.unsupported("dimensions", _FIXED)
    return {"inputText": _only(wanted, table)}


def _titan_2(wanted: _Wanted, _model: str, table: LaneTable) -> dict[str, Any]:
    length = {} if wanted.dimensions is None else {"dimensions": wanted.dimensions}
    return {"inputText": _only(wanted, table), **length}


def _titan_image(wanted: _Wanted, _model: str, table: LaneTable) -> dict[str, Any]:
    length = {} if wanted.dimensions is None else {"embeddingConfig": {"outputEmbeddingLength": wanted.dimensions}}
    return {"inputText": _only(wanted, table), **length}


def _cohere(wanted: _Wanted, model: str, table: LaneTable) -> dict[str, Any]:
    body: dict[str, Any] = {
        "texts": list(wanted.texts),
        "input_type": wanted.input_type or "search_document",
        "embedding_types": ["float"],
    }
    if wanted.dimensions is not None:
        if "embed-v4" not in model:
            raise table.unsupported("dimensions", _FIXED)
        body["output_dimension"] = wanted.dimensions
    return body


def _nova(wanted: _Wanted, _model: str, table: LaneTable) -> dict[str, Any]:
    length = {} if wanted.dimensions is None else {"embeddingDimension": wanted.dimensions}
    said = {"truncationMode": "NONE", "value": _only(wanted, table)}
    params = {"embeddingPurpose": "GENERIC_INDEX", **length, "text": said}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


_FAMILIES: Final[tuple[tuple[re.Pattern[str], Callable[[_Wanted, str, LaneTable], dict[str, Any]]], ...]] = (
    (re.compile(r"titan-embed-text-v2"), _titan_2),
    (re.compile(r"titan-embed-image"), _titan_image),
    (re.compile(r"titan-embed"), _titan),
    (re.compile(r"cohere\.embed"), _cohere),
    (re.compile(r"nova-2-multimodal-embeddings"), _nova),
)


def _only(wanted: _Wanted, table: LaneTable) -> str:
    if len(wanted.texts) != 1:
        raise table.unsupported("input", _ONE)
    return wanted.texts[0]


# OpenAI's clients.

_MEMBERS: Final[Mapping[str, Parameter]] = {
    "model": Parameter(_MAPPED, "The URL's model, as resolved."),
    "input": Parameter(_MAPPED, "The texts; arrays of tokens are refused, since every model has its own."),
    "encoding_format": Parameter(_MAPPED, "`base64` is made of the numbers by the gateway."),
    "user": Parameter(_DROPPED, "End users are not named."),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
}


def _wanted(body: Json, losses: Losses) -> _Wanted:
    given = body.get("input")
    if isinstance(given, str):
        texts: Sequence[Any] = (given,)
    else:
        texts = sequence(given, "input")
    if not texts or not all(isinstance(one, str) for one in texts):
        raise losses.table.unsupported("input", "it is a text or an array of texts; tokens are one model's own.")
    dimensions, use = body.get("dimensions"), body.get("input_type")
    return _Wanted(
        texts,
        None if dimensions is None else count(dimensions, "dimensions"),
        "" if use is None or not losses.takes("input_type") else one_of(_INPUT_TYPES, use, "input_type"),
    )


def _kept(body: Json) -> Kept:
    form = body.get("encoding_format")
    return Kept(_NO_TOOLS, {"encoding_format": "float" if form is None else one_of(_FORMATS, form, "encoding_format")})


def _invoked(body: Json, target: Target, losses: Losses) -> Written:
    wanted, kept = _wanted(body, losses), _kept(body)
    written = next(write for family, write in _FAMILIES if family.search(target.model))
    return Written(written(wanted, target.model, losses.table), kept)


def _predicted(body: Json, _target: Target, losses: Losses) -> Written:
    wanted, kept = _wanted(body, losses), _kept(body)
    length = {} if wanted.dimensions is None else {"outputDimensionality": wanted.dimensions}
    instances = [{"content": one} for one in wanted.texts]
    # A text that is too long is an error for OpenAI's clients.
    return Written({"instances": instances, "parameters": {"autoTruncate": False, **length}}, kept)


def _content(body: Json, _target: Target, losses: Losses) -> Written:
    wanted, kept = _wanted(body, losses), _kept(body)
    length = {} if wanted.dimensions is None else {"outputDimensionality": wanted.dimensions}
    return Written({"content": {"parts": [{"text": _only(wanted, losses.table)}]}, **length}, kept)


def _vectors_invoked(answer: Any) -> list[Any]:
    if "embedding" in answer:
        return [answer["embedding"]]
    held = answer.get("embeddings")
    if isinstance(held, Mapping):
        held = held.get("float")
    return [one["embedding"] if isinstance(one, Mapping) else one for one in held]


def _vectors_predicted(answer: Any) -> list[Any]:
    return [one["embeddings"]["values"] for one in answer["predictions"]]


def _vectors_of_content(answer: Any) -> list[Any]:
    return [answer["embedding"]["values"]]


def _vectors_of_openai(answer: Any) -> list[Any]:
    data = sorted(answer["data"], key=lambda one: one.get("index", 0))
    return [_unpacked(one["embedding"]) for one in data]


def _unpacked(vector: Any) -> Any:
    if not isinstance(vector, str):
        return vector
    packed = b64decode(vector)
    return list(struct.unpack(f"<{len(packed) // 4}f", packed))


def _read(body: bytes, vectors: Callable[[Any], list[Any]]) -> list[_Vector]:
    """The vectors of an answer. Raises `UntranslatableAnswer`."""
    try:
        found = msgspec.convert(vectors(msgspec.json.decode(body)), list[list[float]])
    except (*UNREADABLE, ValueError, AttributeError, IndexError, KeyError, TypeError, struct.error) as error:
        raise UntranslatableAnswer("it has no vectors") from error
    return list(found)


def _for_openai(
    vectors: Callable[[Any], list[Any]], read_usage: Callable[[bytes], Stated | None]
) -> Callable[[bytes, Asked], bytes]:
    def response(body: bytes, asked: Asked) -> bytes:
        packs = asked.kept is not None and asked.kept.echo.get("encoding_format") == "base64"
        data = [
            {"object": "embedding", "index": index, "embedding": _packed(vector) if packs else vector}
            for index, vector in enumerate(_read(body, vectors))
        ]
        stated = read_usage(body)
        used = 0 if stated is None else stated.usage.input_tokens
        usage = {"prompt_tokens": used, "total_tokens": used}
        return msgspec.json.encode({"object": "list", "data": data, "model": asked.model, "usage": usage})

    return response


def _packed(vector: _Vector) -> str:
    try:
        return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except OverflowError as error:
        raise UntranslatableAnswer("its numbers are larger than 32 bits hold") from error


# Gemini's clients.

_GOOGLES: Final[Mapping[str, Parameter]] = {
    "model": Parameter(_MAPPED, "`model`, as resolved."),
    "content": Parameter(_MAPPED, "`input`: its texts, joined."),
    "requests": Parameter(_MAPPED, "`input`: the texts of each."),
    "outputDimensionality": Parameter(_MAPPED, "`dimensions`."),
    "output_dimensionality": Parameter(_MAPPED, "`dimensions`."),
    "taskType": Parameter(_DROPPED, "Vectors are for any task."),
    "title": Parameter(_DROPPED, "Texts have no titles."),
    "drop_tuning_params": Parameter(_IGNORED, "The gateway's own; it decides whether drops are refused."),
    "stream": Parameter(_IGNORED, "Vectors come whole."),
}


def _one_content(body: Json, target: Target, losses: Losses) -> Written:
    return _of_contents([(body, "")], target, losses)


def _contents(body: Json, target: Target, losses: Losses) -> Written:
    held = sequence(body.get("requests"), "requests")
    requests = [(mapping(one, f"requests[{index}]"), f"requests[{index}].") for index, one in enumerate(held)]
    for one, path in requests:
        losses.judge(one, "", path[:-1])
    return _of_contents(requests, target, losses)


def _of_contents(requests: Sequence[tuple[Json, str]], target: Target, losses: Losses) -> Written:
    if not requests:
        raise wrong("requests", "an array with at least one request")
    texts = [_text_of(one, path, losses) for one, path in requests]
    lengths = {_length_of(one, path) for one, path in requests}
    length = lengths.pop()
    if lengths:
        raise losses.table.unsupported("requests", "vectors of several lengths are several requests.")
    dimensions = {} if length is None else {"dimensions": length}
    return Written({"model": target.model, "input": texts, "encoding_format": "float", **dimensions})


def _length_of(request: Json, path: str) -> int | None:
    stated = request.get("outputDimensionality", request.get("output_dimensionality"))
    return None if stated is None else count(stated, f"{path}outputDimensionality")


def _text_of(request: Json, path: str, losses: Losses) -> str:
    content = mapping(request.get("content"), f"{path}content")
    said = []
    for index, part in enumerate(sequence(content.get("parts"), f"{path}content.parts")):
        place = f"{path}content.parts[{index}]"
        if set(mapping(part, place)) != {"text"}:
            raise losses.table.unsupported(place, "texts alone are embedded.")
        said.append(text(part["text"], f"{place}.text"))
    return "\n".join(said)


def _for_google(one: bool) -> Callable[[bytes, Asked], bytes]:
    def response(body: bytes, _asked: Asked) -> bytes:
        vectors = [{"values": vector} for vector in _read(body, _vectors_of_openai)]
        if one and len(vectors) != 1:
            raise UntranslatableAnswer("it has no vector")
        stated = openai_usage.read_body(body)
        usage = {} if stated is None else {"usageMetadata": {"promptTokenCount": stated.usage.input_tokens}}
        return msgspec.json.encode({**({"embedding": vectors[0]} if one else {"embeddings": vectors}), **usage})

    return response


def _no_stream(_asked: Asked) -> StreamTranslator:
    raise UntranslatableAnswer("it is a stream, and vectors come whole")


def _table(client: str, provider: str, rows: Mapping[str, Parameter], **more: Parameter) -> LaneTable:
    return LaneTable(f"{client} -> {provider}", {**rows, **more})


_BEDROCK: Final = _table(
    "openai embeddings",
    "bedrock embeddings",
    _MEMBERS,
    dimensions=Parameter(_MAPPED, "The length of vectors, for models that have several; refused for others."),
    input_type=Parameter(_MAPPED, "Cohere's `input_type`, which is `search_document` where nothing is said."),
)
_VERTEX: Final = _table(
    "openai embeddings",
    "vertex embeddings",
    _MEMBERS,
    dimensions=Parameter(_MAPPED, "`outputDimensionality`."),
)
_OPENAI: Final = _table("gemini embeddings", "openai embeddings", _GOOGLES)


def _google_error(status: int, body: bytes) -> bytes:
    return to_openai.write_error(status, from_google.read_error(status, body))


EMBEDDINGS: Final[Mapping[tuple[str, str], Translation]] = {
    ("embeddings", "invoke_embeddings"): Translation(
        _BEDROCK,
        _invoked,
        _for_openai(_vectors_invoked, shapes.read_invoked),
        lambda status, body: to_openai.write_error(status, from_amazon.read_error(status, body)),
        _no_stream,
    ),
    ("embeddings", "predict"): Translation(
        _VERTEX, _predicted, _for_openai(_vectors_predicted, shapes.read_predicted), _google_error, _no_stream
    ),
    ("embeddings", "embed_content"): Translation(
        _VERTEX, _content, _for_openai(_vectors_of_content, generate_content.read_body), _google_error, _no_stream
    ),
    ("embed_content", "embeddings"): Translation(
        _OPENAI,
        _one_content,
        _for_google(True),
        lambda status, body: to_google.write_error(status, read_error(body)),
        _no_stream,
    ),
    ("batch_embed_contents", "embeddings"): Translation(
        _OPENAI,
        _contents,
        _for_google(False),
        lambda status, body: to_google.write_error(status, read_error(body)),
        _no_stream,
    ),
}
"""(the client's endpoint, the provider's endpoint) -> how to cross."""
