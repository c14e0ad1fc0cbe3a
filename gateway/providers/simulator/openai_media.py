"""Embeddings, moderations, images and audio: small, valid, and the same for the same input."""

import base64
import hashlib
import math
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from gateway.providers.simulator.reply import tokens, tokens_of
from gateway.providers.simulator.stream import Frames, data_frame

Json = dict[str, Any]

_DIMENSIONS = {"text-embedding-3-large": 3072}
_DEFAULT_DIMENSIONS = 1536
_MAX_DIMENSIONS = 8192
_MAX_INPUTS = 2048
_CATEGORIES = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)


def embeddings(body: Json) -> Json:
    """One unit vector for every input, drawn from the input's hash."""
    inputs = _inputs(body.get("input"))
    dimensions = body.get("dimensions") or _DIMENSIONS.get(body["model"], _DEFAULT_DIMENSIONS)
    if not 1 <= dimensions <= _MAX_DIMENSIONS or len(inputs) > _MAX_INPUTS:
        raise ValueError("more inputs or dimensions than the API takes")
    vectors = [unit_vector(text, dimensions) for text in inputs]
    as_text = body.get("encoding_format") == "base64"
    used = sum(tokens(text) for text in inputs)
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": index, "embedding": _base64(vector) if as_text else vector}
            for index, vector in enumerate(vectors)
        ],
        "model": body["model"],
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def moderations(body: Json) -> Json:
    """Nothing is ever flagged."""
    result = {
        "flagged": False,
        "categories": dict.fromkeys(_CATEGORIES, False),
        "category_scores": dict.fromkeys(_CATEGORIES, 0.0001),
        "category_applied_input_types": {category: ["text"] for category in _CATEGORIES},
    }
    model = body.get("model") or "omni-moderation-latest"
    return {"id": "modr-simulator", "model": model, "results": [result for _ in _inputs(body.get("input"))]}


def ranking(body: Json, size: int) -> Json:
    """Documents by how many words they share with the query, the first of two that share as many before the other."""
    wanted = set(str(body["query"]).lower().split())
    texts = [str(one.get("text", one) if isinstance(one, dict) else one) for one in body["documents"]]
    shared = [len(wanted & set(text.lower().split())) / max(len(wanted), 1) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: -shared[index])
    results: list[Json] = [{"index": index, "relevance_score": shared[index]} for index in order]
    if body.get("return_documents"):
        results = [{**one, "document": {"text": texts[one["index"]]}} for one in results]
    used = tokens_of(size)
    return {
        "id": "rerank-simulator",
        "model": body["model"],
        "results": results[: int(body.get("top_n") or len(results))],
        "usage": {"prompt_tokens": used, "total_tokens": used},
    }


def images(body: Json) -> Json:
    """White pixels."""
    pixel = {"b64_json": base64.b64encode(_png()).decode()}
    count = min(int(body.get("n") or 1), 10)
    used = tokens(str(body.get("prompt", "")))
    details = {"text_tokens": used, "image_tokens": 0}
    usage = {"input_tokens": used, "output_tokens": 16, "total_tokens": used + 16, "input_tokens_details": details}
    return {"created": 1_700_000_000, "data": [pixel] * count, "usage": usage}


def speech() -> bytes:
    """A tenth of a second of silence as a WAV file."""
    samples = b"\x00\x00" * 2400
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 24_000, 48_000, 2, 16)
    data = struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form) + len(data), b"WAVE") + form + data


def heard(size: int) -> str:
    """What was heard in an upload of so many bytes."""
    return f"This is the simulator. It heard {size} bytes."


def transcription(body: Json, size: int, task: str = "transcribe") -> Json:
    """The JSON forms of a transcription, or of a translation; `verbose_json` with the fields that it adds."""
    answer: Json = {"text": heard(size), "usage": _transcription_usage()}
    if body.get("response_format") == "verbose_json":
        usage = {"type": "duration", "seconds": 1}
        answer |= {"task": task, "language": "english", "duration": 1.0, "segments": [], "usage": usage}
    return answer


def stream_transcription(size: int) -> Frames:
    """The deltas of the text, then the whole of it with the usage."""
    for word in heard(size).split():
        yield data_frame({"type": "transcript.text.delta", "delta": f"{word} "})
    yield data_frame({"type": "transcript.text.done", "text": heard(size), "usage": _transcription_usage()})


def _transcription_usage() -> Json:
    details = {"text_tokens": 0, "audio_tokens": 10}
    return {
        "type": "tokens",
        "input_tokens": 10,
        "output_tokens": 6,
        "total_tokens": 16,
        "input_token_details": details,
    }


def _inputs(given: Any) -> list[str]:
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given and all(isinstance(token, int) for token in given):
        return [str(given)]
    return [one if isinstance(one, str) else str(one) for one in given] if isinstance(given, list) else [""]


def unit_vector(text: str, dimensions: int) -> list[float]:
    """A vector of length one, drawn from the hash of a text."""
    values = list(_values(text, dimensions))
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]


def _values(text: str, count: int) -> Iterator[float]:
    stream = hashlib.shake_256(text.encode()).digest(count * 2)
    for (value,) in struct.iter_unpack("<h", stream):
        yield value / 32768 or 1.0


def _base64(vector: list[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _png() -> bytes:
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\x00\xff")
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", pixels) + part(b"IEND", b"")
