"""The paths of what one provider keeps: responses, files, conversations, vector stores, containers and the like.

A path is a row. The first `{...}` of it is an id that has to be the key's own; what stands behind that is a part of
it. What stands nowhere here is not served, and `NOT_SERVED` says why not.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

import msgspec

from gateway.shapes import responses
from gateway.shapes.declares import Declares, Place
from gateway.shapes.endpoints import BodyForm, Endpoint
from gateway.shapes.messages import envelope, error_event
from gateway.shapes.shape import Shape
from gateway.shapes.state import ANY, Created, FindCreated, Reference, created_object
from gateway.shapes.vendor import Vendor
from gateway.usage import Stated
from gateway.wire.request_body import RequestBody


def _no_usage(_body: bytes) -> Stated | None:
    return None


def _no_usage_of_event(_stated: Stated | None, _data: bytes) -> Stated | None:
    return None


_OPENAI: Final = Shape(
    name="stored",
    read_usage=_no_usage,
    read_event=_no_usage_of_event,
    events=responses.EVENTS,
    frame=responses.failed_event,
    counts_events=True,
    state=ANY,
)
_ANTHROPIC: Final = replace(_OPENAI, vendor=Vendor.ANTHROPIC, frame=error_event, envelope=envelope)
_ITEMS: Final = replace(
    _OPENAI, declares=Declares(places=(Place("items[]", "item", bulk=True),), kinds=responses.DECLARES.kinds)
)
"""Conversations, which may declare tools."""


def _making(shape: Shape, created: FindCreated) -> Shape:
    return replace(shape, state=replace(ANY, keeps=lambda _body: True, created=created))


class _Completed(msgspec.Struct, gc=False):
    file: "_File | None" = None


class _File(msgspec.Struct, gc=False):
    id: str = ""


_decode_completed: Final = msgspec.json.Decoder(_Completed).decode


def _file_of_upload(_body: RequestBody, data: bytes) -> Sequence[Created]:
    try:
        file = _decode_completed(data).file
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    return () if file is None or not file.id else (Created("file", file.id),)


_RESULTS: Final = re.compile(
    rb'("results_url"[ \t\r\n]*:[ \t\r\n]*")https?://[^"/]*(?=/v1/messages/batches/[^"]*/results")'
)


def own_addresses(data: bytes) -> bytes:
    """Where the results of batches are, as a path of this gateway: clients would ask the provider itself otherwise."""
    return _RESULTS.sub(rb"\1", data) if b'"results_url"' in data else data


def _files_of_batch(_body: RequestBody, data: bytes) -> Sequence[Created]:
    """The files that a batch of OpenAI's has written by now."""
    try:
        batch = _decode_batch(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ()
    return [Created("file", id_) for id_ in (batch.output_file_id, batch.error_file_id) if id_]


class _Batch(msgspec.Struct, gc=False):
    output_file_id: str | None = None
    error_file_id: str | None = None


_decode_batch: Final = msgspec.json.Decoder(_Batch).decode


def _rows(name: str, path: str, operations: str, *, kind: str | None = None, shape: Shape = _OPENAI) -> list[Endpoint]:
    """What is usual of a kind: `make` and `list` at its path, `get`, `change` and `remove` of one below it."""
    made = shape if kind is None else _making(shape, created_object(kind))
    one = f"{path}/{{id}}"
    known = {
        "make": Endpoint(
            name=f"{name}_create", path=path, shape=made, takes_files=kind in _UPLOADED, brings_input=name == "files"
        ),
        "list": Endpoint(name=f"{name}_list", path=path, shape=shape, method="GET", lists=kind),
        "get": Endpoint(name=f"{name}_get", path=one, shape=shape, method="GET"),
        "change": Endpoint(name=f"{name}_change", path=one, shape=shape),
        "remove": Endpoint(name=f"{name}_delete", path=one, shape=shape, method="DELETE", removes=True),
    }
    return [_stored(known[operation]) for operation in operations.split()]


def _stored(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, is_stored=True, metered=False, body=BodyForm.ANY)


def _row(
    name: str, method: str, path: str, shape: Shape = _OPENAI, *, takes_files: bool = False, brings_input: bool = False
) -> Endpoint:
    return _stored(
        Endpoint(name=name, path=path, shape=shape, method=method, takes_files=takes_files, brings_input=brings_input)
    )


def _with_results(rows: Sequence[Endpoint]) -> list[Endpoint]:
    """The same, where answers say where results are."""
    return [replace(row, edits_answer=own_addresses) for row in rows]


def _deferring(rows: list[Endpoint], kind: str) -> list[Endpoint]:
    """The same, where what is made goes on by itself."""
    return [replace(row, defers=kind) if row.method == "POST" else row for row in rows]


_PART: Final = _making(_OPENAI, created_object("upload.part"))
_BATCH: Final = _making(_OPENAI, _files_of_batch)
_UPLOADED: Final = ("file", "skill")
_STORES = "/v1/vector_stores/{id}"
_CONTAINERS = "/v1/containers/{id}"
_MESSAGES = "/v1/messages/batches"

STORED: Final[Sequence[Endpoint]] = (
    *_rows("responses", "/v1/responses", "get remove"),
    _row("responses_cancel", "POST", "/v1/responses/{id}/cancel"),
    _row("responses_input_items", "GET", "/v1/responses/{id}/input_items"),
    *_rows("chat_completions", "/v1/chat/completions", "list get change remove", kind="chat.completion"),
    _row("chat_completions_messages", "GET", "/v1/chat/completions/{id}/messages"),
    *_rows("conversations", "/v1/conversations", "make get change remove", kind="conversation", shape=_ITEMS),
    _row("conversations_items_create", "POST", "/v1/conversations/{id}/items", _ITEMS),
    _row("conversations_items_list", "GET", "/v1/conversations/{id}/items"),
    _row("conversations_items_get", "GET", "/v1/conversations/{id}/items/{part}"),
    _row("conversations_items_delete", "DELETE", "/v1/conversations/{id}/items/{part}"),
    *_rows("files", "/v1/files", "make list get remove", kind="file"),
    _row("files_content", "GET", "/v1/files/{id}/content"),
    *_rows("uploads", "/v1/uploads", "make", kind="upload"),
    _row("uploads_parts", "POST", "/v1/uploads/{id}/parts", _PART, takes_files=True, brings_input=True),
    _row("uploads_complete", "POST", "/v1/uploads/{id}/complete", _making(_OPENAI, _file_of_upload), brings_input=True),
    _row("uploads_cancel", "POST", "/v1/uploads/{id}/cancel"),
    *_deferring(_rows("batches", "/v1/batches", "make list", kind="batch"), "batch"),
    *_rows("batches", "/v1/batches", "get", shape=_BATCH),
    _row("batches_cancel", "POST", "/v1/batches/{id}/cancel", _BATCH),
    *_rows("vector_stores", "/v1/vector_stores", "make list get change remove", kind="vector_store"),
    _row("vector_stores_search", "POST", f"{_STORES}/search"),
    _row("vector_stores_files_create", "POST", f"{_STORES}/files"),
    _row("vector_stores_files_list", "GET", f"{_STORES}/files"),
    _row("vector_stores_files_get", "GET", f"{_STORES}/files/{{part}}"),
    _row("vector_stores_files_change", "POST", f"{_STORES}/files/{{part}}"),
    _row("vector_stores_files_delete", "DELETE", f"{_STORES}/files/{{part}}"),
    _row("vector_stores_files_content", "GET", f"{_STORES}/files/{{part}}/content"),
    _row("vector_stores_batches_create", "POST", f"{_STORES}/file_batches"),
    _row("vector_stores_batches_get", "GET", f"{_STORES}/file_batches/{{part}}"),
    _row("vector_stores_batches_cancel", "POST", f"{_STORES}/file_batches/{{part}}/cancel"),
    _row("vector_stores_batches_files", "GET", f"{_STORES}/file_batches/{{part}}/files"),
    *_rows("containers", "/v1/containers", "make list get remove", kind="container"),
    _row("containers_files_create", "POST", f"{_CONTAINERS}/files", takes_files=True),
    _row("containers_files_list", "GET", f"{_CONTAINERS}/files"),
    _row("containers_files_get", "GET", f"{_CONTAINERS}/files/{{part}}"),
    _row("containers_files_delete", "DELETE", f"{_CONTAINERS}/files/{{part}}"),
    _row("containers_files_content", "GET", f"{_CONTAINERS}/files/{{part}}/content"),
    *_rows("skills", "/v1/skills", "make list get change remove", kind="skill"),
    _row("skills_content", "GET", "/v1/skills/{id}/content"),
    _row("skills_versions_create", "POST", "/v1/skills/{id}/versions", takes_files=True),
    _row("skills_versions_list", "GET", "/v1/skills/{id}/versions"),
    _row("skills_versions_get", "GET", "/v1/skills/{id}/versions/{part}"),
    _row("skills_versions_delete", "DELETE", "/v1/skills/{id}/versions/{part}"),
    _row("skills_versions_content", "GET", "/v1/skills/{id}/versions/{part}/content"),
    *_rows("anthropic_files", "/v1/files", "make list get remove", kind="file", shape=_ANTHROPIC),
    _row("anthropic_files_content", "GET", "/v1/files/{id}/content", _ANTHROPIC),
    *_deferring(
        _with_results(_rows("message_batches", _MESSAGES, "make list", kind="message_batch", shape=_ANTHROPIC)),
        "message_batch",
    ),
    *_with_results(_rows("message_batches", _MESSAGES, "get remove", shape=_ANTHROPIC)),
    *_with_results([_row("message_batches_cancel", "POST", f"{_MESSAGES}/{{id}}/cancel", _ANTHROPIC)]),
    _row("message_batches_results", "GET", f"{_MESSAGES}/{{id}}/results", _ANTHROPIC),
    *_rows("anthropic_skills", "/v1/skills", "make list get remove", kind="skill", shape=_ANTHROPIC),
    _row("anthropic_skills_versions_create", "POST", "/v1/skills/{id}/versions", _ANTHROPIC, takes_files=True),
    _row("anthropic_skills_versions_list", "GET", "/v1/skills/{id}/versions", _ANTHROPIC),
    _row("anthropic_skills_versions_get", "GET", "/v1/skills/{id}/versions/{part}", _ANTHROPIC),
    _row("anthropic_skills_versions_delete", "DELETE", "/v1/skills/{id}/versions/{part}", _ANTHROPIC),
    _row("anthropic_skills_versions_content", "GET", "/v1/skills/{id}/versions/{part}/content", _ANTHROPIC),
)
"""Where both vendors have a path, a client that sends `anthropic-version` means Anthropic's."""

_LATER: Final = "runs models later, and nothing here judges or charges that"
_ACCOUNT: Final = "belongs to the account, not to a key"
_OWN_CALLS: Final = "not judged or metered here"

NOT_SERVED: Final[Mapping[str, str]] = {
    "/v1/agents": _LATER,
    "/v1/deployment_runs": _LATER,
    "/v1/deployments": _LATER,
    "/v1/dreams": _LATER,
    "/v1/environments": _LATER,
    "/v1/evals": _LATER,
    "/v1/fine_tuning": _LATER,
    "/v1/memory_stores": _LATER,
    "/v1/sessions": _LATER,
    "/v1/audio/voice_consents": _ACCOUNT,
    "/v1/audio/voices": _ACCOUNT,
    "/v1/compliance": _ACCOUNT,
    "/v1/models": _ACCOUNT,
    "/v1/organization": _ACCOUNT,
    "/v1/organizations": _ACCOUNT,
    "/v1/projects": _ACCOUNT,
    "/v1/safety": _ACCOUNT,
    "/v1/tunnels": _ACCOUNT,
    "/v1/user_profiles": _ACCOUNT,
    "/v1/vaults": _ACCOUNT,
    "/v1/webhook_endpoints": _ACCOUNT,
    "/v1/webhook_event_types": _ACCOUNT,
    "/v1/content_provenance_checks": _OWN_CALLS,
    "/v1/decisions": _OWN_CALLS,
    "/v1/videos": "billed by the second, which no answer states",
    "/v1/chatkit": "sessions of a widget that asks OpenAI itself",
    "/v1/live": "spoken over WebSockets and WebRTC alone",
    "/v1/realtime": "spoken over WebSockets and WebRTC alone",
    "/v1/assistants": "Responses took its place",
    "/v1/threads": "Responses took its place",
}
"""Of what the vendors' SDKs call, the beginnings of paths that are not served, each with the reason."""


def of_request(row: Endpoint, parts: Mapping[str, str]) -> Endpoint:
    """The row as one request calls it, with what stands in its path.

    Args:
        row: One of `STORED`.
        parts: The values of the `{...}` of its path, decoded.
    """
    path = row.path.format_map({name: quote(value, safe="") for name, value in parts.items()})
    named = (Reference(parts["id"], ""),) if "id" in parts else ()
    return replace(row, path=path, named=named)
