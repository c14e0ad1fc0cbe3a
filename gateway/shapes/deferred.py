"""Work that goes on after its request: what ends it, and what it then says of its usage.

https://platform.openai.com/docs/api-reference/batch, https://docs.claude.com/en/api/creating-message-batches,
https://platform.openai.com/docs/guides/background.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from gateway.shapes.endpoints import ENDPOINTS, Endpoint
from gateway.wire.unreadable import UNREADABLE

BATCHED: Final[Mapping[str, Endpoint]] = {
    ENDPOINTS[name].path: ENDPOINTS[name]
    for name in ("chat_completions", "completions", "embeddings", "images_generations", "moderations", "responses")
}
"""The paths that lines of OpenAI's batches may call here."""
MOST_REQUESTS: Final = 100_000
"""Requests of one batch: as many as Anthropic takes, and twice as many as OpenAI."""

_ERRORS: Final = 400
_decode: Final = msgspec.json.Decoder().decode


@dataclass(frozen=True, kw_only=True)
class Deferred:
    """One kind of such work.

    Args:
        name: How the ledger calls it.
        made_at: The endpoint that makes it.
        fetched_at: The endpoint that says how far it is.
        status: The member that says so.
        ends: What that says at the end.
        results_at: The endpoint of its results, below which each line is one answer; `None`: it is its own answer.
        result_files: Members with the ids of files of results.
        answer: The answer in a line of its results.
        is_batch: Whether batches have a price of their own.
    """

    name: str
    made_at: str
    fetched_at: str
    status: str
    ends: frozenset[str]
    results_at: str | None
    result_files: Sequence[str] = ()
    answer: Callable[[Any], Any]
    is_batch: bool = True


def _answer_of_openai(line: Any) -> Any:
    response = line["response"]
    return response["body"] if response.get("status_code", 200) < _ERRORS else None


def _answer_of_anthropic(line: Any) -> Any:
    return line["result"]["message"]


def _answer_in_background(answer: Any) -> Any:
    """One that was cancelled has consumed something even where it does not say so."""
    return None if answer["status"] == "failed" and answer.get("usage") is None else answer


BATCH: Final = Deferred(
    name="batch",
    made_at="batches_create",
    fetched_at="batches_get",
    status="status",
    ends=frozenset(("completed", "failed", "expired", "cancelled")),
    results_at="files_content",
    result_files=("output_file_id",),
    answer=_answer_of_openai,
)
MESSAGE_BATCH: Final = Deferred(
    name="message_batch",
    made_at="message_batches_create",
    fetched_at="message_batches_get",
    status="processing_status",
    ends=frozenset(("ended",)),
    results_at="message_batches_results",
    answer=_answer_of_anthropic,
)
BACKGROUND: Final = Deferred(
    name="background_response",
    made_at="responses",
    fetched_at="responses_get",
    status="status",
    ends=frozenset(("completed", "failed", "incomplete", "cancelled")),
    results_at=None,
    answer=_answer_in_background,
    is_batch=False,
)
KINDS: Final[Mapping[str, Deferred]] = {one.name: one for one in (BATCH, MESSAGE_BATCH, BACKGROUND)}


def progress(kind: Deferred, data: bytes) -> tuple[bool, Sequence[str]] | None:
    """Whether the work is over, by what its provider says, and the files of its results; `None`: it says nothing."""
    try:
        said = _decode(data)
        status = said.get(kind.status)
    except (*UNREADABLE, AttributeError):
        return None
    if not isinstance(status, str):
        return None
    files = [said[name] for name in kind.result_files if isinstance(said.get(name), str) and said[name]]
    return status in kind.ends, files


def answer_in(kind: Deferred, line: bytes) -> bytes | None:
    """One answer of the work; `None` for one that failed, and consumed nothing."""
    try:
        answer = kind.answer(_decode(line))
    except UNREADABLE:
        return b"{}"  # nobody can tell what it consumed
    except (LookupError, TypeError, AttributeError):
        return None
    return msgspec.json.encode(answer) if isinstance(answer, dict) else None
